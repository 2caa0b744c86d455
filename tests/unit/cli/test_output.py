"""Secrets that commands read from files; what is said while something takes a moment."""

import sys
from pathlib import Path

import pytest

from sayso.cli.output import read_secret, tell_underway
from sayso.protocol.errors import SaysoError


def secret(folder: Path, mode: int) -> Path:
    file = folder / "password"
    file.write_text("correct horse\nsecond line\n", encoding="utf-8")
    file.chmod(mode)
    return file


def test_the_first_line_of_a_private_file_counts(tmp_path: Path) -> None:
    assert read_secret(secret(tmp_path, 0o600), "password") == "correct horse"
    assert read_secret(None, "password") is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SaysoError, match="chmod 600"):
        read_secret(secret(tmp_path, mode), "password")


def test_a_credential_of_systemd_shows_the_mask_of_its_access_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_secret(secret(tmp_path, 0o440), "password") == "correct horse"
    with pytest.raises(SaysoError, match="others may read"):
        read_secret(secret(tmp_path, 0o444), "password")
    beside = tmp_path / "beside"
    beside.mkdir()
    with pytest.raises(SaysoError, match="others may read"):
        read_secret(secret(beside, 0o440), "password")


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    file = secret(tmp_path, 0o600)
    file.write_text("\nsecond", encoding="utf-8")
    with pytest.raises(SaysoError, match="is empty"):
        read_secret(file, "password")


@pytest.mark.parametrize(
    ("terminal", "as_json", "said"),
    [(True, False, "Removing the phone ...\n"), (True, True, ""), (False, False, ""), (False, True, "")],
)
def test_only_a_person_at_a_terminal_hears_what_is_underway(
    terminal: bool,  # noqa: FBT001  a case
    as_json: bool,  # noqa: FBT001  a case
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    tell_underway("Removing the phone", as_json=as_json)
    assert capsys.readouterr() == ("", said)
