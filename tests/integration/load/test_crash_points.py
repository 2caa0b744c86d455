"""`kill -9` at each system call that writes: what was told stays true, whichever was the last one.

A run without a fault lists the calls (`pwrite64`, `fdatasync`, `fsync`, `rename`, `ftruncate`, `unlink`, by thread) of
three phases: the first start on an empty directory, the deposit-deliver-acknowledge cycle, the start after a crash.
Each case plays a phase again, dies instead of one of these calls, and goes on with another life that checks. By default
one point in three is taken, drawn by SAYSO_CRASH_SEED; SAYSO_CRASH_ALL=1 takes all of them, as `make soak` does.
"""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests.aio import run
from tests.integration.load.aftermath import check
from tests.integration.load.crash_points import Point, play_until, playing, recorded

pytestmark = pytest.mark.slow
SHARDS = 8
SEED = int(os.environ.get("SAYSO_CRASH_SEED", "2014"))
ALL = os.environ.get("SAYSO_CRASH_ALL") == "1"
PART = 3
"""One in so many."""
MOVED_PERCENT = 20
"""So many points may not be met: how calls fall into batches depends on who is faster."""


@dataclass
class Case:
    """A point, and the data and journal that its phase begins with."""

    point: Point
    data: Path | None = None
    journal: Path | None = None

    def play(self, scratch: Path) -> bool:
        """Die at the point and live again; returns whether the point was met."""
        data, journal = scratch / "data", scratch / "first"
        if self.data is not None and self.journal is not None:
            shutil.copytree(self.data, data)
            shutil.copy(self.journal, journal)
        met = play_until(self.point, data, journal)
        run(check(data, journal, scratch / "second"))
        return met


@dataclass
class Cases:
    """All cases, in an order that every worker draws alike."""

    all: list[Case] = field(default_factory=list)

    def drawn(self) -> list[Case]:
        """Return the cases of this run."""
        return self.all if ALL else Random(SEED).sample(self.all, len(self.all) // PART)


def crashed(place: Path) -> tuple[Path, Path]:
    """Play a cycle to its end and kill it there: data with a log to recover, and its journal."""
    data, journal = place / "crashed", place / "crashed.journal"
    with playing(data, journal, "cycle") as played:
        assert played.go(), played.errors()
    return data, journal


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Cases:
    place = tmp_path_factory.mktemp("recorded")
    found = [Case(point) for point in recorded(place / "first", place, "open")]
    found += [Case(point) for point in recorded(place / "cycle", place, "cycle")]
    data, journal = crashed(place)
    shutil.copytree(data, place / "recovered")
    found += [Case(point, data, journal) for point in recorded(place / "recovered", place, "open")]
    assert {case.point.call for case in found} >= {"pwrite64", "fdatasync", "rename"}
    return Cases(found)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_kill_at_any_call_breaks_no_promise(cases: Cases, shard: int, tmp_path: Path) -> None:
    mine = cases.drawn()[shard::SHARDS]
    missed = 0
    for number, case in enumerate(mine):
        scratch = tmp_path / str(number)
        scratch.mkdir()
        try:
            missed += not case.play(scratch)
        except BaseException as error:
            error.add_note(f"at {case.point}; the journals lie in {scratch}")
            raise
        shutil.rmtree(scratch)
    assert 100 * missed <= MOVED_PERCENT * len(mine)
