"""Moves a server from its own files into PostgreSQL: directory, mailboxes, outcomes, running time. Nothing is lost.

    empty ── begun ─ copied, counted ─▶ done ─▶ DATA/moved: from now on the files are not served any more
               └─ interrupted: the next run wipes what was copied, and begins again; nothing is served from it meanwhile

The files are only read. Keys stay in the keyring, and what waits is sealed anew under the hour's key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy import delete, insert, select

from sayso.protocol.ids import DeviceId
from sayso.server.adapters.data_lock import held
from sayso.server.adapters.directory.engine import Database, open_database
from sayso.server.adapters.directory.postgres import open_postgres
from sayso.server.adapters.directory.tables import metadata
from sayso.server.adapters.heartbeat import HeartbeatFile
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.postgres.hours import Hours
from sayso.server.adapters.postgres.mailbox import PostgresMailboxStore
from sayso.server.adapters.postgres.nodes import Node
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import SEQ_BLOCK, make_schema
from sayso.server.adapters.private_file import write_atomically
from sayso.server.adapters.process import forbid_dumps
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.config import MOVED, ServerConfig, check_cluster
from sayso.server.core.model import Batch, Held, Put, Waiting
from sayso.server.core.running_clock import RunningClock
from sayso.server.errors import ConfigError, StoreError

_AT_ONCE: Final = 256
_ROWS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What was moved."""

    lines: int
    envelopes: int
    in_doubt: int
    outcomes: int
    unreadable: int
    """Envelopes on damaged pages of the files: they were lost before."""


