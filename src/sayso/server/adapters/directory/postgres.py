"""The directory's database in PostgreSQL, shared by several processes.

SQLite lets one transaction write at a time, and every method of the stores relies on it: what it has read is still so
when it writes. Here a transaction holds advisory locks instead: one named by what it works on (a device, a token, a
limiter record) where the caller names it, and one over everything where he does not. Safe first, fast where it counts.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from sayso.protocol.ids import DeviceId, Token
from sayso.server.adapters.directory.engine import Database, migrate, our_errors
from sayso.server.adapters.postgres.faults import LOST
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.errors import ConfigError

_SCOPE: Final = "hashtext('sayso directory ' || current_schema())"
_ALL: Final = 0
_CONNECTIONS: Final = 8


class PostgresDatabase(Database):
    """Transactions on a PostgreSQL that other processes use too."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Take an engine whose schema is current."""
        super().__init__(engine)

    @asynccontextmanager
    async def write(self, *keys: bytes) -> AsyncIterator[AsyncConnection]:
        """See `Database.write`."""
        with our_errors():
            async with self._engine.connect() as connection, connection.begin():
                await _lock(connection, keys)
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """See `Database.read`."""
        with our_errors():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                yield connection

    async def scrub(self) -> None:
        """Nothing: what is deleted leaves PostgreSQL by vacuum (docs/explanation/scale.md)."""


async def open_postgres(pool: Pool) -> PostgresDatabase:
    """Open the directory's database, and bring its schema up to date; of several processes one does it.

    Args:
        pool: to the database, checked.

    Raises:
        ConfigError: it cannot be opened, or is of a later Sayso.
    """
    logging.getLogger("asyncpg").setLevel(logging.WARNING)

    async def connect(*_: Any, **__: Any) -> Any:
        return await pool.dedicated()

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=_CONNECTIONS,
        max_overflow=0,
    )
    try:
        async with engine.connect() as connection, connection.begin():
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCOPE}, 1)"))
            await connection.run_sync(migrate)
    except (SQLAlchemyError, asyncpg.PostgresError, *LOST) as error:
        await engine.dispose()
        raise ConfigError(
            "the directory in PostgreSQL cannot be opened: give its user the right to make tables, and look into "
            "PostgreSQL's log"
        ) from error
    except (ConfigError, asyncio.CancelledError):
        await engine.dispose()
        raise
    return PostgresDatabase(engine)


async def device_of(pool: Pool, token: Token) -> DeviceId | None:
    """Look up which device is enrolled under a token, lapsed or not."""

    async def work(connection: "asyncpg.Connection[asyncpg.Record]") -> DeviceId | None:
        found = await connection.fetchval(
            "SELECT device FROM enrolments WHERE token = $1 OR previous_token = $1", token
        )
        return None if found is None else DeviceId(found)

    return await pool.run(work)


async def _lock(connection: AsyncConnection, keys: tuple[bytes, ...]) -> None:
    if not keys:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCOPE}, {_ALL})"))
        return
    await connection.execute(text(f"SELECT pg_advisory_xact_lock_shared({_SCOPE}, {_ALL})"))
    # One after the other and in one order: two transactions over the same keys never wait for each other in a ring.
    numbers = sorted({int.from_bytes(key[-8:], "big", signed=True) for key in keys})
    locked = text(
        "SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) WITH ORDINALITY AS k (key, n)"
    )
    await connection.execute(locked, {"keys": numbers})
