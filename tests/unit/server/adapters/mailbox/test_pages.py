"""Rows off pages: all that SQLite sees, also in the log; whatever is damaged costs rows, and raises nothing."""

from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayso.server.adapters.mailbox.pages import Found, Pages

PAGE = 8192
LONG = 65_552
"""A sealed envelope of 64 KiB: it goes on over eight more pages."""


def make(path: Path, *, rows: int = 200) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA page_size = {PAGE}")
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute("PRAGMA secure_delete = on").fetchall()
    connection.execute(
        "CREATE TABLE body (seq INTEGER PRIMARY KEY, sealed BLOB);"
        "CREATE TABLE kinds (n INTEGER PRIMARY KEY, a INTEGER, b REAL, c TEXT, d BLOB);"
        "CREATE TABLE pairs (k BLOB PRIMARY KEY, v INTEGER) WITHOUT ROWID"
    )
    with connection:
        for seq in range(1, rows + 1):
            connection.execute(
                "INSERT INTO body VALUES (?, ?)", (seq, bytes([seq % 256]) * (LONG if seq == 7 else 2064))
            )
            connection.execute("INSERT INTO pairs VALUES (?, ?)", (seq.to_bytes(16, "big"), -seq))
        for n, a in enumerate((0, 1, -1, 127, -129, 2**15, 2**23, -(2**31), 2**40, -(2**62))):
            connection.execute("INSERT INTO kinds VALUES (?, ?, ?, ?, ?)", (n, a, a / 3, f"text {a}", None))
    return connection


def found(path: Path) -> list[tuple[int | None, list[Found]]]:
    pages = Pages(path, page_bytes=PAGE)
    try:
        return list(pages.rows())
    finally:
        pages.close()


def test_every_row_is_found_from_the_smallest_integer_to_a_body_over_many_pages(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    connection = make(path)
    connection.close()
    rows = found(path)
    bodies = {row_id: values[1] for row_id, values in rows if row_id and len(values) == 2}
    assert bodies == {seq: bytes([seq % 256]) * (LONG if seq == 7 else 2064) for seq in range(1, 201)}
    pairs = {values[0]: values[1] for row_id, values in rows if row_id is None}
    assert pairs == {seq.to_bytes(16, "big"): -seq for seq in range(1, 201)}
    kinds = [values for row_id, values in rows if row_id is not None and len(values) == 5 and values[3] != "kinds"]
    integers = [values[1] for values in kinds if isinstance(values[3], str) and values[3].startswith("text")]
    assert integers == [0, 1, -1, 127, -129, 2**15, 2**23, -(2**31), 2**40, -(2**62)]


def test_what_is_only_in_the_log_counts_and_deleted_rows_do_not(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    connection = make(path, rows=50)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
    connection.execute("DELETE FROM body WHERE seq <= 10")
    connection.execute("UPDATE body SET sealed = x'aa' WHERE seq = 20")
    connection.execute("INSERT INTO body VALUES (99, x'bb')")
    bodies = {row_id: values[1] for row_id, values in found(path) if row_id and len(values) == 2}
    assert sorted(bodies) == [*range(11, 51), 99]
    assert (bodies[20], bodies[99]) == (b"\xaa", b"\xbb")
    log = tmp_path / "test.db-wal"
    spoilt = bytearray(log.read_bytes())
    spoilt[40] ^= 1
    log.write_bytes(spoilt)
    assert len([row_id for row_id, values in found(path) if row_id and len(values) == 2]) == 50  # as before the log
    connection.close()


@pytest.mark.parametrize("length", [0, 1, 100, PAGE, 3 * PAGE + 17])
def test_a_file_that_was_cut_off_gives_what_is_left(tmp_path: Path, length: int) -> None:
    path = tmp_path / "test.db"
    make(path).close()
    path.write_bytes(path.read_bytes()[:length])
    assert len(found(path)) < 400


@settings(max_examples=200)
@given(content=st.binary(max_size=300), start=st.integers(0, PAGE - 1), kind=st.sampled_from([2, 10, 13]))
def test_garbage_raises_nothing(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, start: int, kind: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.db"
    page = bytearray(2 * PAGE)
    page[PAGE] = kind
    page[PAGE + 3 : PAGE + 5] = (30).to_bytes(2, "big")
    page[PAGE + 8 : PAGE + 68] = start.to_bytes(2, "big") * 30
    page[PAGE + start : PAGE + start + len(content)] = content
    path.write_bytes(page[: 2 * PAGE])
    found(path)
