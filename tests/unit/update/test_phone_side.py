"""The phone's side: whatever goes wrong, old or new is in force and whole, data included."""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sayso.update import publisher
from sayso.update.core.manifest import Remedy
from sayso.update.core.remedy import read_notice
from sayso.update.errors import ApplyError, HomeError, ReleaseError
from tests.fakes.update_world import UpdateWorld

REMEDY = Remedy(policy_sha256="c" * 64, wrong="It was on by itself.", done="It is off.")
STEPS = [("0001-first", "go"), ("0002-second", "go")]


class PowerLossError(BaseException):
    """The end of the process, wherever it is."""


@pytest.fixture
def world(tmp_path: Path) -> UpdateWorld:
    world = UpdateWorld(tmp_path)
    world.install()
    return world


def trail(world: UpdateWorld) -> list[str]:
    """Which migrations the data in force have seen."""
    file = world.home.path / "current" / "data" / "trail"
    return file.read_text().splitlines() if file.exists() else []


def settled(world: UpdateWorld) -> None:
    """Nothing is left of what was tried."""
    assert world.home.step() is None
    assert len(list((world.home.path / "generations").iterdir())) == 1
    assert len(list((world.home.path / "data").iterdir())) == 1


def test_an_update_is_put_in_force_and_the_one_before_stays_beside_it(world: UpdateWorld) -> None:
    world.put_out("1.1.0")
    applied = world.side().update(world.tuf())
    assert applied is not None
    assert (applied.before, applied.after, applied.restart) == ("1.0.0", "1.1.0", False)
    assert world.version() == "1.1.0"
    settled(world)
    assert world.side().update(world.tuf()) is None
    assert world.side().roll_back().after == "1.0.0"
    assert world.version() == "1.0.0"
    settled(world)


def test_a_release_that_the_owner_left_is_not_taken_again_by_itself(world: UpdateWorld) -> None:
    world.put_out("1.1.0")
    world.side().update(world.tuf())
    world.side().roll_back()
    assert world.side().update(world.tuf()) is None
    world.home.forget_failed()
    assert world.side().update(world.tuf()) is not None


def test_data_go_forward_with_a_release_and_back_with_it(world: UpdateWorld) -> None:
    (world.home.path / "current" / "data" / "texts").write_text("hello")
    world.put_out("1.1.0", data_version=2, migrations=STEPS)
    world.side().update(world.tuf())
    assert trail(world) == ["forward 0001-first", "forward 0002-second"]
    (world.home.path / "current" / "data" / "texts").write_text("hello, and one more since")
    world.side().roll_back()
    assert trail(world)[2:] == ["back 0002-second", "back 0001-first"]
    assert (world.home.path / "current" / "data" / "texts").read_text() == "hello, and one more since"
    settled(world)


@pytest.mark.parametrize("how", ["unhealthy", "unhealthy_once_switched", "unbuildable", "full_disk"])
def test_a_release_that_does_not_work_is_taken_back_and_not_tried_again(world: UpdateWorld, how: str) -> None:
    (world.home.path / "current" / "data" / "texts").write_text("hello")
    getattr(world.slots, how).add("1.1.0")
    world.put_out("1.1.0", data_version=2, migrations=STEPS)
    with pytest.raises(ApplyError):
        world.side().update(world.tuf())
    assert world.version() == "1.0.0"
    assert trail(world) == []
    assert (world.home.path / "current" / "data" / "texts").read_text() == "hello"
    settled(world)
    if how == "full_disk":
        world.slots.full_disk.clear()
        assert world.side().update(world.tuf()) is not None  # not the release's fault: room was made
    else:
        assert world.side().update(world.tuf()) is None
        assert "1.1.0" in world.home.failed()


def test_a_migration_that_fails_leaves_the_data_as_they_were(world: UpdateWorld) -> None:
    world.put_out("1.1.0", data_version=2, migrations=[STEPS[0], ("0002-second", "fail")])
    with pytest.raises(ApplyError):
        world.side().update(world.tuf())
    assert world.version() == "1.0.0"
    assert trail(world) == []
    settled(world)


