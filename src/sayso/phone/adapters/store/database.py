"""Opens the encrypted database, and gives the one way to write to it: a named transaction."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from sayso.phone.adapters.store.schema import MIGRATIONS
from sayso.phone.errors import StoreLockedError

KEY_BYTES: Final = 32
_FULL: Final = 2
_MEMORY: Final = 2

Value = None | int | float | str | bytes
Boundary = Callable[[str, str], None]
"""Called with a transaction's name and "before" or "after", around its COMMIT."""
Moved = Callable[[int], None]
"""Told the count of key and ratchet changes when a COMMIT has raised it, before the transaction returns."""


class Database:
    """One connection to the encrypted file. Used from one event loop; nothing may await inside a transaction."""

    def __init__(self, path: Path | None, key: bytes, *, boundary: Boundary | None = None) -> None:
        """Open, and create or migrate if needed.

        Args:
            path: the file; None for one in memory (tests).
            key: 32 bytes.
            boundary: called around each COMMIT; the kill tests stop the process there.

        Raises:
            StoreLockedError: another key, not a store, of a newer Sayso, or not durable.
        """
        if len(key) != KEY_BYTES:
            raise StoreLockedError("the store's key has 32 bytes; the key file is damaged")
        self._boundary = boundary
        self._open: str | None = None
        self._moved: Moved | None = None
        self._moves_told = 0
        if path is not None:
            path.touch(mode=0o600)  # SQLite gives its log the same mode
        self._connection = apsw.Connection(":memory:" if path is None else str(path))
        try:
            self._prepare(key, in_memory=path is None)
            self._migrate()
        except apsw.NotADBError as error:
            self._connection.close()
            raise StoreLockedError("the phone's store cannot be opened with this key, or is damaged") from error
        except StoreLockedError:
            self._connection.close()
            raise

    def _prepare(self, key: bytes, *, in_memory: bool) -> None:
        if not in_memory:
            self._connection.execute("PRAGMA cipher = chacha20")
            self._connection.execute(f"PRAGMA key = 'raw:{key.hex()}'")
        self._connection.set_busy_timeout(5000)
        self._connection.execute("PRAGMA temp_store = memory")
        mode = self._connection.execute("PRAGMA journal_mode = wal").get
        self._connection.execute("PRAGMA synchronous = full")
        self._connection.execute("PRAGMA foreign_keys = on")
        self._connection.execute("PRAGMA secure_delete = on")
        durable = self._connection.execute("PRAGMA synchronous").get == _FULL and (mode == "wal" or in_memory)
        if not durable or self._connection.execute("PRAGMA temp_store").get != _MEMORY:
            raise StoreLockedError(
                "the file system of the phone's store cannot keep it durable; put it on a local disk"
            )

    def _migrate(self) -> None:
        self._connection.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL)")
        at = self._connection.execute("SELECT value FROM meta WHERE key = 'schema'").get or 0
        if at > len(MIGRATIONS):
            raise StoreLockedError("the phone's store was written by a newer Sayso; install that one")
        for number, script in enumerate(MIGRATIONS[at:], start=at + 1):
            with self.transaction("schema"):
                self._connection.execute(script)
                self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", (number,))

    @contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        """Make everything inside durable together, or, if it raises, nothing.

        Args:
            name: of this commit boundary, such as `incoming`; the kill tests list them.

        Raises:
            StoreLockedError: the disk is full or failing; nothing was stored, so nothing is acknowledged either.
        """
        if self._open is not None:
            raise RuntimeError(
                f"transaction {name!r} inside {self._open!r}: a commit would split what belongs together"
            )
        self._open = name
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            if self._boundary is not None:
                self._boundary(name, "before")
            self._connection.execute("COMMIT")
        except (apsw.FullError, apsw.IOError) as error:
            self._roll_back()
            raise StoreLockedError(
                "the phone's store cannot be written: make room on the disk, then start again"
            ) from error
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._open = None
        self._tell_moves()
        if self._boundary is not None:
            self._boundary(name, "after")

    def moves(self) -> int:
        """Return how often keys and ratchets have changed in this store, ever."""
        return int(self._connection.execute("SELECT value FROM meta WHERE key = 'moves'").get)

    def follow(self, moved: Moved) -> None:
        """Tell the count now, and from here on after each transaction that raises it."""
        self._moved = moved
        self._moves_told = self.moves()
        moved(self._moves_told)

    def _tell_moves(self) -> None:
        if self._moved is None:
            return
        moves = self.moves()
        if moves != self._moves_told:
            self._moved(moves)
            self._moves_told = moves

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def execute(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Run one statement and return its rows. Writing needs an open transaction.

        Raises:
            RuntimeError: a write outside a transaction: it would be a commit boundary without a name.
        """
        if self._open is None and not sql.startswith("SELECT"):
            raise RuntimeError("a write outside a transaction has no name and joins nothing")
        rows: list[tuple[Value, ...]] = self._connection.execute(sql, values).fetchall()
        return rows

    def insert(self, sql: str, values: Sequence[Value]) -> int:
        """Run an INSERT and return the row's place."""
        self.execute(sql, values)
        return int(self._connection.last_insert_rowid())

    def changes(self) -> int:
        """Return how many rows the last statement changed."""
        return int(self._connection.changes())

    def close(self) -> None:
        """Write the log back into the file and close."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
