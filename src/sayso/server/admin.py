"""What an operator does beside `run`: count, purge, rotate keys, name the key. Counts only; nobody is named.

Counting reads beside a running server. The others need it to stand still: keyring, mailboxes and directory have one
writer. Counting and purging work on a server's own files and on PostgreSQL alike.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec

from sayso.consent.policy import current_policy
from sayso.server.adapters.data_lock import held
from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.adapters.heartbeat import HeartbeatFile
from sayso.server.adapters.inspection import count_directory, count_mailboxes, count_sets
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.process import forbid_dumps
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.config import MOVED, ServerConfig, check_cluster
from sayso.server.core.retiring import KeyKind
from sayso.server.core.running_clock import RunningClock
from sayso.server.errors import ConfigError
from sayso.server.ground import Ground, open_files
from sayso.server.services.erasure import Erasures
from sayso.server.services.identity import public_digest
from sayso.server.services.rotation import rotated

_ERASED_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What a purge has ended, or would end."""

    lines: int
    envelopes: int
    """That waited for them; their senders are told. 0 where nothing was changed."""


class _Published(msgspec.Struct):
    key: str


def inspect(data: Path) -> dict[str, int]:
    """Count what a server holds. It may run meanwhile.

    Raises:
        ConfigError: no server is there.
        StoreError: its files cannot be read.
    """
    _require_files(data)
    now = _running_now(data)
    directory = count_directory(data / "directory.db", now=now, policy_sha256=current_policy().sha256)
    return directory | count_mailboxes(data / "mailbox" / "mailbox.db") | count_sets(data / "sets")


async def inspect_shared(config: ServerConfig) -> dict[str, int]:
    """Count what a server holds in PostgreSQL. Its processes may run meanwhile.

    Args:
        config: `postgres` counts.

    Raises:
        ConfigError: no server works on that database, or it cannot be used.
        StoreError: the database failed.
    """
    check_cluster(config)
    counts: dict[str, int] = await _cluster_part().counts(config, policy_sha256=current_policy().sha256)
    return counts


async def purge(config: ServerConfig, *, passphrase: str | None, dry_run: bool) -> Purged:
    """Erase every enrolment whose consent was given to another policy than the present one, with its mailbox.

    The directory's part is one transaction; then each mailbox goes, and its senders' outcomes are written, as with an
    opt-out. A crash in between is made good by the next purge or the next start of the server.

    Args:
        config: of a server that stands still, with all its processes; with `dry_run` it may run. `data` and `postgres`
            count.
        passphrase: of the keyring; None for a plain one. Not needed for `dry_run`.
        dry_run: only count.

    Raises:
        ConfigError: no server is there, or it runs.
        KeyringError: the keyring cannot be opened.
        StoreError: the storage failed.
    """
    policy = current_policy().sha256
    lines = await _without_consent(config, policy)
    if dry_run:
        return Purged(lines=lines, envelopes=0)
    forbid_dumps()
    clock, random = SystemClock(), SystemRandom()
    _require_keys(config.data)
    with held(config.data):
        async with AsyncExitStack() as closing:
            keyring = open_keyring(config.data, passphrase, clock=clock, random=random)
            opening = open_files if config.postgres is None else _cluster_part().open_alone
            ground: Ground = await opening(config, keyring, closing, clock=clock, random=random)
            database = ground.database
            if database is None:
                database = await open_database(config.data / "directory.db")
                closing.push_async_callback(database.close)
            purged = await _purge(SqlDirectory(database), ground, policy)
            await database.scrub()
    return purged


def server_key(data: Path, *, passphrase: str | None, plain: bool) -> str:
    """Return the digest of the server's long-term key, hex: what phones pin.

    Args:
        data: of the server.
        passphrase: opens the keyring, if one is given.
        plain: the keyring is a plain one. Without either, what the server last published in `server.json` counts.

    Raises:
        ConfigError: no server is there, it runs while the keyring is asked, or it was never started.
        KeyringError: the keyring cannot be opened.
    """
    _require_server(data)
    if passphrase is None and not plain:
        return _published(data)
    with held(data):
        keyring = open_keyring(data, passphrase, clock=SystemClock(), random=SystemRandom())
        return public_digest(keyring.secrets().long_term).hex()


