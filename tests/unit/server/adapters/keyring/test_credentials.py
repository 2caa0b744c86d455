"""Secrets that systemd hands over."""

from pathlib import Path

import pytest

from sayso.server.adapters.keyring.credentials import DIRECTORY, read_credential
from sayso.server.errors import ConfigError


def credential(folder: Path, content: bytes, *, mode: int = 0o400, name: str = "keyring") -> dict[str, str]:
    file = folder / name
    file.write_bytes(content)
    file.chmod(mode)
    return {DIRECTORY: str(folder)}


@pytest.mark.parametrize(
    ("content", "passphrase"),
    [
        (b"correct horse", "correct horse"),
        (b"correct horse\n", "correct horse"),
        (b"correct horse\r\nsecond line\n", "correct horse"),
        ("Füße\n".encode(), "Füße"),
    ],
)
def test_the_first_line_counts(tmp_path: Path, content: bytes, passphrase: str) -> None:
    assert read_credential("keyring", credential(tmp_path, content)) == passphrase


def test_the_mask_of_an_access_list_is_no_group(tmp_path: Path) -> None:
    """For a service with a user of its own systemd adds an access list: the file then shows 0440."""
    assert read_credential("keyring", credential(tmp_path, b"x", mode=0o440)) == "x"


@pytest.mark.parametrize(
    ("environment", "name", "why"),
    [
        ({}, "keyring", "CREDENTIALS_DIRECTORY is not set"),
        (None, "other", "there is no credential other"),
        (None, "../keyring", "letters, digits"),
        (None, "..", "letters, digits"),
        (None, "", "letters, digits"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, environment: dict[str, str] | None, name: str, why: str) -> None:
    there = credential(tmp_path, b"x")
    with pytest.raises(ConfigError, match=why):
        read_credential(name, there if environment is None else environment)


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [(b"", 0o400, "empty"), (b"\n", 0o400, "empty"), (b"\xff", 0o400, "UTF-8"), (b"x", 0o444, "everybody")],
)
def test_what_cannot_be_used_is_said_without_its_content(tmp_path: Path, content: bytes, mode: int, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_credential("keyring", credential(tmp_path, content, mode=mode))


def test_a_directory_is_no_credential(tmp_path: Path) -> None:
    (tmp_path / "keyring").mkdir(mode=0o700)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_credential("keyring", {DIRECTORY: str(tmp_path)})
