"""`kill -9` in the middle of an update, at every step: old or new is in force, and the next start settles it."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.update_world import UpdateWorld

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("killed.py")
ROOT = Path(__file__).resolve().parents[3]


def test_killed_at_every_step(tmp_path: Path) -> None:
    prepared = UpdateWorld(tmp_path / "prepared")
    prepared.install()
    prepared.put_out("1.1.0", data_version=1, migrations=[("0001-first", "go")])
    seen: set[str] = set()
    for last in range(30):
        folder = tmp_path / f"killed-{last}"
        shutil.copytree(prepared.folder, folder, symlinks=True)
        done = subprocess.run(
            [sys.executable, str(SCRIPT), str(folder), str(last)], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False
        )
        world = UpdateWorld.found(folder)
        assert world.version() in {"1.0.0", "1.1.0"}
        world.side().recover()
        assert world.home.step() is None
        trail = world.home.path / "current" / "data" / "trail"
        assert (world.version(), trail.exists()) in {("1.0.0", False), ("1.1.0", True)}
        seen.add(world.version())
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    else:
        pytest.fail("an update never ended")
    assert seen == {"1.0.0", "1.1.0"}
