"""Each running process is a node. A node that was fenced commits nothing any more, and what it owned may be taken.

    register ─▶ beating ──────────────── stop ─▶ fenced by itself
                   └─ silent for 10 s, or its session is gone and it is silent for 3 s ─▶ fenced by whoever needs it

The node's id is its fencing token: drawn from a sequence, never used again. Every batch takes a shared advisory lock of
its node and then looks whether it is fenced; who fences takes the exclusive one first. So a batch is either durable
before the fence, and seen by whoever takes over, or it is refused. Node and session locks cost no row.

A node that has not heard of its own beat for `LEASE_S` stops by itself, before anybody may fence it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from sayso.server.adapters.postgres.pool import Pool
from sayso.server.core.running_clock import Heartbeat
from sayso.server.errors import OthersRunError, StoreError

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

BEAT_S: Final = 1.0
LEASE_S: Final = 7.0
"""A node whose last beat that was answered was sent this long ago takes and gives nothing more."""
SILENT_S: Final = 10.0
"""A node that beats no more may be fenced after this long, by the database's clock."""
GONE_S: Final = 3.0
"""The same where its session is gone too, as after `kill -9`."""

_FENCE: Final = "hashtext('sayso fence ' || current_schema())"
SILENT_SQL: Final = "extract(epoch FROM clock_timestamp() - greatest(beat, pg_postmaster_start_time()))"
"""Seconds since a node's beat; while the database was down nobody could beat."""
_ALIVE: Final = "hashtext('sayso alive ' || current_schema())"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a node begins with."""

    heartbeat: Heartbeat | None
    """Where the running time stood, and when, by the database's clock."""
    wall: float
    """The database's clock now, Unix seconds."""


async def read_start(connection: Connection) -> Start:
    """Read where the running time of all nodes stands. Errors are asyncpg's."""
    row = await connection.fetchrow("SELECT running, extract(epoch FROM at)::float8 AS at FROM running_time")
    wall = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    heartbeat = None if row is None else Heartbeat(running=row["running"], wall=row["at"])
    return Start(heartbeat=heartbeat, wall=wall)


async def hold_fence(connection: Connection, node: int) -> str:
    """Begin a batch: from here to the end of the transaction nobody can fence this node.

    Returns:
        The transaction's id, to ask what became of it.

    Raises:
        StoreError: the node is fenced, or the session acknowledges what is not durable.
        asyncpg.PostgresError: the database failed.
    """
    await connection.execute(f"SELECT pg_advisory_xact_lock_shared({_FENCE}, $1)", node)
    # A statement of its own: its snapshot is taken after the lock.
    row = await connection.fetchrow(
        "SELECT fenced, pg_current_xact_id()::text AS xid, current_setting('synchronous_commit') AS sync"
        " FROM node WHERE id = $1",
        node,
    )
    if row is None or row["fenced"]:
        raise StoreError("this process was silent for too long, and others have taken its place: start it anew")
    if row["sync"] not in {"on", "remote_apply"}:
        raise StoreError("PostgreSQL's synchronous_commit was lowered while we ran: set it to on, then start anew")
    xid: str = row["xid"]
    return xid


async def fence(connection: Connection, node: int) -> bool:
    """Fence a node if it is silent. Returns whether it is fenced now; call inside a transaction."""
    await connection.execute(f"SELECT pg_advisory_xact_lock({_FENCE}, $1)", node)
    row = await connection.fetchrow(
        f"SELECT fenced, {SILENT_SQL} AS silent,"  # noqa: S608  of our own parts
        f" EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
        f" (SELECT oid FROM pg_database WHERE datname = current_database())"
        f" AND classid::bigint = ({_ALIVE}::bigint & 4294967295) AND objid::bigint = $1) AS alive"
        " FROM node WHERE id = $1",
        node,
    )
    if row is None or row["fenced"]:
        return True
    if float(row["silent"]) < (SILENT_S if row["alive"] else GONE_S):
        return False
    await connection.execute("UPDATE node SET fenced = true WHERE id = $1", node)
    return True


