"""`kill -9` and power loss at every step of an update: old or new is in force, and the next start settles it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sayso.protocol.errors import SaysoError
from tests.accounting import not_tested
from tests.fakes.update_world import UpdateWorld
from tests.integration.load.disk import power_loss_disk

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("killed.py")
ROOT = Path(__file__).resolve().parents[3]
MOST_STEPS = 30


def _prepared(folder: Path) -> UpdateWorld:
    prepared = UpdateWorld(folder)
    prepared.install()
    prepared.put_out("1.1.0", data_version=1, migrations=[("0001-first", "go")])
    return prepared


def _dies_after(folder: Path, steps: int, *, prefix: Sequence[str] = ()) -> bool:
    """Update, and die after so many steps; whether it died."""
    words = [*prefix, sys.executable, str(SCRIPT), str(folder), str(steps)]
    done = subprocess.run(words, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode in {0, -signal.SIGKILL}
    return done.returncode != 0


def _settled(folder: Path) -> str:
    """What is in force, before and after the next start; its data are of the same release."""
    world = UpdateWorld.found(folder)
    assert world.version() in {"1.0.0", "1.1.0"}
    world.side().recover()
    assert world.home.step() is None
    trail = world.home.path / "current" / "data" / "trail"
    assert (world.version(), trail.exists()) in {("1.0.0", False), ("1.1.0", True)}
    return world.version()


def test_killed_at_every_step(tmp_path: Path) -> None:
    prepared = _prepared(tmp_path / "prepared")
    seen: set[str] = set()
    for last in range(MOST_STEPS):
        folder = tmp_path / f"killed-{last}"
        shutil.copytree(prepared.folder, folder, symlinks=True)
        died = _dies_after(folder, last)
        seen.add(_settled(folder))
        if not died:
            break
    else:
        pytest.fail("an update never ended")
    assert seen == {"1.0.0", "1.1.0"}


def test_the_power_is_lost_at_every_step(tmp_path: Path) -> None:
    """Of what no fsync had made durable at that step nothing is left: ext4 is shut down without its journal."""
    prepared = _prepared(tmp_path / "prepared")
    seen: set[str] = set()
    for last in range(MOST_STEPS):
        with power_loss_disk(tmp_path / f"place-{last}") as disk:
            folder = disk.root / "world"
            shutil.copytree(prepared.folder, folder, symlinks=True)
            os.sync()
            died = _dies_after(folder, last)
            had = UpdateWorld.found(folder).version()
            disk.cut()
            settled = _settled(folder)
            # What the owner has been told is in force stays so.
            assert died or settled == had == "1.1.0"
            seen.add(settled)
        if not died:
            break
    else:
        pytest.fail("an update never ended")
    assert seen == {"1.0.0", "1.1.0"}


def test_control_without_fsync_neither_is_there(tmp_path: Path) -> None:
    """A kernel that says "synced" and does nothing loses an update; the test above would see that."""
    strace = shutil.which("strace")
    if strace is None:
        not_tested("strace is missing: apt-get install strace")
    prepared = _prepared(tmp_path / "prepared")
    lies = (strace, "-f", "-qq", "-o", os.devnull, "-e", "inject=fsync,fdatasync:retval=0")
    with power_loss_disk(tmp_path / "place") as disk:
        folder = disk.root / "world"
        shutil.copytree(prepared.folder, folder, symlinks=True)
        os.sync()
        assert not _dies_after(folder, MOST_STEPS, prefix=lies)
        assert UpdateWorld.found(folder).version() == "1.1.0"
        disk.cut()
        with pytest.raises((AssertionError, SaysoError, OSError)):
            assert _settled(folder) == "1.1.0"
