"""Counts of what a server holds in PostgreSQL, read beside its processes or without them. Only counts leave here."""

from typing import Final, TypeAlias

import asyncpg

from sayso.server.adapters.inspection import DIRECTORY
from sayso.server.adapters.postgres.nodes import SILENT_S, SILENT_SQL, read_start
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import refuse_half_moved
from sayso.server.core.running_clock import RunningClock
from sayso.server.errors import ConfigError

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_MAILBOX: Final = {
    "envelopes_waiting": "SELECT count(*) FROM mail",
    "envelopes_waiting_bytes": "SELECT coalesce(sum(size), 0)::bigint FROM mail",
    "envelopes_handed": (
        "SELECT count(*) FROM mail LEFT JOIN handed USING (device) WHERE mail.handed OR seq <= coalesce(upto, 0)"
    ),
    "envelopes_in_doubt": "SELECT count(*) FROM doubt",
    "mailboxes": "SELECT count(DISTINCT device) FROM mail",
    "outcomes": "SELECT count(*) FROM outcome",
}
_PROCESSES: Final = {
    "processes": f"SELECT count(*) FROM node WHERE NOT fenced AND {SILENT_SQL} < {SILENT_S}",  # noqa: S608  ours
}
_SETS: Final = {
    "set_builds": "SELECT count(*) FROM set_build",
    "set_built_at": "SELECT coalesce(max(built), 0) FROM set_build",
    "set_pieces": "SELECT count(*) FROM set_blob",
    "set_bytes": "SELECT coalesce(sum(length(blob)), 0)::bigint FROM set_blob",
}
_NOW, _POLICY = "$1::float8", "$2::bytea"


async def count(pool: Pool, *, policy_sha256: bytes) -> dict[str, int]:
    """Count what lines, mailboxes and enrolled set are in the database, at one moment, and the processes on it.

    Args:
        pool: to the database.
        policy_sha256: of the present policy; enrolments under another one are counted for themselves.

    Raises:
        ConfigError: no server has ever worked on this database, or a migration into it was interrupted.
        StoreError: the database failed.
    """

    async def work(connection: Connection) -> dict[str, int]:
        if await connection.fetchval("SELECT to_regclass('sayso_schema') IS NULL OR to_regclass('enrolments') IS NULL"):
            raise ConfigError("there is no server in this database: name the one that its processes are run with")
        await refuse_half_moved(connection)
        start = await read_start(connection)
        now = RunningClock(start.heartbeat, wall=start.wall, monotonic=0.0).now(0.0)
        row = await connection.fetchrow(_ALL, now, policy_sha256)
        return {} if row is None else dict(row)

    return await pool.run(work)


def _with_places(sql: str) -> str:
    return sql.replace(":now", _NOW).replace(":policy", _POLICY)


_ALL: Final = "SELECT " + ", ".join(
    f"({_with_places(sql)}) AS {name}" for name, sql in (DIRECTORY | _MAILBOX | _PROCESSES | _SETS).items()
)
"""One statement: all counts are of one snapshot."""
