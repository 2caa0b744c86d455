"""The encrypted file: its key, its durability, its one way to write."""

import os
from pathlib import Path

import apsw
import pytest

from sayso.phone.adapters.store import Store
from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.schema import MIGRATIONS
from sayso.phone.core.lines import Line
from sayso.phone.errors import StoreLockedError

KEY = bytes(range(32))
SECRET = "+447700900123 and a secret"


def add_line(store: Store, name: str = "sim1") -> Line:
    line = Line(id=os.urandom(16), name=name, number=SECRET)
    with store.transaction("line-made"):
        store.lines.add(line)
    return line


def test_what_was_committed_is_there_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "phone.db", KEY)
    line = add_line(store)
    store.close()
    store = Store(tmp_path / "phone.db", KEY)
    assert store.lines.get(line.id) == line
    store.close()


@pytest.mark.parametrize("key", [bytes(32), b"", b"short"])
def test_another_key_opens_nothing(tmp_path: Path, key: bytes) -> None:
    store = Store(tmp_path / "phone.db", KEY)
    line = add_line(store)
    store.close()
    with pytest.raises(StoreLockedError):
        Store(tmp_path / "phone.db", key)
    store = Store(tmp_path / "phone.db", KEY)
    assert store.lines.get(line.id) == line
    store.close()


def test_nothing_is_readable_on_the_disk(tmp_path: Path) -> None:
    store = Store(tmp_path / "phone.db", KEY)
    add_line(store)
    for file in tmp_path.iterdir():  # the log too, while it is open
        data = file.read_bytes()
        assert b"447700900123" not in data, file.name
        assert b"secret" not in data, file.name
        assert not data.startswith(b"SQLite format 3"), file.name
        assert file.stat().st_mode & 0o777 == 0o600, file.name
    store.close()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "phone.db").write_bytes(b"x" * 8192)
    with pytest.raises(StoreLockedError):
        Store(tmp_path / "phone.db", KEY)


def test_a_store_of_a_newer_sayso_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / "phone.db", KEY)
    with database.transaction("future"):
        database.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (len(MIGRATIONS) + 1,))
    database.close()
    with pytest.raises(StoreLockedError, match="newer"):
        Database(tmp_path / "phone.db", KEY)


def test_it_is_durable(tmp_path: Path) -> None:
    database = Database(tmp_path / "phone.db", KEY)
    pragma = database._connection.execute
    assert pragma("PRAGMA synchronous").get == 2
    assert pragma("PRAGMA journal_mode").get == "wal"
    assert pragma("PRAGMA temp_store").get == 2
    assert pragma("PRAGMA secure_delete").get == 1
    assert pragma("PRAGMA foreign_keys").get == 1
    database.close()


def test_a_transaction_is_all_or_nothing() -> None:
    store = Store(None, KEY)

    def half() -> None:
        with store.transaction("half"):
            store.lines.add(Line(id=bytes(16), name="sim1"))
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        half()
    assert store.lines.all() == []


def test_the_boundary_is_told_around_the_commit() -> None:
    seen: list[tuple[str, str, int]] = []

    def boundary(name: str, side: str) -> None:
        if name == "line-made":
            seen.append((name, side, len(store.lines.all())))

    store = Store(None, KEY, boundary=boundary)
    add_line(store)
    assert seen == [("line-made", "before", 1), ("line-made", "after", 1)]


@pytest.mark.parametrize(("side", "left"), [("before", 0), ("after", 1)])
def test_a_crash_at_the_boundary(side: str, left: int) -> None:
    class CrashError(Exception):
        pass

    def boundary(name: str, at: str) -> None:
        if (name, at) == ("line-made", side):
            raise CrashError

    store = Store(None, KEY, boundary=boundary)
    with pytest.raises(CrashError):
        add_line(store)
    assert len(store.lines.all()) == left


def test_a_write_without_a_transaction_has_no_name() -> None:
    store = Store(None, KEY)
    with pytest.raises(RuntimeError):
        store.lines.add(Line(id=bytes(16), name="sim1"))


def test_a_transaction_inside_a_transaction_is_a_mistake() -> None:
    store = Store(None, KEY)
    with store.transaction("outer"), pytest.raises(RuntimeError, match="outer"), store.transaction("inner"):
        pass


def test_a_commit_that_fails_rolls_back_and_the_store_goes_on() -> None:
    store = Store(None, KEY)
    line = add_line(store)

    def twice() -> None:
        with store.transaction("twice"):
            store.lines.add(Line(id=os.urandom(16), name="sim2"))
            store.lines._database.execute(
                "INSERT INTO line VALUES (?, 'sim1', 'off', NULL, NULL, NULL, 0, 0)", (os.urandom(16),)
            )

    with pytest.raises(apsw.ConstraintError):
        twice()
    assert store.lines.all() == [line]
    add_line(store, "sim2")


def test_a_full_disk_is_said_and_nothing_is_stored() -> None:
    store = Store(None, KEY)
    line = add_line(store)
    store._database._connection.execute("PRAGMA max_page_count = 60")

    def fill() -> None:
        with store.transaction("secrets"):
            store.put_secret("large", bytes(1_000_000))

    with pytest.raises(StoreLockedError, match="disk"):
        fill()
    assert store.secret("large") is None
    assert store.lines.all() == [line]
