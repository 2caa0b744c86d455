"""`Ownership` and `Nodes` against one contract: PostgreSQL, and the fake that the cluster's tests use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from sayso.protocol.ids import DeviceId
from sayso.server.adapters.postgres import nodes
from sayso.server.adapters.postgres.hours import Hours
from sayso.server.adapters.postgres.mailbox import PostgresMailboxStore
from sayso.server.adapters.postgres.nodes import Node
from sayso.server.adapters.postgres.owners import Owners
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import make_schema
from sayso.server.adapters.system import SystemRandom
from sayso.server.cluster_port import Nodes, Ownership
from sayso.server.core.model import Batch
from sayso.server.ports import MailboxStore
from tests.aio import run
from tests.contract.mailbox_store import ANNA, BEN, doubt, put
from tests.fakes.cluster import FakeOwnership, Record
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.mailbox_store import FakeMailboxStore
from tests.fakes.postgres_server import shared_server


@dataclass
class End:
    """One node, as the others and the record see it."""

    number: int
    ownership: Ownership
    nodes: Nodes
    store: MailboxStore


class OwnershipContract:
    """The tests."""

    def open_ends(self) -> AbstractAsyncContextManager[tuple[End, End]]:
        """Open two nodes over one empty record."""
        raise NotImplementedError

    async def silence(self, end: End) -> None:
        """Have a node be silent for so long that others may fence it."""
        raise NotImplementedError

    def test_a_device_is_held_by_one_node(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, other):
                claimed = await one.ownership.claim([ANNA, BEN])
                assert claimed.mine == {ANNA, BEN}
                assert not claimed.elsewhere
                again = await other.ownership.claim([ANNA])
                assert (again.mine, dict(again.elsewhere)) == (frozenset(), {ANNA: one.number})
                assert (await one.ownership.claim([ANNA])).mine == {ANNA}
                assert await other.ownership.owner(ANNA) == one.number
                assert await other.ownership.owner(DeviceId(bytes(16))) is None

        run(main())

    def test_of_many_who_claim_at_once_one_gets_it(self) -> None:
        async def main() -> None:
            async with self.open_ends() as ends:
                devices = [DeviceId(bytes([number]) * 16) for number in range(50)]
                claims = [ends[turn % 2].ownership.claim(devices[:: 1 if turn % 3 else -1]) for turn in range(6)]
                mine = [claimed.mine for claimed in await asyncio.gather(*claims)]
                assert not (mine[0] | mine[2] | mine[4]) & (mine[1] | mine[3] | mine[5])
                assert frozenset[DeviceId]().union(*mine) == set(devices)

        run(main())

    def test_what_waits_comes_with_the_claim_and_seqs_grow(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, other):
                first = await one.ownership.claim([ANNA])
                low = first.held.next_seq
                await one.store.commit(Batch(put=[put(low), put(low + 1), put(low + 2)], handed={ANNA: low}))
                await one.store.commit(Batch(doubted=[(low + 2, doubt(put(low + 2)))]))
                await one.ownership.release([ANNA])
                held = (await other.ownership.claim([ANNA])).held
                assert [(w.seq, w.handed) for w in held.waiting] == [(low, True), (low + 1, False)]
                assert held.doubts == [doubt(put(low + 2))]
                assert held.next_seq > low + 2

        run(main())

    def test_a_released_device_is_nobody_s_and_only_its_holder_can_release_it(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, other):
                await one.ownership.claim([ANNA])
                await other.ownership.release([ANNA])
                assert await other.ownership.owner(ANNA) == one.number
                await one.ownership.release([ANNA])
                assert await other.ownership.owner(ANNA) is None
                assert (await other.ownership.claim([ANNA])).mine == {ANNA}

        run(main())

    def test_a_silent_node_is_fenced_and_what_it_held_can_be_taken(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, other):
                await one.ownership.claim([ANNA])
                assert await other.nodes.living() == [one.number]
                assert not await other.nodes.fence(one.number)
                await self.silence(one)
                assert await other.nodes.living() == []
                assert await other.nodes.fence(one.number)
                assert await other.ownership.owner(ANNA) is None
                assert (await other.ownership.claim([ANNA])).mine == {ANNA}

        run(main())

    def test_an_envelope_is_found_by_its_handle_and_counted(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, other):
                waits, doubted = put(5, ANNA), put(6, BEN)
                await one.store.commit(Batch(put=[waits, doubted]))
                await one.store.commit(Batch(doubted=[(6, doubt(doubted))]))
                assert await other.ownership.locate(waits.waiting.handle_hash) == ANNA
                assert await other.ownership.locate(doubted.waiting.handle_hash) == BEN
                assert await other.ownership.locate(put(7).waiting.handle_hash) is None
                assert await other.ownership.holdings(ANNA) == (1, waits.waiting.size)

        run(main())

    def test_what_is_overdue_and_nobody_s_is_found(self) -> None:
        async def main() -> None:
            async with self.open_ends() as (one, other):
                await one.store.commit(Batch(put=[put(5, ANNA), put(6, BEN)]))
                await one.ownership.claim([BEN])
                late = put(6).waiting.expires
                assert await other.ownership.overdue(now=late, at_most=10) == [ANNA]
                assert await other.ownership.overdue(now=late - 100, at_most=10) == []

        run(main())


class TestFake(OwnershipContract):
    def open_ends(self) -> AbstractAsyncContextManager[tuple[End, End]]:
        @asynccontextmanager
        async def ends() -> AsyncIterator[tuple[End, End]]:
            self.record = Record(nodes={1, 2})
            one, other = FakeOwnership(self.record, 1), FakeOwnership(self.record, 2)
            store = FakeMailboxStore(self.record.disk)
            yield End(1, one, one, store), End(2, other, other, store)

        return ends()

    async def silence(self, end: End) -> None:
        self.record.fenced.add(end.number)


class TestPostgres(OwnershipContract):
    def open_ends(self) -> AbstractAsyncContextManager[tuple[End, End]]:
        @asynccontextmanager
        async def ends() -> AsyncIterator[tuple[End, End]]:
            self.url = shared_server().emptied_schema("owners")
            self.pool = await Pool.open(self.url)
            await self.pool.run(make_schema)
            keyring = MemoryKeyring()
            made = []
            for _ in range(2):
                hours = Hours(self.pool, keyring, SystemRandom())
                node = await Node.register(self.pool, generation=hours.generation, bus=True)
                store = PostgresMailboxStore(self.pool, node.id, hours, SystemRandom())
                made.append(End(node.id, Owners(self.pool, node.id), node, store))
            yield made[0], made[1]
            for end in made:
                assert isinstance(end.nodes, Node)
                end.nodes.drop()
            await self.pool.close()

        return ends()

    async def silence(self, end: End) -> None:
        schema = self.url.rpartition("search_path=")[2]
        shared_server().sql(
            f"UPDATE {schema}.node SET beat = beat - interval '{nodes.SILENT_S + 1} s' WHERE id = {end.number}"  # noqa: S608
        )
        started = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) > 11"
        while shared_server().sql(started) != "t":  # noqa: ASYNC110  a database that has just started fences nobody
            await asyncio.sleep(0.5)
