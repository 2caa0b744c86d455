"""The database: durable settings, whole commits, and refusals that say what is wrong."""

from pathlib import Path

import apsw
import pytest

from sayso.carrier.adapters.sqlite_store import SqliteStore
from sayso.carrier.core.commands import Save
from sayso.carrier.core.records import Counter, Modem
from sayso.carrier.errors import StoreError


def test_the_settings_are_durable_and_the_file_is_the_owners(tmp_path: Path) -> None:
    path = tmp_path / "carrier.db"
    store = SqliteStore(path)
    assert (store._db.pragma("journal_mode"), store._db.pragma("synchronous")) == ("wal", 2)
    store.commit([Save(Counter(next=5))])
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_commit_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "carrier.db")
    store.commit([Save(Counter(next=5))])
    store._db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError):
        store.commit([Save(Counter(next=6)), Save(Modem(name="a" * 100_000, imei="1"))])
    store._db.execute("PRAGMA max_page_count = 100000")
    assert store.load() == [Counter(next=5)]
    store.close()


def test_what_is_no_database_of_ours_is_refused(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError):
        SqliteStore(garbage)
    with pytest.raises(StoreError):
        SqliteStore(tmp_path / "no-such-directory" / "carrier.db")
    newer = apsw.Connection(str(tmp_path / "newer.db"))
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreError, match="newer"):
        SqliteStore(tmp_path / "newer.db")


def test_a_damaged_record_is_an_error_of_ours(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "carrier.db")
    store._db.execute("INSERT INTO counter VALUES ('counter', x'00')")
    with pytest.raises(StoreError, match="damaged"):
        store.load()
    store.close()
