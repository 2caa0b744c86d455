"""A damaged mailbox database is set aside, and what can be read of it goes on in a new one.

    damage found ─▶ rows, page by page ─▶ mailbox.new ─fsync, rename─▶ mailbox.rescued ─▶ put in place
                                                                          │
        a crash before that: the damaged file is where it was             └ a crash after it: the next start goes on

The damaged file stays beside the new one as `mailbox-damaged-1.db`, for whoever wants to look; in two hours nobody can
open an envelope in it. Every rescued envelope counts as handed: whether it was, its lost watermark may have said, and a
recall then asks the device, which knows.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import apsw

from sayso.server.adapters.mailbox.pages import Found, Pages, Row
from sayso.server.adapters.mailbox.sealing import WRAP_BYTES
from sayso.server.adapters.mailbox.statements import Value, insert, transaction
from sayso.server.adapters.private_file import sync_directory
from sayso.server.errors import CorruptError

_ID_BYTES: Final = 16
_HASH_BYTES: Final = 32
_SEQ_LEAP: Final = 1 << 20
"""Where the next seq is lost too: rows that nobody can read may have had higher ones than those that were found."""
_SEQ_MAX: Final = 1 << 62
"""No seq is greater: what stands beyond it is damage, and the next one would have no place in the database."""
_FINITE: Final = 1e12
"""No running time is greater; a REAL beyond it is damage."""
_HANDED: Final = 8
"""The column of `mail` that says so."""
_FINAL_AT: Final = 4
"""The column of `outcome` with its time."""


@dataclass(slots=True)
class Rescued:
    """Rows that are whole, by their tables; by their keys, so that a page's older copy changes nothing."""

    mail: dict[int, tuple[Value, ...]] = field(default_factory=dict)
    body: dict[int, bytes] = field(default_factory=dict)
    outcome: dict[bytes, tuple[Value, ...]] = field(default_factory=dict)
    doubt: dict[tuple[bytes, bytes], tuple[Value, ...]] = field(default_factory=dict)
    next_seq: int = 0
    latest: float = 0.0

    def take(self, row: Row) -> None:
        """Keep a row if it has the shape of one of ours."""
        match row:
            case int(seq), [None, bytes(sealed)] if seq < _SEQ_MAX:
                self.body[seq] = sealed
            case int(seq), [None, *values] if seq < _SEQ_MAX and _is_mail(values):
                self.mail[seq] = (seq, *_without_null(values))
            case int(), [bytes(digest), int(), int(), *times] if len(digest) == _HASH_BYTES and _are_times(times, 2):
                self.outcome[digest] = _without_null(row[1])
            case None, [bytes(device), bytes(envelope_id), bytes(digest), int(), *times, int()] if (
                len(device),
                len(envelope_id),
                len(digest),
            ) == (_ID_BYTES, _ID_BYTES, _HASH_BYTES) and _are_times(times, 2):
                self.doubt[device, envelope_id] = _without_null(row[1])
            case 1, [None, int(next_seq), (int() | float()) as latest] if (
                0 <= next_seq < _SEQ_MAX and 0 <= latest < _FINITE
            ):
                self.next_seq, self.latest = next_seq, float(latest)
            case _:
                pass

    def __bool__(self) -> bool:
        """Whether anything was found that only a mailbox database has."""
        return bool(self.mail or self.body or self.outcome or self.doubt or self.next_seq)

    @property
    def lost(self) -> int:
        """Envelopes of which one half is left: their row, or their body."""
        return len(self.mail.keys() ^ self.body.keys())


