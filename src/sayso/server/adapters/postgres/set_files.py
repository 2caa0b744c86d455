"""Builds of the enrolled set in PostgreSQL, so that every process hands out the same one: `SetFiles`."""

import hashlib
from collections.abc import Collection, Sequence
from typing import TypeAlias

import asyncpg

from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.set_files import KEPT_BEFORE, names

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class PostgresSetFiles:
    """Builds and what they name; a blob is checked against its name whenever it is read."""

    def __init__(self, pool: Pool) -> None:
        """Use a database whose schema is current."""
        self._pool = pool

    async def publish(self, built: int, document: bytes, blobs: Sequence[bytes], *, named: Collection[bytes]) -> None:
        """See `SetFiles`."""
        fresh = [(digest, blob) for blob in blobs if (digest := hashlib.sha256(blob).digest()) in named]

        async def work(connection: Connection) -> None:
            # One publishes at a time: what to keep is read here, and what another has just brought is not among it.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('sayso sets ' || current_schema()))")
            await connection.executemany(
                "INSERT INTO set_blob (sha256, blob) VALUES ($1, $2)"
                " ON CONFLICT (sha256) DO UPDATE SET blob = excluded.blob",
                fresh,
            )
            await connection.execute(
                "INSERT INTO set_build (built, document) VALUES ($1, $2)"
                " ON CONFLICT (built) DO UPDATE SET document = excluded.document",
                built,
                document,
            )
            await connection.execute(
                "DELETE FROM set_build WHERE built NOT IN (SELECT built FROM set_build ORDER BY built DESC LIMIT $1)",
                KEPT_BEFORE + 1,
            )
            kept = {name for row in await connection.fetch("SELECT document FROM set_build") for name in names(row[0])}
            await connection.execute("DELETE FROM set_blob WHERE sha256 <> ALL($1::bytea[])", list(kept))

        await self._pool.run(work)

    async def latest(self) -> bytes | None:
        """See `SetFiles`."""

        async def work(connection: Connection) -> bytes | None:
            for row in await connection.fetch("SELECT document FROM set_build ORDER BY built DESC"):
                document: bytes = row["document"]
                wanted = names(document)
                here = await connection.fetchval(
                    "SELECT count(*) FROM set_blob WHERE sha256 = ANY($1::bytea[]) AND sha256 = sha256(blob)",
                    list(set(wanted)),
                )
                if wanted and here == len(set(wanted)):
                    return document
            return None

        return await self._pool.run(work)

    async def blob(self, sha256: bytes) -> bytes | None:
        """See `SetFiles`."""

        async def work(connection: Connection) -> bytes | None:
            blob: bytes | None = await connection.fetchval("SELECT blob FROM set_blob WHERE sha256 = $1", sha256)
            return blob

        blob = await self._pool.run(work)
        return blob if blob is not None and hashlib.sha256(blob).digest() == sha256 else None
