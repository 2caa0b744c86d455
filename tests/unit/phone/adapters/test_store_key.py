"""Who can open the store, and how many at once."""

from pathlib import Path

import pytest

from sayso.phone.adapters.store import Store
from sayso.phone.adapters.store_key import PLAIN_NAME, SEALED_NAME, DataDirectory
from sayso.phone.errors import StoreLockedError
from sayso.protocol.passphrase import CHEAPEST
from tests.fakes.phone_clock import SeededRandom

PASSPHRASE = "correct horse"


def opened(path: Path) -> DataDirectory:
    return DataDirectory(path)


def sealed_key(directory: DataDirectory, passphrase: str = PASSPHRASE) -> bytes:
    return directory.key_under_passphrase(passphrase, random=SeededRandom(), cost=CHEAPEST)


def test_the_same_passphrase_gives_the_same_key(tmp_path: Path) -> None:
    directory = opened(tmp_path / "phone")
    key = sealed_key(directory)
    assert len(key) == 32
    assert key not in (tmp_path / "phone" / SEALED_NAME).read_bytes()
    assert directory.key_under_passphrase(PASSPHRASE, random=SeededRandom(7), cost=CHEAPEST) == key
    with pytest.raises(StoreLockedError, match="passphrase"):
        sealed_key(directory, "wrong")
    directory.close()


def test_a_plain_key_stays_the_same(tmp_path: Path) -> None:
    directory = opened(tmp_path / "phone")
    key = directory.plain_key(random=SeededRandom())
    assert directory.plain_key(random=SeededRandom(7)) == key
    directory.close()


def test_one_kind_of_key_is_not_taken_for_the_other(tmp_path: Path) -> None:
    first = opened(tmp_path / "one")
    sealed_key(first)
    with pytest.raises(StoreLockedError):
        first.plain_key(random=SeededRandom())
    second = opened(tmp_path / "two")
    second.plain_key(random=SeededRandom())
    with pytest.raises(StoreLockedError):
        sealed_key(second)
    first.close()
    second.close()


def test_directory_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    directory = opened(tmp_path / "phone")
    sealed_key(directory)
    assert (tmp_path / "phone").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "phone" / SEALED_NAME).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "phone" / "phone.lock").stat().st_mode & 0o777 == 0o600
    directory.close()


def test_a_directory_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "phone"
    path.mkdir()
    path.chmod(0o755)
    with pytest.raises(StoreLockedError, match="chmod 700"):
        opened(path)


@pytest.mark.parametrize("name", [SEALED_NAME, PLAIN_NAME])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, name: str) -> None:
    directory = opened(tmp_path / "phone")
    take = sealed_key if name == SEALED_NAME else lambda one: one.plain_key(random=SeededRandom())
    take(directory)
    (tmp_path / "phone" / name).chmod(0o644)
    with pytest.raises(StoreLockedError, match="chmod 600"):
        take(directory)
    directory.close()


def test_two_daemons_cannot_share_a_store(tmp_path: Path) -> None:
    first = opened(tmp_path / "phone")
    with pytest.raises(StoreLockedError, match="another phone"):
        opened(tmp_path / "phone")
    first.close()
    opened(tmp_path / "phone").close()


def test_a_store_whose_key_is_missing_gets_no_new_one(tmp_path: Path) -> None:
    directory = opened(tmp_path / "phone")
    key = sealed_key(directory)
    Store(directory.database, key).close()
    (tmp_path / "phone" / SEALED_NAME).unlink()
    with pytest.raises(StoreLockedError, match="missing"):
        sealed_key(directory)
    with pytest.raises(StoreLockedError, match="missing"):
        directory.plain_key(random=SeededRandom())
    directory.close()


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    directory = opened(tmp_path / "phone")
    directory.plain_key(random=SeededRandom())
    (tmp_path / "phone" / PLAIN_NAME).write_bytes(b"short")
    with pytest.raises(StoreLockedError, match="damaged"):
        directory.plain_key(random=SeededRandom())
    directory.close()


def test_a_crash_while_the_key_was_written_leaves_room_for_another_try(tmp_path: Path) -> None:
    directory = opened(tmp_path / "phone")
    (tmp_path / "phone" / (SEALED_NAME + ".part")).write_bytes(b"half")
    sealed_key(directory)
    assert not (tmp_path / "phone" / (SEALED_NAME + ".part")).exists()
    directory.close()


def test_a_place_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreLockedError, match="--data"):
        opened(tmp_path / "file" / "phone")