def rotate(data: Path, kind: KeyKind, *, passphrase: str | None) -> None:
    """Replace a key of a server that stands still; the server that starts next begins the overlap.

    Args:
        data: of the server.
        kind: which key.
        passphrase: of the keyring; None for a plain one.

    Raises:
        ConfigError: no server is there, it runs, or its last key of this kind has not gone yet.
        KeyringError: the keyring cannot be opened or written.
    """
    _require_keys(data)
    with held(data):
        random = SystemRandom()
        keyring = open_keyring(data, passphrase, clock=SystemClock(), random=random)
        keyring.rewrite(rotated(keyring.secrets(), kind, random))


async def _without_consent(config: ServerConfig, policy: bytes) -> int:
    if config.postgres is not None:
        return (await inspect_shared(config))["lines_without_current_consent"]
    _require_files(config.data)
    found = count_directory(config.data / "directory.db", now=0.0, policy_sha256=policy)
    return found["lines_without_current_consent"]


async def _purge(directory: SqlDirectory, ground: Ground, policy: bytes) -> Purged:
    control = ground.control
    erasures = Erasures(store=directory, lines=directory, relay=control, running=ground.now)
    async with asyncio.TaskGroup() as tasks:
        driving = [tasks.create_task(_drive(work)) for work in (*ground.tasks, ground.runner.run)]
        gone = await directory.purge(policy)
        envelopes = sum([(await control.holdings(erasure.device))[0] for erasure in gone])
        for start in range(0, len(gone), _ERASED_AT_ONCE):
            await asyncio.gather(*(erasures.finish(erasure) for erasure in gone[start : start + _ERASED_AT_ONCE]))
        await erasures.finish_all()  # what an earlier purge, or the server, was interrupted in
        await ground.runner.settle()
        await ground.leave()
        for one in driving:
            one.cancel()
    return Purged(lines=len(gone), envelopes=envelopes)


async def _drive(work: Callable[[], Awaitable[None]]) -> None:
    await work()


def _cluster_part() -> ModuleType:
    # Not imported where there is no cluster: its libraries are an extra.
    return importlib.import_module("sayso.server.cluster_admin")


def _running_now(data: Path) -> float:
    clock = SystemClock()
    return RunningClock(HeartbeatFile(data / "heartbeat").read(), wall=clock.wall(), monotonic=clock.monotonic()).now(
        clock.monotonic()
    )


def _published(data: Path) -> str:
    try:
        return msgspec.json.decode((data / "server.json").read_bytes(), type=_Published).key
    except FileNotFoundError as error:
        raise ConfigError(
            "this server was never started; start it, or give --passphrase-file to read its keyring"
        ) from error
    except msgspec.MsgspecError as error:
        raise ConfigError(
            f"{data / 'server.json'} is damaged; start the server once, and it is written anew"
        ) from error


def _require_server(data: Path) -> None:
    if not ((data / "directory.db").exists() or (data / "keyring" / "secrets").exists()):
        raise ConfigError(f"there is no server in {data}: name the directory that it is run with")


def _require_files(data: Path) -> None:
    """Refuse a server whose directory and mailboxes are not in files here: what is left of them is of before."""
    _require_server(data)
    if (data / MOVED).exists() or not (data / "directory.db").exists():
        raise ConfigError(
            f"the server in {data} keeps its lines and mailboxes in PostgreSQL: give --postgres, as it is run with"
        )


def _require_keys(data: Path) -> None:
    if not (data / "keyring" / "secrets").exists():
        raise ConfigError(f"there are no keys of a server in {data}: name the directory that it is run with")