def rescue(path: Path, *, page_bytes: int, make: Callable[[Path], apsw.Connection]) -> int:
    """Make a new database of what a damaged one has, ready to be put in place.

    Args:
        path: the damaged database, which nobody has open.
        page_bytes: that it was made with.
        make: creates an empty database.

    Returns:
        How many envelopes are known to be lost; there may be more.

    Raises:
        CorruptError: nothing of a mailbox database is there.
        OSError: the disk failed.
        apsw.Error: the new database could not be written.
    """
    found = Rescued()
    pages = Pages(path, page_bytes=page_bytes)
    try:
        for row in pages.rows():
            found.take(row)
    finally:
        pages.close()
    if not found:
        raise CorruptError(
            f"{path} is damaged, and nothing of it can be read: restore it from a backup, or move it away to begin anew"
        )
    fresh = path.with_suffix(".new")
    for left in (fresh, fresh.with_name(fresh.name + "-wal"), fresh.with_name(fresh.name + "-shm")):
        left.unlink(missing_ok=True)
    connection = make(fresh)
    try:
        with transaction(connection):
            _fill(connection, found)
        connection.execute("PRAGMA journal_mode = delete").fetchall()  # so that the file is all there is
    finally:
        connection.close()
    _sync(fresh)
    fresh.rename(path.with_suffix(".rescued"))
    sync_directory(path.parent)
    return found.lost


def put_in_place(path: Path) -> None:
    """Replace a damaged database by the one that was made of it, if there is one; a crash leaves this to the next call.

    Raises:
        OSError: the disk failed.
    """
    rescued = path.with_suffix(".rescued")
    if not rescued.exists():
        return
    log = path.with_name(path.name + "-wal")
    if path.exists():
        aside = next(name for name in _names(path) if not name.exists() or name.samefile(path))
        for damaged, kept in ((path, aside), (log, aside.with_name(aside.name + "-wal"))):
            if damaged.exists() and not kept.exists():
                os.link(damaged, kept)
        sync_directory(path.parent)
    # The old log must be gone before the new file has its name: SQLite would play it into that one.
    log.unlink(missing_ok=True)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    sync_directory(path.parent)
    rescued.rename(path)
    mark(path).unlink(missing_ok=True)
    sync_directory(path.parent)


def mark(path: Path) -> Path:
    """Return the file whose presence says that damage was met while the server ran."""
    return path.with_suffix(".damaged")


def _names(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.stem}-damaged-{number}.db") for number in itertools.count(1))


def _fill(connection: apsw.Connection, found: Rescued) -> None:
    mail = [_handed(row) for _, row in sorted(found.mail.items())]
    insert(connection, "INSERT INTO mail VALUES", mail)
    body = [(seq, sealed) for seq, sealed in sorted(found.body.items()) if seq in found.mail]
    insert(connection, "INSERT INTO body VALUES", body)
    insert(connection, "INSERT INTO outcome VALUES", list(found.outcome.values()))
    insert(connection, "INSERT INTO doubt VALUES", list(found.doubt.values()))
    seqs = (*found.mail, *found.body)
    next_seq = max(found.next_seq, max(seqs, default=0) + (1 if found.next_seq else _SEQ_LEAP))
    times = [float(row[_FINAL_AT]) for row in found.outcome.values()]
    connection.execute("UPDATE meta SET next_seq = ?, latest = ?", (next_seq, max([found.latest, *times])))


def _handed(row: tuple[Value, ...]) -> tuple[Value, ...]:
    return (*row[:_HANDED], 1, *row[_HANDED + 1 :])


def _without_null(values: list[Found]) -> tuple[Value, ...]:
    """Return values of a shape that was looked at: no text and no NULL is among them."""
    return tuple(value for value in values if isinstance(value, bytes | float | int))


def _is_mail(values: list[Found]) -> bool:
    match values:
        case [bytes(device), bytes(eid), bytes(digest), _, _, int(), int(), int(), int(), bytes(wrap)]:
            lengths = (len(device), len(eid), len(digest), len(wrap))
            return lengths == (_ID_BYTES, _ID_BYTES, _HASH_BYTES, WRAP_BYTES) and _are_times(values[3:5], 2)
        case _:
            return False


def _are_times(values: list[Found], count: int) -> bool:
    return len(values) == count and all(isinstance(value, int | float) and 0 <= value < _FINITE for value in values)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
