"""Opens the directory's database and keeps what must hold on every connection.

SQLite: WAL, `synchronous=FULL` (a commit is on the disk when it returns), `secure_delete`, foreign keys; read back,
since SQLite ignores a pragma it cannot follow without a word. One writer at a time in this process, and BEGIN IMMEDIATE
against another one.
"""

import asyncio
import importlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from sayso.server.adapters.private_file import OTHERS
from sayso.server.errors import ConfigError, NoSpaceError, StoreError

_BUSY_MS: Final = 10_000
_PG_DISK_FULL: Final = "53100"
SCHEMA: Final = "0005"
"""The newest of `migrations.versions`."""
_BEGIN: Final = "sayso_begin"
"""Execution option: how a connection's transactions begin; plain BEGIN without it."""
_REQUIRED: Final = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
"""Pragma and what it has to read back as."""


class Database:
    """Transactions on the directory's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Take an engine whose schema is current."""
        self._engine = engine
        self._writer = asyncio.Lock()

    @asynccontextmanager
    async def write(self, *keys: bytes) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes; committed and durable at the end of the block, rolled back by an error.

        Args:
            keys: names of all that is read and written together (device ids, tokens, record ids): where several
                transactions can write at a time, only those with a key in common wait for each other. None: for all.
        """
        del keys  # one writer at a time
        with our_errors():
            async with self._writer, self._engine.connect() as connection:
                await connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads, and sees one state."""
        with our_errors():
            async with self._engine.connect() as connection:
                yield connection

    async def scrub(self) -> None:
        """Empty the write-ahead log, which holds what was deleted. With a reader in the way, the next call does it."""
        with our_errors():
            async with self._writer, self._engine.connect() as connection:
                # A checkpoint cannot be made inside a transaction.
                await connection.execution_options(**{_BEGIN: ""})
                await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


async def open_database(path: Path) -> Database:
    """Open the directory's database, made at first use, and bring its schema up to date.

    Raises:
        ConfigError: it cannot be opened, others can read it, it is not durable here, or is of a later Sayso.
    """
    try:
        # Before SQLite does it with the process's umask; its WAL takes over these rights.
        await asyncio.to_thread(path.touch, mode=0o600)
        mode = (await asyncio.to_thread(path.stat)).st_mode
    except OSError as error:
        raise ConfigError(f"the directory's database cannot be opened: {error.strerror}") from error
    if mode & OTHERS:
        raise ConfigError(f"others can read {path}: run `chmod 600 {path}`")
    return await open_engine(f"sqlite+aiosqlite:///{path}")


async def open_engine(url: str) -> Database:
    """Open a database by its SQLAlchemy URL; as `open_database`."""
    # Parameters are ids and tokens: they must stand neither in an error's message nor in a log. aiosqlite's debug log
    # shows each call with its parameters, whatever SQLAlchemy hides.
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)
    engine = create_async_engine(url, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", _begin)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
            await connection.run_sync(migrate)
            await connection.commit()
    except SQLAlchemyError as error:
        await engine.dispose()
        raise ConfigError("the directory's database cannot be opened: it is damaged or locked") from error
    except ConfigError:
        await engine.dispose()
        raise
    return Database(engine)


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Transactions begin where `_begin` says so, not where the driver guesses.
    connection.isolation_level = None
    try:
        _set_pragmas(connection.cursor())
    except BaseException:
        # The pool does not know this connection yet, so nobody else closes it.
        connection.close()
        raise


def _set_pragmas(cursor: DBAPICursor) -> None:
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    for pragma, value in _REQUIRED.items():
        cursor.execute(f"PRAGMA {pragma} = {value}")
        cursor.execute(f"PRAGMA {pragma}")
        row = cursor.fetchone()
        if row is None or row[0] != value:
            raise ConfigError(
                f"the directory's database cannot keep its promises here: SQLite has {pragma} = "
                f"{row[0] if row else 'nothing'} and must have {value}; choose a local file system for --data"
            )
    cursor.close()


def _begin(connection: Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)


def migrate(connection: Connection) -> None:
    """Bring the schema up to date, inside the connection's transaction.

    Raises:
        ConfigError: the schema is of a later Sayso.
    """
    if _schema(connection) != SCHEMA:
        importlib.import_module("sayso.server.adapters.directory.migrations.upgrade").upgrade(connection)


def _schema(connection: Connection) -> str | None:
    """Return what alembic noted last; None for a new database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    noted: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return noted


@contextmanager
def our_errors() -> Iterator[None]:
    """Turn SQLAlchemy's errors into ours."""
    try:
        yield
    except DBAPIError as error:
        cause = error.orig
        code = getattr(cause, "sqlite_errorcode", None)
        if code is None and cause is not None:
            code = getattr(cause.__cause__, "sqlite_errorcode", None)
        if code is not None and code & 0xFF == sqlite3.SQLITE_FULL:
            raise NoSpaceError("the disk is full: nothing was stored in the directory") from error
        if getattr(cause, "sqlstate", None) == _PG_DISK_FULL:
            raise NoSpaceError("the database's disk is full: nothing was stored in the directory") from error
        raise StoreError("the directory's database failed") from error
    except SQLAlchemyError as error:
        raise StoreError("the directory's database failed") from error
