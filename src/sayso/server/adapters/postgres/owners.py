"""Which node holds a device's mailbox: a row for each that is held, taken from nobody or from a fenced node only."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeAlias

import asyncpg

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.server.adapters.postgres.nodes import hold_fence
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import SEQ_BLOCK
from sayso.server.cluster_port import Claimed
from sayso.server.core.model import Doubt, Held, Waiting

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_CLAIM: Final = """
INSERT INTO owner AS held (device, node) SELECT unnest($1::bytea[]), $2
ON CONFLICT (device) DO UPDATE SET node = excluded.node
WHERE held.node = excluded.node OR EXISTS (SELECT FROM node WHERE node.id = held.node AND node.fenced)
RETURNING device
"""
_WAITING: Final = (
    "SELECT device, seq, eid, hh, deposited, expires, size, granted, mail.handed OR seq <= coalesce(upto, 0) AS handed,"
    " generation FROM mail LEFT JOIN handed USING (device)"
)
_DOUBTS: Final = "SELECT device, eid, hh, granted, deposited, expires, refused_means FROM doubt"
_BLOCK: Final = f"SELECT nextval('seq_block') * {SEQ_BLOCK} + 1"


class Owners:
    """The `Ownership` port over PostgreSQL."""

    def __init__(self, pool: Pool, node: int) -> None:
        self._pool = pool
        self._node = node

    async def claim(self, devices: Collection[DeviceId]) -> Claimed:
        """See `Ownership`."""
        # In one order, so that two nodes that claim the same devices do not wait for each other.
        wanted = sorted(set(devices))

        async def work(connection: Connection) -> Claimed:
            await hold_fence(connection, self._node)
            mine = [row["device"] for row in await connection.fetch(_CLAIM, wanted, self._node)]
            others = await connection.fetch(
                "SELECT device, node FROM owner WHERE device = ANY($1::bytea[]) AND node <> $2", wanted, self._node
            )
            return Claimed(
                held=await read_held(connection, devices=mine),
                mine=frozenset(DeviceId(device) for device in mine),
                elsewhere={DeviceId(row["device"]): row["node"] for row in others},
            )

        return await self._pool.run(work)

    async def release(self, devices: Collection[DeviceId]) -> None:
        """See `Ownership`."""

        async def work(connection: Connection) -> None:
            await hold_fence(connection, self._node)
            await connection.execute(
                "DELETE FROM owner WHERE device = ANY($1::bytea[]) AND node = $2", sorted(devices), self._node
            )

        await self._pool.run(work)

    async def locate(self, handle_hash: HandleHash) -> DeviceId | None:
        """See `Ownership`."""

        async def work(connection: Connection) -> DeviceId | None:
            found = await connection.fetchval(
                "SELECT device FROM mail WHERE hh = $1 UNION ALL SELECT device FROM doubt WHERE hh = $1 LIMIT 1",
                handle_hash,
            )
            return None if found is None else DeviceId(found)

        return await self._pool.run(work)

    async def owner(self, device: DeviceId) -> int | None:
        """See `Ownership`."""

        async def work(connection: Connection) -> int | None:
            node: int | None = await connection.fetchval(
                "SELECT owner.node FROM owner JOIN node ON node.id = owner.node"
                " WHERE owner.device = $1 AND NOT node.fenced",
                device,
            )
            return node

        return await self._pool.run(work)

    async def overdue(self, *, now: float, at_most: int) -> list[DeviceId]:
        """See `Ownership`."""

        async def work(connection: Connection) -> list[DeviceId]:
            rows = await connection.fetch(
                "SELECT DISTINCT device FROM (SELECT device FROM mail WHERE expires <= $1 UNION ALL"
                " SELECT device FROM doubt WHERE expires <= $1) AS late WHERE NOT EXISTS (SELECT FROM owner JOIN node"
                " ON node.id = owner.node WHERE owner.device = late.device AND NOT node.fenced) LIMIT $2",
                now,
                at_most,
            )
            return [DeviceId(row["device"]) for row in rows]

        return await self._pool.run(work)

    async def holdings(self, device: DeviceId) -> tuple[int, int]:
        """See `Ownership`."""

        async def work(connection: Connection) -> tuple[int, int]:
            row = await connection.fetchrow(
                "SELECT count(*) AS envelopes, coalesce(sum(size), 0)::bigint AS bytes FROM mail WHERE device = $1",
                device,
            )
            return (0, 0) if row is None else (row["envelopes"], row["bytes"])

        return await self._pool.run(work)


async def read_held(
    connection: Connection, *, devices: Sequence[bytes] | None = None, opens: Callable[[int], bool] | None = None
) -> Held:
    """Read what waits, without its bytes, and draw a block of seqs above all that were given out.

    Args:
        connection: to read from.
        devices: whose mailboxes; None for all.
        opens: tells of an hour key's generation whether it is held; other envelopes are left out. None: all come.
    """
    chosen, values = ("", []) if devices is None else (" WHERE device = ANY($1::bytea[])", [list(devices)])
    rows = await connection.fetch(f"{_WAITING}{chosen} ORDER BY seq", *values)
    doubts = await connection.fetch(_DOUBTS + chosen, *values)
    return Held(
        waiting=[_waiting(row) for row in rows if opens is None or opens(row["generation"])],
        doubts=[_doubt(row) for row in doubts],
        next_seq=await connection.fetchval(_BLOCK),
    )


def _waiting(row: Any) -> Waiting:
    return Waiting(
        seq=row["seq"],
        device=DeviceId(row["device"]),
        envelope_id=EnvelopeId(row["eid"]),
        handle_hash=HandleHash(row["hh"]),
        deposited=row["deposited"],
        expires=row["expires"],
        size=row["size"],
        granted=row["granted"],
        handed=row["handed"],
    )


def _doubt(row: Any) -> Doubt:
    return Doubt(
        device=DeviceId(row["device"]),
        envelope_id=EnvelopeId(row["eid"]),
        handle_hash=HandleHash(row["hh"]),
        granted=row["granted"],
        deposited=row["deposited"],
        expires=row["expires"],
        refused_means=OutcomeState(row["refused_means"]),
    )