async def migrate(
    config: ServerConfig, *, passphrase: str | None, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Migrated:
    """Move a server that stands still into an empty PostgreSQL.

    Args:
        config: `data` and `postgres` count.
        passphrase: of the keyring; None for a plain one.
        progress: told how many envelopes of how many have been copied.

    Raises:
        ConfigError: there is no server, it runs, it has moved already, or the database is in use.
        KeyringError: the keyring cannot be opened.
        StoreError: files or database failed; run it again.
    """
    check_cluster(config)
    data = config.data
    if not (data / "directory.db").exists():
        raise ConfigError(f"there is no server in {data}: name the directory that it was run with")
    if (data / MOVED).exists():
        raise ConfigError(f"the server in {data} has moved already: start it with --postgres")
    if config.postgres is None:
        raise ConfigError("say where to: give --postgres")
    forbid_dumps()
    with held(data):
        pool = await Pool.open(config.postgres)
        try:
            return await _move(data, pool, passphrase, progress)
        finally:
            await pool.close()


async def _move(data: Path, pool: Pool, passphrase: str | None, progress: Callable[[int, int], None]) -> Migrated:
    clock, random = SystemClock(), SystemRandom()
    await pool.run(make_schema)
    await pool.run(_begin)
    keyring = open_keyring(data, passphrase, clock=clock, random=random)
    source = await EmbeddedMailboxStore.open(data / "mailbox", keyring, random)
    try:
        waiting = await source.load()
        lines = await _copy_directory(data / "directory.db", pool)
        hours = Hours(pool, keyring, random)
        node = await Node.register(pool, generation=hours.generation, bus=False)
        try:
            target = PostgresMailboxStore(pool, node.id, hours, random)
            unreadable = await _copy_mail(source, target, waiting, progress)
            outcomes = await _copy_rest(source, target, waiting)
        finally:
            await node.leave()
        running = RunningClock(
            HeartbeatFile(data / "heartbeat").read(),
            wall=clock.wall(),
            monotonic=clock.monotonic(),
            floor=source.latest,
        )
        moved = Migrated(
            lines=lines,
            envelopes=len(waiting.waiting) - unreadable,
            in_doubt=len(waiting.doubts),
            outcomes=outcomes,
            unreadable=unreadable + source.set_aside,
        )
        await pool.run(lambda connection: _end(connection, moved, waiting.next_seq, running.now(clock.monotonic())))
    finally:
        await source.close()
    write_atomically(data / MOVED, b"This server's directory and mailboxes are in PostgreSQL now.\n")
    return moved


async def _begin(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Note that the migration is under way; wipe what an interrupted one has left. Refuse a database in use."""
    done = await connection.fetchval("SELECT done FROM migration")
    if done:
        raise ConfigError("a server has moved into this database before: start it with --postgres, or use another one")
    if done is None and await connection.fetchval(
        "SELECT EXISTS (SELECT FROM mail) OR EXISTS (SELECT FROM node) OR EXISTS (SELECT FROM outcome)"
    ):
        raise ConfigError("a server works on this database already: create an empty one")
    await connection.execute("TRUNCATE mail, handed, doubt, outcome, owner, running_time")
    await connection.execute("INSERT INTO migration (done) VALUES (false) ON CONFLICT DO NOTHING")


async def _end(
    connection: "asyncpg.Connection[asyncpg.Record]", moved: Migrated, next_seq: int, running: float
) -> None:
    """Count what has arrived, and only then say that it is done."""
    there = {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in _COUNTED}  # noqa: S608  ours
    if there != {
        "mail": moved.envelopes,
        "doubt": moved.in_doubt,
        "outcome": moved.outcomes,
        "enrolments": moved.lines,
    }:
        raise StoreError("not everything has arrived in PostgreSQL: run this again")
    await connection.execute("SELECT setval('seq_block', $1)", next_seq // SEQ_BLOCK + 1)
    await connection.execute("INSERT INTO running_time (running, at) VALUES ($1, clock_timestamp())", running)
    await connection.execute("UPDATE migration SET done = true")


_COUNTED: Final = ("mail", "doubt", "outcome", "enrolments")


async def _copy_directory(path: Path, pool: Pool) -> int:
    """Copy all tables of the directory, in one transaction. Returns how many lines there are."""
    source: Database = await open_database(path)
    target: Database | None = None
    try:
        target = await open_postgres(pool)
        lines = 0
        async with source.read() as reading, target.write() as writing:
            for table in reversed(metadata.sorted_tables):
                await writing.execute(delete(table))
            for table in metadata.sorted_tables:
                rows: list[dict[str, Any]] = []
                for row in await reading.execute(select(table)):
                    rows.append(dict(row._mapping))  # noqa: SLF001  SQLAlchemy's documented name
                    if len(rows) == _ROWS:
                        await writing.execute(insert(table), rows)
                        lines += len(rows) if table.name == "enrolments" else 0
                        rows = []
                if rows:
                    await writing.execute(insert(table), rows)
                    lines += len(rows) if table.name == "enrolments" else 0
        return lines
    finally:
        await source.close()
        if target is not None:
            await target.close()


async def _copy_mail(
    source: EmbeddedMailboxStore, target: PostgresMailboxStore, all_: Held, progress: Callable[[int, int], None]
) -> int:
    """Copy what waits, as it is. Returns how many envelopes could not be read."""
    by_device: dict[DeviceId, list[Waiting]] = {}
    for one in all_.waiting:
        by_device.setdefault(one.device, []).append(one)
    done = unreadable = 0
    for device, waiting in by_device.items():
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            bodies = dict(await source.window(device, [one.seq for one in some]))
            # `handed` of each envelope says what the watermark of its mailbox said.
            await target.commit(
                Batch(put=[Put(waiting=one, envelope=bodies[one.seq]) for one in some if one.seq in bodies])
            )
            unreadable += len(some) - len(bodies)
            done += len(some)
            progress(done, len(all_.waiting))
    return unreadable


async def _copy_rest(source: EmbeddedMailboxStore, target: PostgresMailboxStore, all_: Held) -> int:
    """Copy doubts and outcomes. Returns how many outcomes there are."""
    if all_.doubts:
        await target.commit(Batch(doubted=[(0, doubt) for doubt in all_.doubts]))
    count = 0
    async for outcomes in source.outcomes(_ROWS):
        await target.commit(Batch(outcomes=outcomes))
        count += len(outcomes)
    return count
