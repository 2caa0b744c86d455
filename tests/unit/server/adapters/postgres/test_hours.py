"""The hour key over two nodes: nothing that waits is out of reach, and the old key goes as soon as all have turned."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sayso.server.adapters.postgres.hours import Hours
from sayso.server.adapters.postgres.mailbox import PostgresMailboxStore
from sayso.server.adapters.postgres.nodes import Node
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import make_schema
from sayso.server.adapters.system import SystemRandom
from sayso.server.core.hour_ratchet import STEPS_MAX
from sayso.server.core.model import Batch
from sayso.server.errors import KeyringError
from sayso.server.ports import HourState
from tests.aio import run
from tests.contract.mailbox_store import ANNA, put
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.postgres_server import shared_server


class End:
    """One machine: a copy of the keyring, a node, a store."""

    def __init__(self, pool: Pool, keyring: MemoryKeyring) -> None:
        self.pool = pool
        self.keyring = keyring
        self.hours = Hours(pool, keyring, SystemRandom())

    async def join(self) -> "End":
        await self.hours.catch_up()
        self.node = await Node.register(self.pool, generation=self.hours.generation, bus=True)
        self.hours.node = self.node.id
        await self.hours.catch_up()
        self.store = PostgresMailboxStore(self.pool, self.node.id, self.hours, SystemRandom())
        return self

    @property
    def generations(self) -> list[int]:
        return [state.generation for state in self.keyring.hour_states()]


@asynccontextmanager
async def two() -> AsyncIterator[tuple[End, End]]:
    pool = await Pool.open(shared_server().emptied_schema("hours"))
    await pool.run(make_schema)
    await pool.run(lambda connection: connection.execute("UPDATE rewrapped SET generation = 0"))
    one, other = [await End(pool, MemoryKeyring()).join() for _ in range(2)]
    yield one, other
    for end in (one, other):
        end.node.drop()
    await pool.close()


def test_the_old_key_is_kept_until_all_have_turned_and_everything_is_wrapped_anew() -> None:
    async def main() -> None:
        async with two() as (one, other):
            await one.store.commit(Batch(put=[put(1)]))
            await one.hours.turn(1)
            assert one.generations == [0, 1]
            await other.store.commit(Batch(put=[put(2)]))
            await one.store.commit(Batch(put=[put(3)]))
            # Each reads what the other has wrapped, under the hour before or the one to come.
            for end in (one, other):
                assert [seq for seq, _ in await end.store.window(ANNA, [1, 2, 3])] == [1, 2, 3]
            await other.hours.turn(1)
            assert other.generations == [1]
            await one.hours.turn(1)
            assert one.generations == [1]
            for end in (one, other):
                assert [seq for seq, _ in await end.store.window(ANNA, [1, 2, 3])] == [1, 2, 3]

    run(main())


def test_a_node_that_is_fenced_holds_nobody_up() -> None:
    async def main() -> None:
        async with two() as (one, other):
            await one.hours.turn(1)
            assert one.generations == [0, 1]
            await other.node.leave()
            await one.hours.turn(1)
            assert one.generations == [1]

    run(main())


def test_a_node_that_comes_late_catches_up_before_it_wraps() -> None:
    async def main() -> None:
        async with two() as (one, other):
            await one.store.commit(Batch(put=[put(1)]))
            for end in (one, other, one):
                await end.hours.turn(30)
            late = await End(one.pool, MemoryKeyring()).join()
            assert late.hours.generation == 30
            assert [seq for seq, _ in await late.store.window(ANNA, [1])] == [1]
            await late.store.commit(Batch(put=[put(2)]))
            assert [seq for seq, _ in await one.store.window(ANNA, [1, 2])] == [1, 2]
            late.node.drop()

    run(main())


def test_many_envelopes_of_many_devices_are_wrapped_anew() -> None:
    async def main() -> None:
        async with two() as (one, other):
            await one.store.commit(Batch(put=[put(seq) for seq in range(1, 2501)]))
            for end in (one, other, one):
                await end.hours.turn(2)
            assert one.generations == other.generations == [2]
            found = await one.store.window(ANNA, list(range(1, 2501)))
            assert len(found) == 2500

    run(main())


def test_a_keyring_that_is_years_behind_is_refused() -> None:
    async def main() -> None:
        async with two() as (one, _):
            await one.pool.run(
                lambda connection: connection.execute("UPDATE rewrapped SET generation = $1", STEPS_MAX + 1)
            )
            with pytest.raises(KeyringError, match="years behind"):
                await End(one.pool, MemoryKeyring()).join()

    run(main())


def test_a_later_hour_is_derived_and_an_earlier_one_is_not() -> None:
    async def main() -> None:
        async with two() as (one, _):
            assert one.hours.opens(5)
            assert not one.hours.opens(-1)
            assert not one.hours.opens(STEPS_MAX + 5)
            assert HourState(generation=0, state=bytes(32)) != one.keyring.hour_states()[0]

    run(main())
