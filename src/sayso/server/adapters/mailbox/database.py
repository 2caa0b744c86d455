"""The mailbox database's file: opened by one server at a time, and only if a commit survives a power loss."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

import apsw

from sayso.server.adapters.mailbox.faults import is_damage, translate
from sayso.server.adapters.mailbox.rescue import mark, put_in_place, rescue
from sayso.server.adapters.private_file import make_private_directory, sync_directory
from sayso.server.errors import ConfigError, CorruptError, StoreError

SCHEMA_VERSION: Final = 1
_PAGE_BYTES: Final = 8192
"""A sealed envelope of 2 KiB fits three times: a quarter more deposits per CPU second than with 4 KiB, and still cheap
for batches of one, which 16 KiB is not (docs/adr/0004)."""
_SYNCHRONOUS_FULL: Final = 2
_BUSY_MS: Final = 2000
_STATEMENTS_KEPT: Final = 512

# What is read at start and re-wrapped each hour stands apart from the bodies: both touch a tenth of the pages. No index
# on `mail`: the relay asks by seq, and an index over (device, seq) costs a third of the deposits.
MAIL_TABLE: Final = """CREATE TABLE mail (
    seq INTEGER PRIMARY KEY, device BLOB NOT NULL, eid BLOB NOT NULL, hh BLOB NOT NULL,
    deposited REAL NOT NULL, expires REAL NOT NULL, size INTEGER NOT NULL, granted INTEGER NOT NULL,
    handed INTEGER NOT NULL, generation INTEGER NOT NULL, wrap BLOB NOT NULL,
    CHECK (length(device) = 16 AND length(eid) = 16 AND length(wrap) = 60)
) STRICT"""
_SCHEMA: Final = (
    MAIL_TABLE
    + """;
