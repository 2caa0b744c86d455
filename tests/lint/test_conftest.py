"""What a failed test leaves open is not held against the one that runs after it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = """
import gc
import socket
import pytest

@pytest.fixture(autouse=True)
def collected_only_when_asked():
    gc.disable()
    yield
    gc.enable()

def test_first():
    left = socket.socket()
    ring = [left]
    ring.append(ring)
    assert FIRST

def test_second():
    gc.collect()
"""


def outcomes(folder: Path, *, first: bool) -> str:
    """Run the two tests under the project's own settings; returns the last line."""
    (folder / "test_pair.py").write_text(CASES.replace("FIRST", str(first)), encoding="utf-8")
    words = ["-q", "-p", "no:cacheprovider", "-p", "tests.conftest", "-W", "error", "--rootdir", str(folder)]
    command = [sys.executable, "-m", "pytest", *words, "-c", "/dev/null", str(folder / "test_pair.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[-1]


def test_the_test_after_a_failed_one_is_not_blamed(tmp_path: Path) -> None:
    assert outcomes(tmp_path, first=False).startswith("1 failed, 1 passed")


def test_a_test_that_passes_and_leaves_something_open_is_found(tmp_path: Path) -> None:
    assert outcomes(tmp_path, first=True).startswith("1 failed, 1 passed")
