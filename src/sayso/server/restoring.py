"""Backup and restore, such that nothing that was given out, taken back or withdrawn since comes to life again.

What a backup holds is old the moment it is made. Brought back as it was, it would

    hand out one-time keys a second time        → they are deleted; phones bring new ones when they come back
    revive people who have opted out since      → every lease ends; a line wakes when its own device logs in
    deliver what was recalled and sent by SMS   → no mailbox is in a backup; in an image its envelopes end as `unknown`
    answer `recalled` of what was handed since  → the same
    need hour keys that are destroyed           → they are never backed up, or the short memory would be none

The keyring's secrets go to a place of their own: with the database beside them numbers can be tried one by one.
"""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import delete, func, select, update

from sayso.protocol.frames import OutcomeState
from sayso.server.adapters.data_lock import held
from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.tables import enrolments, one_time_keys
from sayso.server.adapters.heartbeat import HeartbeatFile
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.private_file import make_private_directory, read_private, sync_directory, write_atomically
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.core.lines import LineTable
from sayso.server.core.running_clock import Heartbeat, RunningClock
from sayso.server.errors import ConfigError, StoreError
from sayso.server.services.relay_runner import RelayRunner

_DIRECTORY: Final = "directory.db"
_HEARTBEAT: Final = "heartbeat"
_SECRETS_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Disarmed:
    """What was taken out of restored data."""

    lines: int
    """Enrolments, which sleep until their own devices come."""
    one_time_keys: int
    envelopes: int
    """Whose senders hear `unknown`."""


def back_up(data: Path, to: Path, *, keyring_to: Path | None = None) -> None:
    """Copy the directory as it is at one moment; the server may run.

    Args:
        data: of the server.
        to: a new directory for the copy; it holds tokens and public keys, no number and no text.
        keyring_to: a new file for the keyring's secrets, sealed as they are; on another machine than `to`.

    Raises:
        ConfigError: no server is there, or something is at `to` already.
        StoreError: it could not be read or written.
    """
    if not (data / _DIRECTORY).exists():
        raise ConfigError(f"there is no server in {data}: name the directory that it is run with")
    for taken in (to, keyring_to):
        if taken is not None and taken.exists():
            raise ConfigError(f"{taken} is there already: name a new one, so that no older backup is lost")
    if keyring_to is not None and keyring_to.resolve().parent == to.resolve():
        raise ConfigError("the keyring's secrets must not lie beside the directory: name another place for them")
    make_private_directory(to)
    try:
        _copy_database(data / _DIRECTORY, to / _DIRECTORY)
        if (data / _HEARTBEAT).exists():
            shutil.copyfile(data / _HEARTBEAT, to / _HEARTBEAT)
            (to / _HEARTBEAT).chmod(0o600)
        sync_directory(to)
        if keyring_to is not None:
            write_atomically(keyring_to, read_private(data / "keyring" / "secrets", _SECRETS_BYTES))
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the backup was not made ({type(error).__name__}): look for space and permissions") from error


async def restore(backup: Path, data: Path, *, keyring_from: Path | None = None) -> Disarmed:
    """Make the data of a server of a backup, and take out of it what must not come to life again.

    Args:
        backup: what `back_up` made.
        data: a directory without a server.
        keyring_from: the keyring's secrets, as `back_up` copied them; put them in place yourself without it.

    Raises:
        ConfigError: there is no backup, or a server is there already.
        StoreError: it could not be read or written.
    """
    if not (backup / _DIRECTORY).exists():
        raise ConfigError(f"there is no backup in {backup}: name the directory that `sayso server backup` made")
    if (data / _DIRECTORY).exists() or (data / "mailbox").exists():
        raise ConfigError(f"a server is in {data} already: restore into a new directory")
    make_private_directory(data)
    try:
        if keyring_from is not None:
            make_private_directory(data / "keyring")
            write_atomically(data / "keyring" / "secrets", read_private(keyring_from, _SECRETS_BYTES))
        _copy_database(backup / _DIRECTORY, data / _DIRECTORY)
        if (backup / _HEARTBEAT).exists():
            write_atomically(data / _HEARTBEAT, (backup / _HEARTBEAT).read_bytes())
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"it was not restored ({type(error).__name__}): look for space and permissions") from error
    with held(data):
        return await _disarm_directory(data)


async def restored(data: Path, *, passphrase: str | None) -> Disarmed:
    """Take out of data that came back as a whole, as an image or a snapshot, what must not come to life again.

    Args:
        data: of a server that stands still.
        passphrase: of the keyring; None for a plain one.

    Raises:
        ConfigError: no server is there, or it runs.
        KeyringError: the keyring cannot be opened.
        StoreError: the storage failed; call it again.
    """
    if not (data / _DIRECTORY).exists():
        raise ConfigError(f"there is no server in {data}: name the directory that it is run with")
    with held(data):
        clock, random = SystemClock(), SystemRandom()
        keyring = open_keyring(data, passphrase, clock=clock, random=random)
        mailboxes = await EmbeddedMailboxStore.open(data / "mailbox", keyring, random)
        try:
            envelopes = await _end_all(mailboxes, data, clock)
            # The image brought back an hour key that had been destroyed, and this one is nobody's memory any more.
            await mailboxes.turn(mailboxes.generation + 1)
        finally:
            await mailboxes.close()
        found = await _disarm_directory(data)
    return Disarmed(lines=found.lines, one_time_keys=found.one_time_keys, envelopes=envelopes)


async def _end_all(mailboxes: EmbeddedMailboxStore, data: Path, clock: SystemClock) -> int:
    found = await mailboxes.load()
    running = _running(data, clock, floor=mailboxes.latest)
    runner = RelayRunner(LineTable(), found, mailboxes, now=running)
    async with asyncio.TaskGroup() as tasks:
        driving = tasks.create_task(runner.run())
        for device in {one.device for one in found.waiting} | {doubt.device for doubt in found.doubts}:
            await runner.end_custody(device, OutcomeState.UNKNOWN)
        await runner.settle()
        driving.cancel()
    return len(found.waiting) + len(found.doubts)


async def _disarm_directory(data: Path) -> Disarmed:
    clock = SystemClock()
    now = _running(data, clock)()
    database = await open_database(data / _DIRECTORY)
    try:
        async with database.write() as connection:
            lines = await connection.scalar(select(func.count()).select_from(enrolments))
            await connection.execute(update(enrolments).where(enrolments.c.lease_ends > now).values(lease_ends=now))
            keys = await connection.execute(delete(one_time_keys))
        await database.scrub()
    finally:
        await database.close()
    # The time that stood still while there was no server must not be taken for running time.
    HeartbeatFile(data / _HEARTBEAT).write(Heartbeat(running=now, wall=clock.wall()))
    return Disarmed(lines=lines or 0, one_time_keys=keys.rowcount, envelopes=0)


def _running(data: Path, clock: SystemClock, *, floor: float = 0.0) -> Callable[[], float]:
    running = RunningClock(
        HeartbeatFile(data / _HEARTBEAT).read(), wall=clock.wall(), monotonic=clock.monotonic(), floor=floor
    )
    return lambda: running.now(clock.monotonic())


def _copy_database(source: Path, target: Path) -> None:
    """Copy a database that may be in use, as one moment has it, durably. Raises OSError or sqlite3.Error."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        reading, writing = sqlite3.connect(f"file:{source}?mode=ro", uri=True), sqlite3.connect(target)
        try:
            reading.backup(writing)
        finally:
            writing.close()
            reading.close()
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
