"""Wiping a phone: its mark, which lies elsewhere, goes with it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sayso.cli.wipe import wipe
from sayso.phone.adapters.mark_file import MarkFile
from sayso.phone.adapters.store_key import PLAIN_NAME


def phone(folder: Path, marks: Path) -> Path:
    """Make a phone's data directory, and its mark."""
    folder.mkdir()
    (folder / "phone.db").write_bytes(b"")
    (folder / PLAIN_NAME).write_bytes(b"k" * 32)
    MarkFile(marks, folder).advance(5)
    return folder


def said(*words: str) -> str:
    done = CliRunner().invoke(wipe, ["--yes", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_mark_in_the_usual_place_goes_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    marks = tmp_path / "sayso" / "marks"
    data = phone(tmp_path / "alice", marks)
    assert "--mark-dir" not in said("--data", str(data))
    assert not data.exists()
    assert list(marks.iterdir()) == []


def test_a_mark_elsewhere_goes_when_it_is_told_where(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    data = phone(tmp_path / "alice", marks)
    told = json.loads(said("--json", "--data", str(data), "--mark-dir", str(marks)))
    assert told == {"event": "wiped", "kind": "phone", "mark": True}
    assert list(marks.iterdir()) == []


def test_a_mark_that_is_not_found_is_said_to_be_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    data = phone(tmp_path / "alice", tmp_path / "marks")
    assert "--mark-dir" in said("--data", str(data))
    assert len(list((tmp_path / "marks").iterdir())) == 1
