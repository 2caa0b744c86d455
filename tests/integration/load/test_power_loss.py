"""Power loss at a system call drawn by chance: ext4 is shut down without its journal, mounted again, and checked.

Rounds as in test_crash_points.py, on a loop device: everything that no fsync had made durable at the point is gone.
SAYSO_POWER_ROUNDS says how many (10; 100 in `make soak`), SAYSO_CRASH_SEED draws them. The control runs the same cycle
under a kernel that says "synced" and does nothing: it must lose messages, or this test would prove nothing.
"""

import os
from pathlib import Path
from random import Random

import pytest

from sayso.server.errors import StoreError
from tests.aio import run
from tests.integration.load.aftermath import BrokenPromiseError, Story, check
from tests.integration.load.crash_points import Injection, Point, play_until, playing, recorded, traced
from tests.integration.load.disk import PowerLossDisk, power_loss_disk

pytestmark = pytest.mark.slow
SEED = int(os.environ.get("SAYSO_CRASH_SEED", "2014"))
ROUNDS = int(os.environ.get("SAYSO_POWER_ROUNDS", "10"))


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    place = tmp_path_factory.mktemp("recorded")
    first = recorded(place / "data", place, "open")
    return first + recorded(place / "cycle", place, "cycle")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_was_accepted_outlives_a_power_loss(points: list[Point], number: int, tmp_path: Path) -> None:
    point = Random(f"{SEED} {number}").choice(points)
    with power_loss_disk(tmp_path / "place") as disk:
        data, first = disk.root / "data", tmp_path / "first"
        play_until(point, data, first)
        disk.cut()
        run(check(data, first, tmp_path / "second"))


def test_a_second_power_loss_in_the_recovery_changes_nothing(tmp_path: Path) -> None:
    with power_loss_disk(tmp_path / "place") as disk:
        data, first = disk.root / "data", tmp_path / "first"
        with playing(data, first, "cycle") as played:
            assert played.go(), played.errors()
        disk.cut()
        play_until(Point("open", "main", "fdatasync", 2), data, first)
        disk.cut()
        run(check(data, first, tmp_path / "second"))


def test_control_without_fsync_messages_are_lost(tmp_path: Path) -> None:
    with power_loss_disk(tmp_path / "place") as disk:
        data, first = disk.root / "data", tmp_path / "first"
        _make_store(disk, data, tmp_path)
        with playing(data, first, "cycle") as played:
            with traced(played.threads.values(), Path(os.devnull), Injection.without_sync()):
                assert played.go(), played.errors()
            accepted = [number for number, state in Story.read(first).told.items() if state == "ACCEPTED"]
        assert accepted
        disk.cut()
        with pytest.raises((BrokenPromiseError, StoreError)) as broken:
            run(check(data, first, tmp_path / "second"))
        assert "lost" in str(broken.value) or isinstance(broken.value, StoreError)


def _make_store(disk: PowerLossDisk, data: Path, scratch: Path) -> None:
    """Make the store in a life before, so that what the control loses are messages, and not the files as a whole."""
    with playing(data, scratch / "made", "open") as played:
        assert played.go(), played.errors()
    disk.cut()
