"""The mark as a file: the contract of the port (the fake passes it too), its place, and damage."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sayso.phone.adapters.mark_file import MarkFile, forget_mark, usual_directory
from sayso.phone.adapters.store_key import PLAIN_NAME, SEALED_NAME
from sayso.phone.errors import StoreLockedError
from sayso.phone.ports import Mark
from tests.fakes.mark import MemoryMark


def _data(path: Path, key: bytes = b"k" * 32, name: str = PLAIN_NAME) -> Path:
    path.mkdir()
    (path / name).write_bytes(key)
    return path


@pytest.fixture(params=["file", "memory"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Mark]:
    """Return the same mark each time it is called, as a start of the phone finds it."""
    if request.param == "memory":
        mark = MemoryMark()
        return lambda: mark
    data = _data(tmp_path / "data")
    return lambda: MarkFile(tmp_path / "marks", data)


def test_it_holds_what_was_noted_last(reopen: Callable[[], Mark]) -> None:
    assert reopen().read() is None
    for moves in (0, 9, 10, 10**15):
        reopen().advance(moves)
        assert reopen().read() == moves


def test_a_copy_of_the_directory_meets_the_same_mark(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    MarkFile(marks, _data(tmp_path / "one")).advance(5)
    assert MarkFile(marks, _data(tmp_path / "copy")).read() == 5
    assert MarkFile(marks, _data(tmp_path / "other", b"o" * 32)).read() is None
    assert MarkFile(marks, _data(tmp_path / "sealed", b"s" * 60, SEALED_NAME)).read() is None


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    MarkFile(tmp_path / "marks", _data(tmp_path / "data")).advance(5)
    (file,) = (tmp_path / "marks").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("written", [b"", b"5", b"x" * 21, b"0" * 19 + b"x\n", b"0" * 30])
def test_a_damaged_mark_is_none(tmp_path: Path, written: bytes) -> None:
    data = _data(tmp_path / "data")
    MarkFile(tmp_path / "marks", data).advance(5)
    (file,) = (tmp_path / "marks").iterdir()
    file.write_bytes(written)
    assert MarkFile(tmp_path / "marks", data).read() is None


def test_a_mark_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    data = _data(tmp_path / "data")
    (tmp_path / "marks").write_bytes(b"no directory")
    mark = MarkFile(tmp_path / "marks", data)
    with pytest.raises(StoreLockedError, match="--mark-dir"):
        mark.advance(5)
    with pytest.raises(StoreLockedError, match="--mark-dir"):
        mark.read()
    (data / PLAIN_NAME).unlink()
    with pytest.raises(StoreLockedError, match="key"):
        MarkFile(tmp_path / "marks", data)


def test_a_wiped_store_leaves_no_mark(tmp_path: Path) -> None:
    data = _data(tmp_path / "data")
    MarkFile(tmp_path / "marks", data).advance(5)
    assert not forget_mark(tmp_path / "elsewhere", data)
    assert forget_mark(tmp_path / "marks", data)
    assert not forget_mark(tmp_path / "marks", data)
    assert list((tmp_path / "marks").iterdir()) == []


def test_it_lies_where_state_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert usual_directory() == tmp_path / "sayso" / "marks"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert usual_directory() == tmp_path / ".local" / "state" / "sayso" / "marks"
