"""Files for the server's eyes only."""

import os
from pathlib import Path

import pytest

from sayso.server.adapters.private_file import make_private_directory, read_private, write_atomically
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