CREATE TABLE body (seq INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
CREATE TABLE handed (device BLOB PRIMARY KEY, upto INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE doubt (
    device BLOB NOT NULL, eid BLOB NOT NULL, hh BLOB NOT NULL, granted INTEGER NOT NULL, deposited REAL NOT NULL,
    expires REAL NOT NULL, refused_means INTEGER NOT NULL, PRIMARY KEY (device, eid)
) STRICT, WITHOUT ROWID;
CREATE TABLE outcome (
    hh BLOB NOT NULL UNIQUE, state INTEGER NOT NULL, granted INTEGER NOT NULL, deposited REAL NOT NULL, at REAL NOT NULL
) STRICT;
CREATE INDEX outcome_at ON outcome (at);
CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), next_seq INTEGER NOT NULL, latest REAL NOT NULL) STRICT;
INSERT INTO meta VALUES (1, 1, 0.0);
"""
)


_LOOKS: Final = (
    "SELECT next_seq, latest FROM meta",
    "SELECT total(length(wrap)) FROM mail",
    "SELECT count(length(device)) FROM handed",
    "SELECT count(length(hh)) FROM doubt",
)
"""Read whole at the start: every page but those of bodies and outcomes."""


class MailboxDatabase:
    """The open file: a writing connection, a reading one, and the lock that keeps other servers out."""

    writer: apsw.Connection
    reader: apsw.Connection

    def __init__(self, directory: Path, *, vfs: str | None = None) -> None:
        """Open or create the database. A damaged one is set aside, and goes on as a new one with what can be read.

        Args:
            directory: made if it is not there; for its owner only.
            vfs: SQLite's file layer to use instead of the platform's.

        Raises:
            ConfigError: another server holds it, others can look into it, it was written by a newer Sayso, or what is
                committed there would not be durable.
            StoreError: it cannot be opened, or so much of it is damaged that nothing could be read.
        """
        make_private_directory(directory)
        self._path: Final = directory / "mailbox.db"
        self._vfs: Final = vfs
        self.lost = 0
        """How many envelopes are known to be lost to damage that was met at this start."""
        self._lock = _lock(directory / "mailbox.lock")
        try:
            put_in_place(self._path)
            if mark(self._path).exists():
                self._rescue()
            else:
                self._open_or_rescue()
        except apsw.Error as error:
            os.close(self._lock)
            raise translate(error, system_errno=0) from error
        except OSError as error:
            os.close(self._lock)
            raise StoreError(f"cannot open {self._path}: {error.strerror}") from error
        except BaseException:
            os.close(self._lock)
            raise

    def mark_damaged(self) -> None:
        """Have the next start set this file aside: damage was met where it cannot be worked around.

        Best effort: on a disk that takes nothing the next start meets the damage again.
        """
        with contextlib.suppress(OSError):
            mark(self._path).touch(mode=0o600)
            sync_directory(self._path.parent)

    def _open_or_rescue(self) -> None:
        try:
            self._open()
        except apsw.Error as error:
            if not is_damage(error):
                raise
            self._rescue()

    def _rescue(self) -> None:
        self.lost = rescue(self._path, page_bytes=_PAGE_BYTES, make=self._make)
        put_in_place(self._path)
        self._open()

    def _open(self) -> None:
        path = self._path
        _refuse_readable(path)
        made = _was_made(self._lock)
        if made and path.stat().st_size == 0:
            raise CorruptError(
                f"{path} was here and is empty or gone: restore it, or remove mailbox.lock beside it to begin anew"
            )
        self.writer = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, self._vfs)
        try:
            _make_durable(self.writer)
            _make_schema(self.writer)
            # What a crash left in the log is in the file from here on, or the start fails. After a failed fsync
            # the log may be readable and yet not on the disk; to write its pages anew is the only way to know.
            self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            _look_for_damage(self.writer, path)
            sync_directory(path.parent)
            if not made:
                _note_made(self._lock)
            self.reader = _connect(path, apsw.SQLITE_OPEN_READONLY, self._vfs)
        except BaseException:
            self.writer.close()
            raise

    def _make(self, path: Path) -> apsw.Connection:
        """Create an empty database."""
        _refuse_readable(path)
        connection = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, self._vfs)
        try:
            _make_durable(connection)
            _make_schema(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self, *, failed: bool = False) -> None:
        """Close the connections and let another server in.

        Args:
            failed: the disk failed before. SQLite would bring the log into the file now, and call again the fsync that
                failed: the kernel may call that done although what the first one lost is nowhere. The next start
                writes those pages anew.

        Raises:
            apsw.Error: the file could not be closed well.
        """
        try:
            if failed:
                self.writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self.reader.close()
            self.writer.close()
        finally:
            os.close(self._lock)


def _lock(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot use {path.parent} for the mailboxes: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ConfigError(f"another server runs on {path.parent}: stop it, or choose another --data") from error
    return descriptor


def _was_made(lock: int) -> bool:
    """Whether a database was ever completed beside this lock: an empty file is then no new one."""
    return os.fstat(lock).st_size > 0


def _note_made(lock: int) -> None:
    os.pwrite(lock, b"made\n", 0)
    os.fsync(lock)


def _look_for_damage(writer: apsw.Connection, path: Path) -> None:
    """Look at every page but those of bodies and outcomes, which are looked at when they are used.

    Raises:
        apsw.CorruptError: a page cannot be read, or the file was cut off.
        apsw.Error: the database failed otherwise.
    """
    if writer.execute("PRAGMA page_count").get * _PAGE_BYTES > path.stat().st_size:
        raise apsw.CorruptError("the file was cut off")
    for sql in _LOOKS:
        if not writer.execute(sql).fetchall():
            raise apsw.CorruptError("a table has lost its only row")


def _refuse_readable(path: Path) -> None:
    """Create the file for its owner only (log and shared memory get the same mode), or see that it is."""
    path.touch(mode=0o600)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"others can read {path}: run `chmod 600 {path}`")


def _connect(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags, vfs=vfs, statementcachesize=_STATEMENTS_KEPT)
    connection.set_busy_timeout(_BUSY_MS)
    connection.execute("PRAGMA temp_store = memory")
    return connection


def _make_durable(writer: apsw.Connection) -> None:
    writer.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    writer.execute("PRAGMA journal_mode = wal").fetchall()
    writer.execute("PRAGMA synchronous = full")
    writer.execute("PRAGMA secure_delete = on").fetchall()
    if writer.execute("PRAGMA journal_mode").get != "wal":
        raise ConfigError(
            "the mailbox database cannot use a write-ahead log here, so an accepted message would not be safe: "
            "put --data on a local disk (ext4, xfs, btrfs), not on a network share"
        )
    if writer.execute("PRAGMA synchronous").get != _SYNCHRONOUS_FULL:
        raise ConfigError(
            "the mailbox database does not wait for the disk (synchronous is not FULL), so an accepted message could "
            "be lost: remove what overrides it (a patched SQLite, a start-up hook)"
        )
    if not writer.execute("PRAGMA secure_delete").get:
        raise ConfigError(
            "the mailbox database does not overwrite what it deletes (secure_delete is off): remove what overrides it"
        )


def _make_schema(writer: apsw.Connection) -> None:
    version = writer.execute("PRAGMA user_version").get
    if version == SCHEMA_VERSION:
        return
    if version != 0:
        raise ConfigError("the mailbox database was written by a newer Sayso: start that one")
    with writer:
        writer.execute(_SCHEMA)
        writer.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
