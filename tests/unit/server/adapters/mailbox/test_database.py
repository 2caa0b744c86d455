"""The database opens only where what is committed survives a power loss, and for one server at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from sayso.server.adapters.mailbox.database import MailboxDatabase
from sayso.server.errors import ConfigError, CorruptError, StoreError
from tests.fakes.faulty_vfs import FaultyVfs


@contextmanager
def overriding(*pragmas: str) -> Iterator[None]:
    """Put a start-up hook in place that sets pragmas and does not let them be changed."""
    names = {pragma.split("=")[0] for pragma in pragmas}

    def authorize(action: int, name: str | None, value: str | None, *_: str | None) -> int:
        pinned = action == apsw.SQLITE_PRAGMA and name in names and value is not None
        return apsw.SQLITE_IGNORE if pinned else apsw.SQLITE_OK

    def hook(connection: apsw.Connection) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.authorizer = authorize

    apsw.connection_hooks.append(hook)
    try:
        yield
    finally:
        apsw.connection_hooks.remove(hook)


def test_the_settings_that_durability_needs_are_on(tmp_path: Path) -> None:
    database = MailboxDatabase(tmp_path / "mailbox")
    pragmas = {name: database.writer.execute(f"PRAGMA {name}").get for name in ("journal_mode", "synchronous")}
    pragmas |= {name: database.writer.execute(f"PRAGMA {name}").get for name in ("temp_store", "secure_delete")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "temp_store": 2, "secure_delete": 1}
    database.close()


@pytest.mark.parametrize("weaker", ["normal", "off"])
def test_a_store_that_does_not_wait_for_the_disk_is_refused(tmp_path: Path, weaker: str) -> None:
    with overriding(f"synchronous={weaker}"), pytest.raises(ConfigError, match="synchronous is not FULL"):
        MailboxDatabase(tmp_path / "mailbox")
    MailboxDatabase(tmp_path / "mailbox").close()


@pytest.mark.parametrize("journal", ["delete", "memory", "off", "truncate"])
def test_a_store_without_a_write_ahead_log_is_refused(tmp_path: Path, journal: str) -> None:
    with overriding(f"journal_mode={journal}"), pytest.raises(ConfigError, match="local disk"):
        MailboxDatabase(tmp_path / "mailbox")


def test_a_store_that_does_not_overwrite_what_it_deletes_is_refused(tmp_path: Path) -> None:
    with overriding("secure_delete=off"), pytest.raises(ConfigError, match="secure_delete"):
        MailboxDatabase(tmp_path / "mailbox")


def test_a_second_server_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    first = MailboxDatabase(tmp_path / "mailbox")
    with pytest.raises(ConfigError, match="another server"):
        MailboxDatabase(tmp_path / "mailbox")
    first.close()
    MailboxDatabase(tmp_path / "mailbox").close()


def test_all_files_are_for_their_owner_only(tmp_path: Path) -> None:
    database = MailboxDatabase(tmp_path / "mailbox")
    with database.writer:
        database.writer.execute("INSERT INTO handed VALUES (x'00', 1)")
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "mailbox").iterdir()}
    assert modes == dict.fromkeys(("mailbox.db", "mailbox.db-wal", "mailbox.db-shm", "mailbox.lock"), 0o600)
    database.close()


@pytest.mark.parametrize(("name", "mode"), [(".", 0o755), ("mailbox.db", 0o644)])
def test_what_others_can_read_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    MailboxDatabase(tmp_path / "mailbox").close()
    (tmp_path / "mailbox" / name).chmod(mode)
    with pytest.raises(ConfigError, match=r"run `chmod [67]00 "):
        MailboxDatabase(tmp_path / "mailbox")


def test_a_database_of_a_newer_sayso_is_refused(tmp_path: Path) -> None:
    database = MailboxDatabase(tmp_path / "mailbox")
    database.writer.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ConfigError, match="newer Sayso"):
        MailboxDatabase(tmp_path / "mailbox")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    directory = tmp_path / "mailbox"
    directory.mkdir(mode=0o700)
    (directory / "mailbox.db").touch(mode=0o600)
    (directory / "mailbox.db").write_bytes(b"these are somebody's notes" * 100)
    with pytest.raises(CorruptError):
        MailboxDatabase(directory)
    assert (directory / "mailbox.db").read_bytes() == b"these are somebody's notes" * 100


def test_a_start_that_cannot_reach_the_disk_fails_and_leaves_the_lock_free(tmp_path: Path) -> None:
    """A log left by a crash must get into the file, with an fsync, before anything in it counts."""
    vfs = FaultyVfs()
    vfs.fail_syncs = apsw.IOError
    with pytest.raises(StoreError):
        MailboxDatabase(tmp_path / "mailbox", vfs=vfs.name)
    vfs.fail_syncs = None
    MailboxDatabase(tmp_path / "mailbox", vfs=vfs.name).close()


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_is_suddenly_empty_or_gone_is_no_new_one(tmp_path: Path, *, gone: bool) -> None:
    MailboxDatabase(tmp_path / "mailbox").close()
    path = tmp_path / "mailbox" / "mailbox.db"
    path.unlink() if gone else path.write_bytes(b"")
    with pytest.raises(CorruptError, match="restore it"):
        MailboxDatabase(tmp_path / "mailbox")
