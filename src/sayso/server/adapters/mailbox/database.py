"""The mailbox database's file: opened by one server at a time, and only if a commit survives a power loss."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from sayso.server.adapters.mailbox.faults import translate
from sayso.server.adapters.private_file import make_private_directory, sync_directory
from sayso.server.errors import ConfigError, StoreError

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


class MailboxDatabase:
    """The open file: a writing connection, a reading one, and the lock that keeps other servers out."""

    def __init__(self, directory: Path, *, vfs: str | None = None) -> None:
        """Open or create the database.

        Args:
            directory: made if it is not there; for its owner only.
            vfs: SQLite's file layer to use instead of the platform's.

        Raises:
            ConfigError: another server holds it, others can look into it, it was written by a newer Sayso, or what is
                committed there would not be durable.
            StoreError: it cannot be opened or is damaged.
        """
        make_private_directory(directory)
        path = directory / "mailbox.db"
        self._lock = _lock(directory / "mailbox.lock")
        try:
            _refuse_readable(path)
            self.writer: Final = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs)
            try:
                _make_durable(self.writer)
                _make_schema(self.writer)
                # What a crash left in the log is in the file from here on, or the start fails. After a failed fsync
                # the log may be readable and yet not on the disk; to write its pages anew is the only way to know.
                self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                sync_directory(directory)
                self.reader: Final = _connect(path, apsw.SQLITE_OPEN_READONLY, vfs)
            except BaseException:
                self.writer.close()
                raise
        except apsw.Error as error:
            os.close(self._lock)
            raise translate(error, system_errno=0) from error
        except OSError as error:
            os.close(self._lock)
            raise StoreError(f"cannot open {path}: {error.strerror}") from error
        except BaseException:
            os.close(self._lock)
            raise

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


def fetch(
    connection: apsw.Connection, sql: str, values: Sequence[bytes | float | int | str] = ()
) -> list[tuple[Any, ...]]:
    """Return all rows; their types are the schema's, except on damaged pages. Raises apsw.Error."""
    return connection.execute(sql, values).fetchall()


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
