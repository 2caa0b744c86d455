"""What an operator does beside `run`: count, purge, rotate keys, name the key. Counts only; nobody is named.

Counting reads beside a running server. The others need it to stand still: keyring, mailboxes and directory have one
writer.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sayso.consent.policy import current_policy
from sayso.server.adapters.data_lock import held
from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.adapters.heartbeat import HeartbeatFile
from sayso.server.adapters.inspection import count_directory, count_mailboxes, count_sets
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.process import forbid_dumps
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.core.lines import LineTable
from sayso.server.core.retiring import KeyKind
from sayso.server.core.running_clock import RunningClock
from sayso.server.errors import ConfigError
from sayso.server.services.erasure import Erasures
from sayso.server.services.identity import public_digest
from sayso.server.services.relay_runner import RelayRunner
from sayso.server.services.rotation import rotated


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
    _require_server(data)
    now = _running_now(data)
    directory = count_directory(data / "directory.db", now=now, policy_sha256=current_policy().sha256)
    return directory | count_mailboxes(data / "mailbox" / "mailbox.db") | count_sets(data / "sets")


async def purge(data: Path, *, passphrase: str | None, dry_run: bool) -> Purged:
    """Erase every enrolment whose consent was given to another policy than the present one, with its mailbox.

    The directory's part is one transaction; then each mailbox goes, and its senders' outcomes are written, as with an
    opt-out. A crash in between is made good by the next purge or the next start of the server.

    Args:
        data: of a server that stands still; with `dry_run` it may run.
        passphrase: of the keyring; None for a plain one. Not needed for `dry_run`.
        dry_run: only count.

    Raises:
        ConfigError: no server is there, or it runs.
        KeyringError: the keyring cannot be opened.
        StoreError: the storage failed.
    """
    _require_server(data)
    policy = current_policy().sha256
    if dry_run:
        found = count_directory(data / "directory.db", now=0.0, policy_sha256=policy)
        return Purged(lines=found["lines_without_current_consent"], envelopes=0)
    forbid_dumps()
    clock, random = SystemClock(), SystemRandom()
    with held(data):
        keyring = open_keyring(data, passphrase, clock=clock, random=random)
        mailboxes = await EmbeddedMailboxStore.open(data / "mailbox", keyring, random)
        try:
            waiting = await mailboxes.load()
            running = RunningClock(
                HeartbeatFile(data / "heartbeat").read(),
                wall=clock.wall(),
                monotonic=clock.monotonic(),
                floor=mailboxes.latest,
            )
            runner = RelayRunner(LineTable(), waiting, mailboxes, now=lambda: running.now(clock.monotonic()))
            database = await open_database(data / "directory.db")
            directory = SqlDirectory(database)
            try:
                purged = await _purge(directory, runner, policy, running=lambda: running.now(clock.monotonic()))
                await database.scrub()
            finally:
                await directory.close()
        finally:
            await mailboxes.close()
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
    if not (data / "keyring" / "secrets").exists():
        raise ConfigError(f"there are no keys of a server in {data}: name the directory that it is run with")
    with held(data):
        random = SystemRandom()
        keyring = open_keyring(data, passphrase, clock=SystemClock(), random=random)
        keyring.rewrite(rotated(keyring.secrets(), kind, random))


async def _purge(
    directory: SqlDirectory, runner: RelayRunner, policy: bytes, *, running: Callable[[], float]
) -> Purged:
    erasures = Erasures(store=directory, lines=directory, relay=runner, running=running)
    async with asyncio.TaskGroup() as tasks:
        driving = tasks.create_task(runner.run())
        gone = await directory.purge(policy)
        envelopes = sum([(await runner.holdings(erasure.device))[0] for erasure in gone])
        await erasures.finish_all()
        await runner.settle()
        driving.cancel()
    return Purged(lines=len(gone), envelopes=envelopes)


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
    if not (data / "directory.db").exists():
        raise ConfigError(f"there is no server in {data}: name the directory that it is run with")