def test_data_are_not_changed_under_a_phone_that_runs(world: UpdateWorld) -> None:
    lock = os.open(world.home.path / "current" / "data" / "phone.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    world.put_out("1.1.0", data_version=2, migrations=STEPS)
    with pytest.raises(HomeError, match="stop the phone"):
        world.side().update(world.tuf())
    world.put_out("1.2.0")
    applied = world.side().update(world.tuf())
    assert applied is not None
    assert applied.restart
    os.close(lock)


def test_a_release_that_does_not_know_the_way_of_the_data_is_refused(world: UpdateWorld) -> None:
    world.put_out("1.1.0", data_version=5, migrations=[("0005-fifth", "go")])
    with pytest.raises(ReleaseError):
        world.side().update(world.tuf())
    assert world.version() == "1.0.0"
    settled(world)


def test_a_change_of_default_is_there_before_the_release_is(world: UpdateWorld) -> None:
    seen: list[bool] = []
    file = world.home.path / "current" / "data" / "remedy-1.1.0.json"

    def look(step: str) -> None:
        if step == "switched":
            seen.append(file.exists())

    world.put_out("1.1.0", remedy=REMEDY)
    applied = world.side(look).update(world.tuf())
    assert applied is not None
    assert applied.remedy
    assert seen == [True]
    assert read_notice(file.read_bytes()).wrong == REMEDY.wrong


def test_a_change_of_default_that_was_not_put_in_force_leaves_nothing(world: UpdateWorld) -> None:
    world.slots.unhealthy_once_switched.add("1.1.0")
    world.put_out("1.1.0", remedy=REMEDY)
    with pytest.raises(ApplyError):
        world.side().update(world.tuf())
    assert list((world.home.path / "current" / "data").glob("remedy-*")) == []


def test_what_the_publisher_called_back_is_not_gone_back_to(world: UpdateWorld) -> None:
    world.put_out("1.1.0")
    world.side().update(world.tuf())
    world.put_out("1.2.0")
    world.side().update(world.tuf())
    publisher.revoke(world.repo, "1.1.0", now=world.clock.wall())
    world.sign()
    world.publish()
    channel, choice = world.side().check(world.tuf())
    assert not choice.installed_revoked
    with pytest.raises(HomeError, match=r"called 1\.1\.0 back"):
        world.side().roll_back(channel=channel)
    assert world.version() == "1.2.0"


def test_without_one_before_there_is_nothing_to_go_back_to(world: UpdateWorld) -> None:
    with pytest.raises(HomeError, match="no release before"):
        world.side().roll_back()
    with pytest.raises(HomeError, match="already"):
        world.side().install(world.release("2.0.0"))


def test_two_updates_at_once_are_one(world: UpdateWorld) -> None:
    world.put_out("1.1.0")
    with world.home.locked(), pytest.raises(HomeError, match="under way"):
        world.side().update(world.tuf())


def update(world: UpdateWorld, boundary: Callable[[str], None]) -> object:
    return world.side(boundary).update(world.tuf())


def roll_back(world: UpdateWorld, boundary: Callable[[str], None]) -> object:
    return world.side(boundary).roll_back()


def stop_after(count: int) -> Callable[[str], None]:
    """End the process at that step."""
    left = iter(range(count))

    def step(_: str) -> None:
        if next(left, None) is None:
            raise PowerLossError

    return step


class Crash:
    """One kind of change, on phones that are all alike."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.act = roll_back if kind == "rollback" else update
        self._folder = folder
        self._count = 0

    def world(self) -> UpdateWorld:
        """A phone on which it is about to happen."""
        self._count += 1
        world = UpdateWorld(self._folder / str(self._count))
        world.install()
        if self.kind == "update-unhealthy":
            world.slots.unhealthy_once_switched.add("1.1.0")
        world.put_out("1.1.0", data_version=2, migrations=STEPS, remedy=REMEDY)
        if self.kind == "rollback":
            world.side().update(world.tuf())
        (world.home.path / "current" / "data" / "texts").write_text("hello")
        return world

    def steps(self) -> list[str]:
        """The names of its steps, in order."""
        names: list[str] = []
        with suppress(ApplyError):
            self.act(self.world(), names.append)
        return names


def fits(world: UpdateWorld) -> bool:
    """Whether old or new is in force, and the data are those of just that."""
    assert (world.home.path / "current" / "data" / "texts").read_text() == "hello"
    schema = sum(1 if line.startswith("forward") else -1 for line in trail(world))
    return (world.version(), schema) in {("1.0.0", 0), ("1.1.0", 2)}


@pytest.mark.parametrize("kind", ["update", "update-unhealthy", "rollback"])
def test_a_crash_at_any_step_leaves_old_or_new_with_its_data(kind: str, tmp_path: Path) -> None:
    """The process ends after each durable step in turn, and once more at the first step of the recovery."""
    crash = Crash(kind, tmp_path)
    names = crash.steps()
    assert len(names) >= 8
    for place, name in enumerate(names):
        world = crash.world()
        with pytest.raises(PowerLossError):
            crash.act(world, stop_after(place))
        assert fits(world), name
        with suppress(PowerLossError):
            world.side(stop_after(0)).recover()
        assert fits(world), f"{name}, and a crash in the recovery"
        world.side().recover()
        assert fits(world), f"{name}, recovered"
        settled(world)
        if kind == "update-unhealthy":
            assert world.version() == "1.0.0"
