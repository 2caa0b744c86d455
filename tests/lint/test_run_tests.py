"""Which tests run together, and where their own files lie."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from scripts import run_tests
from scripts.groups import GROUPS, ROOT, Group, files_of

QUICK = Group("quick", 1.0, ())
ON_DISK = Group("on-disk", 1.0, (), on_disk=True)


def test_every_test_runs_with_one_group() -> None:
    marked = {"integration", "silence"}  # these two share their files by a marker
    files = Counter(file for group in GROUPS for file in group.files() if group.name != "silence")
    silent = [file for file in (ROOT / "tests" / "integration").glob("test_*.py") if "mark.silence" in file.read_text()]
    assert [file.name for file in silent] == ["test_silence.py"]
    assert {file for file, count in files.items() if count > 1} == set()
    assert set(files) == set(files_of(ROOT / "tests")) - set(files_of(ROOT / "tests" / "peers"))
    assert all(not group.marker or group.name in marked for group in GROUPS)


def test_what_needs_the_machine_for_itself_is_run_after_the_rest_and_nothing_else_is_looked_through() -> None:
    load = next(group for group in GROUPS if group.name == "load")
    (parallel, options, paths), (serial, more, files) = run_tests.halves(load)
    assert (parallel, serial) == ("parallel", "serial")
    assert "not serial" in options
    assert more == ["-m", "serial"]
    assert set(load.paths) == set(paths)
    assert "tests/integration/load/test_cluster_faults.py" in files
    assert "tests/integration/load/test_migration.py" not in files


def test_a_group_that_needs_the_machine_for_itself_runs_once() -> None:
    silence = next(group for group in GROUPS if group.name == "silence")
    ((half, options, files),) = run_tests.halves(silence)
    assert (half, options) == ("serial", ["-m", "(silence) and serial"])
    assert files == ["tests/integration/test_silence.py"]


def test_ctrl_c_is_heard_in_tests_that_a_shell_runs_in_the_background() -> None:
    child = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    words = f"import subprocess, sys; from scripts.run_tests import hear_interrupts; print({{}}, flush=True); \
subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    for call, ignored in (("None", "True"), ("hear_interrupts()", "False")):
        command = ["sh", "-c", 'trap "" INT; exec "$0" -c "$1"', sys.executable, words.format(call)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout == f"None\n{ignored}\n"


def test_what_a_group_names_is_there() -> None:
    missing = {path for group in GROUPS for path in (*group.paths, *group.without) if not (ROOT / path).exists()}
    assert missing == set()


def test_what_asks_about_power_cuts_stays_on_the_disk() -> None:
    assert {group.name for group in GROUPS if group.on_disk} == {"load"}
    with run_tests.temporary_files(ON_DISK, {"HOME": "/home"}) as environment:
        assert environment == {"HOME": "/home"}


def test_the_others_lie_in_memory_and_nothing_of_them_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_tests, "MEMORY", tmp_path)
    monkeypatch.setattr(run_tests, "ROOM", 1)
    with run_tests.temporary_files(QUICK, {"HOME": "/home"}) as environment:
        place = Path(environment["TMPDIR"])
        assert place.parent == tmp_path
        assert environment["HOME"] == "/home"
        (place / "left").write_text("by a test")
    assert list(tmp_path.iterdir()) == []


def test_whoever_says_where_is_obeyed_and_a_place_without_room_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_tests, "MEMORY", tmp_path)
    with run_tests.temporary_files(QUICK, {"TMPDIR": "/elsewhere"}) as environment:
        assert environment == {"TMPDIR": "/elsewhere"}
    monkeypatch.setattr(run_tests, "ROOM", 1 << 60)
    with run_tests.temporary_files(QUICK, {}) as environment:
        assert environment == {}
    monkeypatch.setattr(run_tests, "MEMORY", tmp_path / "nothing")
    with run_tests.temporary_files(QUICK, {}) as environment:
        assert environment == {}
