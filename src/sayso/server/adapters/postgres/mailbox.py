"""PostgresMailboxStore: the port MailboxStore over PostgreSQL, each batch under its node's fence."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final, TypeAlias

import asyncpg

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, HandleHash
from sayso.server.adapters.mailbox.sealing import open_body
from sayso.server.adapters.postgres.faults import CLASHED, LOST, translate
from sayso.server.adapters.postgres.hours import Hours
from sayso.server.adapters.postgres.nodes import hold_fence
from sayso.server.adapters.postgres.owners import read_held
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.writing import Row, sealed_rows, write
from sayso.server.core.model import Batch, Held, StoredOutcome
from sayso.server.errors import CorruptError, NoSpaceError, ServerError, StoreError
from sayso.server.ports import Random

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_INLINE: Final = 32
"""Envelopes that are sealed in the event loop; of more it would notice."""
_RETRY_S: Final = 0.1
_PATIENCE_S: Final = 30.0


class PostgresMailboxStore:
    """Mailboxes, doubts and outcomes of the devices that this node owns; outcomes of all.

    A commit whose connection is lost is settled by its transaction's id: it is made again only if it was rolled back.
    After a StoreError that is not a NoSpaceError the store refuses everything until a new one is opened.
    """

    def __init__(self, pool: Pool, node: int, hours: Hours, random: Random) -> None:
        """Use a database whose schema is current, as a registered node."""
        self._pool = pool
        self._node = node
        self._hours = hours
        self._random = random
        self._devices: dict[int, bytes] = {}
        """Of each envelope in the store its device: rows are deleted by their whole key."""
        self._dead = False

    async def load(self) -> Held:
        """See MailboxStore. A server that shares the database claims devices instead, and calls `took_up`."""
        self._refuse_dead()
        held = await self._pool.run(lambda connection: read_held(connection, opens=self._hours.opens))
        self.took_up(held)
        return held

    def took_up(self, held: Held) -> None:
        """Note envelopes that were read otherwise."""
        self._devices.update({waiting.seq: waiting.device for waiting in held.waiting})

    def let_go(self, seqs: Collection[int]) -> None:
        """Forget envelopes that another node takes over."""
        for seq in seqs:
            self._devices.pop(seq, None)

    async def commit(self, batch: Batch) -> None:
        """See MailboxStore."""
        self._refuse_dead()
        if not batch:
            return
        try:
            async with self._hours.sealing() as keys:
                if len(batch.put) <= _INLINE:
                    rows = sealed_rows(batch.put, keys=keys, random=self._random)
                else:
                    rows = await asyncio.to_thread(sealed_rows, batch.put, keys=keys, random=self._random)
                await self._commit(batch, rows)
        except NoSpaceError:
            raise
        except ServerError:
            self._dead = True
            raise

    async def window(self, device: DeviceId, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
        """See MailboxStore."""
        self._refuse_dead()

        async def read(connection: Connection) -> list[asyncpg.Record]:
            found: list[asyncpg.Record] = await connection.fetch(
                "SELECT seq, eid, generation, wrap, sealed FROM mail WHERE device = $1 AND seq = ANY($2::bigint[])",
                device,
                list(seqs),
            )
            return found

        rows = {row["seq"]: row for row in await self._pool.run(read)} if seqs else {}
        found = []
        for seq in seqs:
            row = rows.get(seq)
            if row is None:
                continue
            envelope_id = row["eid"]
            try:
                key = self._hours.keys(row["generation"]).unwrap(
                    row["generation"], row["wrap"], seq=seq, envelope_id=envelope_id
                )
                found.append((seq, open_body(row["sealed"], key, device=device, envelope_id=envelope_id, seq=seq)))
            except CorruptError:
                continue
        return found

    async def outcome(self, handle_hash: HandleHash) -> StoredOutcome | None:
        """See MailboxStore."""
        self._refuse_dead()

        async def read(connection: Connection) -> asyncpg.Record | None:
            return await connection.fetchrow(
                "SELECT state, granted, deposited, at FROM outcome WHERE hh = $1", handle_hash
            )

        row = await self._pool.run(read)
        if row is None:
            return None
        return StoredOutcome(
            handle_hash=handle_hash,
            state=OutcomeState(row["state"]),
            granted=row["granted"],
            deposited=row["deposited"],
            at=row["at"],
        )

    async def _commit(self, batch: Batch, rows: Sequence[Row]) -> None:
        fresh: dict[int, bytes] = {put.waiting.seq: put.waiting.device for put in batch.put}
        gone = [seq for seq, _ in batch.settled] + [seq for seq, _ in batch.doubted]
        known = [(seq, fresh.get(seq) or self._devices.get(seq)) for seq in gone]
        leaving = {seq: device for seq, device in known if device is not None}
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE_S
        while True:
            attempt = _Attempt()
            try:
                await self._attempt(attempt, batch, rows, leaving)
                break
            except CLASHED:
                pass  # rolled back as a whole
            except LOST as error:
                if attempt.xid is not None and await self._was_committed(attempt.xid):
                    break
                if loop.time() >= until:
                    raise translate(error) from error
            except asyncpg.PostgresError as error:
                raise translate(error) from error
            await asyncio.sleep(_RETRY_S)
        self._devices.update(fresh)
        for seq in gone:
            self._devices.pop(seq, None)

    async def _attempt(self, attempt: "_Attempt", batch: Batch, rows: Sequence[Row], leaving: dict[int, bytes]) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            attempt.xid = await hold_fence(connection, self._node)
            await write(connection, batch, rows, leaving)

    async def _was_committed(self, xid: str) -> bool:
        """Find out what became of a transaction whose connection was lost."""

        async def ask(connection: Connection) -> str | None:
            status: str | None = await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", xid)
            return status

        while True:
            status = await self._pool.run(ask)
            if status == "in progress":  # the old session has not noticed yet
                await asyncio.sleep(_RETRY_S)
                continue
            if status is None:
                raise StoreError("PostgreSQL does not know any more what became of a batch: start anew")
            return status == "committed"

    def _refuse_dead(self) -> None:
        if self._dead:
            raise StoreError("the store failed before: see PostgreSQL's log, then start the server anew")


class _Attempt:
    """One try of a commit."""

    __slots__ = ("xid",)

    def __init__(self) -> None:
        self.xid: str | None = None
