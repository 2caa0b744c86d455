"""Records in SQLite: WAL, `synchronous=FULL`, one table per kind, bodies in MessagePack."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw
import msgspec

from sayso.carrier.core.commands import Forget, Save
from sayso.carrier.core.records import RECORD_TYPES, Record
from sayso.carrier.errors import StoreError

SCHEMA_VERSION: Final = 1
_SYNCHRONOUS_FULL: Final = 2

_BUSY_MS: Final = 5_000
"""How long somebody else who looks into the database may hold a commit up."""

_kinds = [record_type.kind for record_type in RECORD_TYPES]
# The kinds are constants of ours, no input.
_CREATE: Final = [
    f"CREATE TABLE IF NOT EXISTS {kind} (key TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT" for kind in _kinds
]
_LOAD: Final = {kind: f"SELECT body FROM {kind}" for kind in _kinds}  # noqa: S608  see above
_SAVE: Final = {kind: f"INSERT OR REPLACE INTO {kind} VALUES (?, ?)" for kind in _kinds}  # noqa: S608  see above
_FORGET: Final = {kind: f"DELETE FROM {kind} WHERE key = ?" for kind in _kinds}  # noqa: S608  see above
_encoder: Final = msgspec.msgpack.Encoder()


class SqliteStore:
    """A CarrierStore in one file, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        """Open or create the database.

        Raises:
            StoreError: It cannot be opened, is no database, is newer than this program, or would not be durable.
        """
        try:
            path.touch(mode=0o600)
            self._db = apsw.Connection(str(path))
            self._prepare()
        except (apsw.Error, OSError) as error:
            raise StoreError(f"cannot open the carrier's database {path}: {type(error).__name__}") from error

    def load(self) -> list[Record]:
        """Return all records. Raises StoreError."""
        records: list[Record] = []
        try:
            for record_type in RECORD_TYPES:
                decoder = msgspec.msgpack.Decoder(record_type)
                rows = self._db.execute(_LOAD[record_type.kind])
                records += [decoder.decode(body) for (body,) in rows]
        except (apsw.Error, msgspec.MsgspecError) as error:
            raise StoreError(f"the carrier's database is damaged: {type(error).__name__}") from error
        return records

    def commit(self, changes: Sequence[Save | Forget]) -> None:
        """Make all changes durable, together or not at all, before returning. Raises StoreError."""
        try:
            with self._db:
                for change in changes:
                    record = change.record
                    if isinstance(change, Save):
                        self._db.execute(_SAVE[record.kind], (record.key, _encoder.encode(record)))
                    else:
                        self._db.execute(_FORGET[record.kind], (record.key,))
        except apsw.Error as error:
            raise StoreError(f"the carrier's database cannot be written: {type(error).__name__}") from error

    def close(self) -> None:
        """Release the database."""
        self._db.close()

    def _prepare(self) -> None:
        self._db.set_busy_timeout(_BUSY_MS)
        for pragma in ("journal_mode = wal", "synchronous = full", "temp_store = memory"):
            self._db.execute(f"PRAGMA {pragma}")
        if self._db.pragma("journal_mode") != "wal" or self._db.pragma("synchronous") != _SYNCHRONOUS_FULL:
            raise StoreError("the carrier's database would not be durable: this file system does not support WAL")
        version = self._db.pragma("user_version")
        if version not in (0, SCHEMA_VERSION):
            raise StoreError("the carrier's database was written by a newer Sayso; use that one")
        with self._db:
            for statement in _CREATE:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
