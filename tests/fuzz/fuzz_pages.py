"""Pages of a damaged mailbox database: whatever is on them, what is found is put into a new one, or nothing was."""

import atexit
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

import apsw

from sayso.server.adapters.mailbox.database import MailboxDatabase
from sayso.server.adapters.mailbox.pages import Pages
from sayso.server.adapters.mailbox.rescue import Rescued, rescue
from sayso.server.adapters.mailbox.sealing import WRAP_BYTES
from sayso.server.errors import CorruptError

SLOW_EXECUTIONS = 500
PAGE_BYTES: Final = 512
"""Not ours, which are sixteen times as long: what is damaged here is to be small."""
_PLACE: Final = Path(tempfile.mkdtemp(prefix="sayso-fuzz-"))
atexit.register(shutil.rmtree, _PLACE, ignore_errors=True)
_DATABASE: Final = _PLACE / "mailbox.db"
_LOG: Final = _PLACE / "mailbox.db-wal"


def fuzz_one(data: bytes) -> None:
    """Look at pages, of the file or (after an odd byte) of its log."""
    _write(data)
    pages = Pages(_DATABASE, page_bytes=PAGE_BYTES)
    try:
        found = Rescued()
        for row in pages.rows():
            found.take(row)
    finally:
        pages.close()
    if any(not 0 <= seq < 1 << 62 for seq in (*found.mail, *found.body, found.next_seq)):
        raise AssertionError("a place in the order that no server can have given out")


def slow_one(data: bytes) -> None:
    """Make a new database of them, and read it."""
    _write(data)
    with contextlib.suppress(CorruptError):
        rescue(_DATABASE, page_bytes=PAGE_BYTES, make=_make)
        rescued = apsw.Connection(str(_DATABASE.with_suffix(".rescued")))
        ((said,),) = rescued.execute("PRAGMA integrity_check").fetchall()
        rescued.close()
        if said != "ok":
            raise AssertionError("what was rescued is damaged again")


def seeds() -> list[bytes]:
    """Pages of a database with two of everything, each with the one that follows it; a log; and a row far out."""
    path = _PLACE / "seed.db"
    path.unlink(missing_ok=True)
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    for (statement,) in _empty().execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall():
        connection.execute(str(statement))
    connection.execute("INSERT INTO meta VALUES (1, 7, 12.5)")
    for number in (1, 2):
        one, digest = bytes((number,)) * 16, bytes((number,)) * 32
        mail = (number, one, one, digest, 1.0, 2.0, 700, 1, 0, 3, bytes(WRAP_BYTES))
        connection.execute("INSERT INTO mail VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", mail)
        connection.execute("INSERT INTO body VALUES (?, ?)", (number, bytes(700 * number)))
        connection.execute("INSERT INTO outcome VALUES (?, 1, 1, 1.5, 2.5)", (digest,))
        connection.execute("INSERT INTO doubt VALUES (?, ?, ?, 1, 1.5, 2.5, 1)", (one, one, digest))
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("UPDATE meta SET next_seq = 8")
    log = path.with_name("seed.db-wal").read_bytes()
    connection.close()
    file = path.read_bytes()
    pages = [file[at : at + 2 * PAGE_BYTES] for at in range(0, len(file), PAGE_BYTES)]
    return [*(b"\0" + page for page in pages), b"\1" + log, b"\0" + _far_out()]


def _far_out() -> bytes:
    """A leaf with a row like a body's, at the highest place that nine bytes can name."""
    record = b"\x03\x00\x14body"
    cell = bytes((len(record),)) + b"\xff" * 9 + record
    at = PAGE_BYTES - len(cell)
    head = b"\x0d\x00\x00\x00\x01" + at.to_bytes(2, "big") + b"\x00" + at.to_bytes(2, "big")
    return bytes(PAGE_BYTES) + head.ljust(at, b"\x00") + cell


def _write(data: bytes) -> None:
    _LOG.unlink(missing_ok=True)
    logged = bool(data[:1]) and data[0] & 1
    _DATABASE.write_bytes(b"" if logged else data[1:])
    if logged:
        _LOG.write_bytes(data[1:])


def _empty() -> apsw.Connection:
    """Open a database of ours that is empty."""
    folder = _PLACE / "empty"
    if not folder.exists():
        made = MailboxDatabase(folder)
        made.close(failed=False)
    return apsw.Connection(str(folder / "mailbox.db"))


def _make(path: Path) -> apsw.Connection:
    _empty().close()
    shutil.copy(_PLACE / "empty" / "mailbox.db", path)
    return apsw.Connection(str(path))