class Node:
    """This process among the others; made by `register`."""

    def __init__(self, pool: Pool, number: int, session: Connection) -> None:
        self.id: Final = number
        self._pool = pool
        self._session = session
        """Held as long as the process lives: its end tells of ours at once."""

    @classmethod
    async def register(cls, pool: Pool, *, generation: int, bus: bool) -> "Node":
        """Become a node.

        Args:
            pool: to the database.
            generation: of the hour key that this process wraps under.
            bus: whether other nodes can reach it.

        Raises:
            OthersRunError: other nodes run, and without a bus nobody could tell them anything.
            StoreError: the database failed.
        """
        number = await pool.run(_next_id)
        session = await _session(pool, number)

        async def insert(connection: Connection) -> None:
            await connection.execute("LOCK TABLE node IN SHARE ROW EXCLUSIVE MODE")
            for row in await connection.fetch("SELECT id, bus FROM node WHERE NOT fenced"):
                if not await fence(connection, row["id"]) and not (bus and row["bus"]):
                    raise OthersRunError(
                        "another server process works on this database, and without NATS they could not agree: give "
                        "--nats to all of them, or stop the other one (one that was killed is let go of in 10 seconds)"
                    )
            await connection.execute(
                "INSERT INTO node (id, beat, generation, bus) VALUES ($1, clock_timestamp(), $2, $3)"
                " ON CONFLICT (id) DO NOTHING",
                number,
                generation,
                bus,
            )

        try:
            await pool.run(insert)
        except BaseException:
            session.terminate()
            raise
        return cls(pool, number, session)

    async def start(self) -> Start:
        """Read the running time that all nodes share."""
        return await self._pool.run(read_start)

    async def beat(self, *, generation: int) -> int:
        """Say that this node lives. Returns the newest generation of an hour key among all nodes.

        Raises:
            StoreError: it is fenced, or the database failed.
        """
        if self._session.is_closed():
            self._session = await _session(self._pool, self.id)

        async def write(connection: Connection) -> int:
            beaten = await connection.execute(
                "UPDATE node SET beat = clock_timestamp(), generation = greatest(generation, $2)"
                " WHERE id = $1 AND NOT fenced",
                self.id,
                generation,
            )
            if beaten != "UPDATE 1":
                raise StoreError("this process was silent for too long, and others have taken its place")
            newest: int = await connection.fetchval("SELECT max(generation) FROM node")
            return newest

        return await self._pool.run(write)

    async def keep_running_time(self, running: float) -> float:
        """Note where the running time stands. Returns where it stands for the node that is ahead."""

        async def write(connection: Connection) -> float:
            kept: float = await connection.fetchval(
                "INSERT INTO running_time (running, at) VALUES ($1, clock_timestamp()) ON CONFLICT (one) DO UPDATE"
                " SET running = greatest(running_time.running, excluded.running), at = excluded.at RETURNING running",
                running,
            )
            return kept

        return await self._pool.run(write)

    async def living(self) -> list[int]:
        """Return the other nodes that may still commit; those that are silent are fenced first."""

        async def read(connection: Connection) -> list[tuple[int, bool]]:
            rows = await connection.fetch(
                f"SELECT id, {SILENT_SQL} >= $2 AS silent FROM node WHERE NOT fenced AND id <> $1 ORDER BY id",  # noqa: S608
                self.id,
                GONE_S,
            )
            return [(row["id"], row["silent"]) for row in rows]

        return [node for node, silent in await self._pool.run(read) if not (silent and await self.fence(node))]

    async def fence(self, node: int) -> bool:
        """Fence another node if it is silent. Returns whether it is fenced now."""

        async def write(connection: Connection) -> bool:
            return await fence(connection, node)

        return await self._pool.run(write)

    async def forget_fenced(self) -> None:
        """Delete what fenced nodes have left behind."""

        async def write(connection: Connection) -> None:
            gone: Collection[int] = [
                row["id"] for row in await connection.fetch("SELECT id FROM node WHERE fenced FOR UPDATE SKIP LOCKED")
            ]
            await connection.execute("DELETE FROM owner WHERE node = ANY($1::int[])", gone)
            # Not the row itself at once: who claims looks for it, to see that the owner is fenced.
            await connection.execute(
                "DELETE FROM node WHERE id = ANY($1::int[]) AND beat < clock_timestamp() - interval '1 hour'", gone
            )

        await self._pool.run(write)

    async def leave(self) -> None:
        """Fence this node: the end of a graceful stop. Nothing is left to be written."""

        async def write(connection: Connection) -> None:
            await connection.execute(f"SELECT pg_advisory_xact_lock({_FENCE}, $1)", self.id)
            await connection.execute("UPDATE node SET fenced = true WHERE id = $1", self.id)
            await connection.execute("DELETE FROM owner WHERE node = $1", self.id)

        await self._pool.run(write)
        self.drop()

    def drop(self) -> None:
        """Let go of the session; the fence stays as it is."""
        self._session.terminate()


async def _session(pool: Pool, number: int) -> Connection:
    session = await pool.dedicated()
    await session.execute(f"SELECT pg_advisory_lock({_ALIVE}, $1)", number)
    return session


async def _next_id(connection: Connection) -> int:
    number: int = await connection.fetchval("SELECT nextval('node_id')::int")
    return number
