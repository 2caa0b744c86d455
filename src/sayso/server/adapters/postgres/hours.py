"""The hour key over several nodes (design.md §6).

Every node derives the next hour's state from the one in its own keyring: they agree without talking. What they have to
tell each other is only how far they are.

    turn: add state n+1, wrap under it, say so ─▶ all nodes are at n+1 ─▶ one re-wraps what is left ─▶ each destroys n

A node that finds an envelope wrapped under a later hour than its own derives that hour's key: the ratchet goes forward.
So no clock has to agree with another one. A node that joins first catches up with the newest, then begins to wrap.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Final, TypeAlias

import asyncpg

from sayso.server.adapters.mailbox.sealing import NONCE_BYTES, WrapKeys
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import PARTITIONS
from sayso.server.core import hour_ratchet
from sayso.server.errors import CorruptError, KeyringError
from sayso.server.ports import HourState, Keyring, Random

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_CHUNK: Final = 2048
_UPDATE: Final = (
    "UPDATE mail SET generation = $1, wrap = fresh.wrap FROM unnest($2::bytea[], $3::bigint[], $4::bytea[])"
    " AS fresh (device, seq, wrap) WHERE mail.device = fresh.device AND mail.seq = fresh.seq"
)


class Hours:
    """The hour keys of one node; `HourKeys` for housekeeping."""

    def __init__(
        self,
        pool: Pool,
        keyring: Keyring,
        random: Random,
        *,
        exclusively: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Use a keyring.

        Args:
            pool: to the database.
            keyring: holds the hour states; other processes of this machine may use the same one.
            random: for nonces.
            exclusively: keeps those processes from turning at the same time.
        """
        self._pool = pool
        self._keyring = keyring
        self._random = random
        self._exclusively = exclusively
        self._states = keyring.hour_states()
        self._newest = WrapKeys(self._states)
        self._later: dict[int, WrapKeys] = {}
        self._using = asyncio.Lock()
        self.node: int | None = None
        """Set once this process is a node: from then on it says how far it is."""

    @property
    def generation(self) -> int:
        """Of the hour key that wraps now."""
        return self._newest.newest_generation

    @property
    def opens(self) -> Callable[[int], bool]:
        """Tells of a generation whether its envelopes can be opened."""
        return self._opens

    @asynccontextmanager
    async def sealing(self) -> AsyncIterator[WrapKeys]:
        """Give the keys to wrap under; no turn is said to be made before the block has ended."""
        async with self._using:
            yield self._newest

    def keys(self, generation: int) -> WrapKeys:
        """Return keys that open a generation.

        Raises:
            CorruptError: its hour is over, or so far ahead that it is none of ours.
        """
        if generation <= self.generation:
            return self._newest
        later = self._later.get(generation)
        if later is None:
            state = self._state_of(generation)
            later = self._later[generation] = WrapKeys([HourState(generation=generation, state=state)])
        return later

    async def catch_up(self) -> None:
        """Come to where the other nodes are. Before anything is wrapped, and again after having become a node."""

        async def read(connection: Connection) -> int:
            newest: int = await connection.fetchval(
                "SELECT greatest((SELECT max(generation) FROM node), (SELECT generation FROM rewrapped))"
            )
            return newest

        newest = await self._pool.run(read)
        if newest > self.generation:
            await self._advance(newest)

    async def turn(self, generation: int) -> None:
        """See `HourKeys`. What others have to do first is waited for in later calls."""
        await self.catch_up()
        if generation > self.generation:
            await self._advance(generation)
        await self.finish()

    async def finish(self) -> None:
        """Re-wrap and destroy, if all nodes are as far as this one; else leave it for later."""
        newest = self.generation
        if len(self._states) == 1 or not await self._pool.run(self._all_turned):
            return
        if not await self._rewrapped():
            return
        with self._exclusively():
            self._keyring.destroy_hour_states_before(newest)
            self._take_states()

    async def _advance(self, generation: int) -> None:
        if len(self._states) > 1:
            await self.finish()
        async with self._using:
            with self._exclusively():
                held = self._keyring.hour_states()
                last = held[-1]
                if last.generation < generation:
                    if generation - last.generation > hour_ratchet.STEPS_MAX:
                        raise KeyringError(
                            "the hour keys in this keyring are years behind those of other processes: check the "
                            "clocks, and copy the keyring of a machine that runs"
                        )
                    self._keyring.add_hour_state(HourState(generation=generation, state=_ahead(last, generation)))
            self._take_states()
        if self.node is not None:
            node = self.node

            async def say(connection: Connection) -> None:
                await connection.execute(
                    "UPDATE node SET generation = greatest(generation, $2) WHERE id = $1", node, self.generation
                )

            await self._pool.run(say)

    def _take_states(self) -> None:
        self._states = self._keyring.hour_states()
        self._newest = WrapKeys(self._states)
        self._later = {}

    def _state_of(self, generation: int) -> bytes:
        last = self._states[-1]
        if generation - last.generation > hour_ratchet.STEPS_MAX:
            raise CorruptError("an envelope is wrapped under an hour that cannot be")
        return _ahead(last, generation)

    def _opens(self, generation: int) -> bool:
        try:
            return self.keys(generation).holds(generation)
        except CorruptError:
            return False

    async def _all_turned(self, connection: Connection) -> bool:
        behind = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM node WHERE NOT fenced AND generation < $1)", self.generation
        )
        return not behind

    async def _rewrapped(self) -> bool:
        """Have everything wrapped under the newest key, by this node or by another one."""
        newest = self.generation
        async with self._pool.connection() as guard:
            if await guard.fetchval("SELECT generation >= $1 FROM rewrapped", newest):
                return True
            lock = "hashtext('sayso rewrap ' || current_schema())"
            if not await guard.fetchval(f"SELECT pg_try_advisory_lock({lock})"):
                return False
            try:
                for partition in range(PARTITIONS):
                    await self._rewrap(partition, newest)
                await guard.execute(
                    "DELETE FROM handed WHERE NOT EXISTS (SELECT FROM mail WHERE device = handed.device)"
                )
                await guard.execute("UPDATE rewrapped SET generation = greatest(generation, $1)", newest)
            finally:
                await guard.execute(f"SELECT pg_advisory_unlock({lock})")
        return True

    async def _rewrap(self, partition: int, newest: int) -> None:
        after: tuple[bytes, int] | None = (b"", 0)
        while after is not None:
            device, seq = after
            after = await self._pool.run(
                lambda connection, device=device, seq=seq: self._rewrap_some(  # type: ignore[misc]
                    connection, partition, newest, device, seq
                )
            )

    async def _rewrap_some(
        self, connection: Connection, partition: int, newest: int, device: bytes, seq: int
    ) -> tuple[bytes, int] | None:
        """Re-wrap the next rows in the order of their keys. Returns the last one's key; None at the end."""
        rows = await connection.fetch(
            f"SELECT device, seq, eid, generation, wrap FROM mail_{partition}"  # noqa: S608  a number of ours
            " WHERE (device, seq) > ($1, $2) AND generation < $3 ORDER BY device, seq LIMIT $4",
            device,
            seq,
            newest,
            _CHUNK,
        )
        nonces = self._random.token_bytes(NONCE_BYTES * len(rows))
        devices, seqs, wraps = [], [], []
        for place, row in enumerate(rows):
            try:
                key = self._newest.unwrap(row["generation"], row["wrap"], seq=row["seq"], envelope_id=row["eid"])
            except CorruptError:
                continue  # after this hour nobody can open it
            nonce = nonces[NONCE_BYTES * place : NONCE_BYTES * (place + 1)]
            devices.append(row["device"])
            seqs.append(row["seq"])
            wraps.append(self._newest.wrap(key, nonce, seq=row["seq"], envelope_id=row["eid"]))
        await connection.execute(_UPDATE, newest, devices, seqs, wraps)
        return (rows[-1]["device"], rows[-1]["seq"]) if rows else None


def _ahead(state: HourState, generation: int) -> bytes:
    return hour_ratchet.advance(
        state.state, generation=state.generation, to=generation, fresh=bytes(hour_ratchet.STATE_BYTES)
    )
