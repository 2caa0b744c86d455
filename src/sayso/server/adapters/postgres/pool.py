"""Connections to PostgreSQL, and whether what it commits would survive a power loss.

Every session says when it is gone: a node whose network is cut must not hold its fence for the hours that TCP waits.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Self, TypeVar, cast

import asyncpg

from sayso.server.adapters.postgres.faults import CLASHED, LOST, translate
from sayso.server.errors import ConfigError, ServerError

T = TypeVar("T")

_RETRY_S: Final = 0.1
_CONNECT_S: Final = 5.0
_COMMAND_S: Final = 30.0
_SURE: Final = frozenset({"on", "remote_apply"})
_OLDEST: Final = 140_000
_SESSION: Final = {
    "application_name": "sayso",
    "idle_in_transaction_session_timeout": "5s",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "6000",
    # Statements carry ids and tokens: an error must not print them into the database's log.
    "log_parameter_max_length_on_error": "0",
}


class Pool:
    """Connections of one process; made by `open`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", url: str, *, patience_s: float) -> None:
        self._pool = pool
        self._url = url
        self._patience_s = patience_s

    @classmethod
    async def open(cls, url: str, *, connections: int = 8, patience_s: float = 30.0) -> Self:
        """Connect, and check that the database keeps what it acknowledges.

        Args:
            url: `postgresql://USER@HOST:PORT/DATABASE`; further parameters become settings of the session.
            connections: at most.
            patience_s: for how long a call goes on trying while the database cannot be reached.

        Raises:
            ConfigError: it does not let us in, cannot be reached, is too old, or acknowledges what is not durable.
        """
        try:
            made = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=connections,
                timeout=_CONNECT_S,
                command_timeout=_COMMAND_S,
                server_settings=_SESSION,
            )
        except (asyncpg.PostgresError, *LOST, ValueError) as error:
            raise ConfigError(str(translate(error))) from error
        pool = cls(cast("asyncpg.Pool[asyncpg.Record]", made), url, patience_s=patience_s)
        try:
            await pool.check()
        except BaseException:
            await pool.close()
            raise
        return pool

    async def close(self) -> None:
        """Close every connection; one that does not answer is cut off."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._pool.close()
        except (TimeoutError, asyncpg.PostgresError, *LOST):
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Borrow a connection. Errors are asyncpg's."""
        async with self._pool.acquire(timeout=_CONNECT_S) as connection:
            yield cast("asyncpg.Connection[asyncpg.Record]", connection)

    async def run(self, work: Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[T]]) -> T:
        """Do something that may be done twice, in one transaction: again, when the connection is lost under it.

        Raises:
            StoreError: the database failed, or was away for longer than our patience.
        """

        async def once() -> T:
            async with self.connection() as connection, connection.transaction():
                return await work(connection)

        return await self._patiently(once)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        while True:
            try:
                return await work()
            except (*LOST, *CLASHED) as error:
                if loop.time() >= until:
                    raise translate(error) from error
                await asyncio.sleep(_RETRY_S)
            except asyncpg.PostgresError as error:
                raise translate(error) from error

    async def dedicated(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Make a connection that is no part of the pool.

        Raises:
            StoreError: the database cannot be reached.
        """

        async def connect() -> "asyncpg.Connection[asyncpg.Record]":
            connection = await asyncpg.connect(self._url, timeout=_CONNECT_S, server_settings=_SESSION)
            return cast("asyncpg.Connection[asyncpg.Record]", connection)

        return await self._patiently(connect)

    async def check(self) -> None:
        """Refuse a database that would lose what it has acknowledged.

        Raises:
            ConfigError: the message says which setting to change.
        """
        try:
            async with self.connection() as connection:
                await refuse_unsafe(connection)
        except (asyncpg.PostgresError, *LOST) as error:
            raise _as_config(translate(error)) from error


async def refuse_unsafe(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Look at the settings that decide what an acknowledged commit is worth; see `Pool.check`."""
    settings = {
        name: await connection.fetchval("SELECT current_setting($1)", name)
        for name in (
            "synchronous_commit",
            "fsync",
            "full_page_writes",
            "synchronous_standby_names",
            "server_version_num",
        )
    }
    if int(settings["server_version_num"]) < _OLDEST:
        raise ConfigError("PostgreSQL 14 or later is needed: this one is older")
    if settings["synchronous_commit"] not in _SURE:
        raise ConfigError(
            f"PostgreSQL has synchronous_commit = {settings['synchronous_commit']}, so an accepted message could be "
            "lost: set it to on (or remote_apply) for this user and database, and in postgresql.conf"
        )
    for name in ("fsync", "full_page_writes"):
        if settings[name] != "on":
            raise ConfigError(
                f"PostgreSQL has {name} = {settings[name]}, so an accepted message could be lost: set it to on"
            )
    if settings["synchronous_standby_names"]:
        return
    standbys = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup'"
    )
    if standbys:
        raise ConfigError(
            "PostgreSQL has a standby and does not wait for it, so a fail-over could lose accepted messages: set "
            "synchronous_standby_names to a quorum, such as 'ANY 1 (*)', or disconnect the standby"
        )


def _as_config(error: ServerError) -> ConfigError:
    return error if isinstance(error, ConfigError) else ConfigError(str(error))
