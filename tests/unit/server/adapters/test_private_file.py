"""Files for the server's eyes only."""

import os
from pathlib import Path

import pytest

from sayso.server.adapters.private_file import (
    make_private_directory,
    read_private,
    replace_shredding,
    shred_left_over,
    write_atomically,
)
from sayso.server.adapters.system import SystemRandom
from sayso.server.errors import ConfigError


def test_a_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    make_private_directory(path)
    make_private_directory(path)
    assert path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o770, 0o711])
def test_a_directory_that_others_can_look_into_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 700"):
        make_private_directory(tmp_path)


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot use"):
        make_private_directory(tmp_path / "file")


def test_a_file_is_written_whole_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"one")
    (tmp_path / "file.new").write_bytes(b"left by a crash")
    write_atomically(path, b"two")
    assert read_private(path, 100) == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"secret")
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_private(path, 100)


def test_no_symbolic_link_and_no_directory_is_read(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "directory").mkdir(mode=0o700)
    with pytest.raises(OSError, match="symbolic"):
        read_private(tmp_path / "link", 100)
    with pytest.raises(ConfigError, match="plain file"):
        read_private(tmp_path / "directory", 100)


def test_no_more_is_read_than_one_byte_over_the_limit(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", os.urandom(5_000))
    assert len(read_private(tmp_path / "file", 100)) == 101


def test_what_is_replaced_is_overwritten_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    write_atomically(path, b"old key" * 100)
    blocks = os.open(path, os.O_RDONLY)
    replace_shredding(path, b"new key", SystemRandom())
    assert path.read_bytes() == b"new key"
    left = os.pread(blocks, 10_000, 0)
    os.close(blocks)
    assert len(left) == 700
    assert b"old key" not in left
    assert [file.name for file in tmp_path.iterdir()] == ["secrets"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_first_file_replaces_nothing(tmp_path: Path) -> None:
    replace_shredding(tmp_path / "secrets", b"first", SystemRandom())
    assert [file.name for file in tmp_path.iterdir()] == ["secrets"]


def test_what_an_interruption_left_is_overwritten_at_the_next_start(tmp_path: Path) -> None:
    path, old = tmp_path / "secrets", tmp_path / "secrets.old"
    write_atomically(old, b"old key" * 100)
    write_atomically(path, b"new key")
    blocks = os.open(old, os.O_RDONLY)
    shred_left_over(path, SystemRandom())
    left = os.pread(blocks, 10_000, 0)
    os.close(blocks)
    assert b"old key" not in left
    assert not old.exists()
    assert path.read_bytes() == b"new key"


def test_an_interruption_before_the_new_file_was_in_place_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    write_atomically(path, b"the only key")
    os.link(path, tmp_path / "secrets.old")
    shred_left_over(path, SystemRandom())
    assert path.read_bytes() == b"the only key"
    assert [file.name for file in tmp_path.iterdir()] == ["secrets"]
