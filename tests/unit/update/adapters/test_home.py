"""The directory of an installation."""

import socket
from pathlib import Path

import msgspec
import pytest

from sayso.update.adapters.home import Home, Settings
from sayso.update.errors import HomeError
from tests.fakes.update_world import URL, CountedRandom, UpdateWorld


@pytest.fixture
def world(tmp_path: Path) -> UpdateWorld:
    world = UpdateWorld(tmp_path)
    world.install()
    return world


def test_it_is_for_its_owner_only(world: UpdateWorld) -> None:
    assert world.home.path.stat().st_mode & 0o777 == 0o700
    world.home.path.chmod(0o755)
    with pytest.raises(HomeError, match="chmod 700"):
        world.home.settings()


def test_where_nothing_is_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="sayso update init"):
        Home(tmp_path / "nowhere").settings()
    assert Home(tmp_path / "nowhere").current() is None


def test_it_is_made_once(world: UpdateWorld) -> None:
    with pytest.raises(HomeError, match="already"):
        world.home.make(Settings(url=URL), b"", CountedRandom())


@pytest.mark.parametrize("name", ["settings.json", "step.json", "failed.json", "seen.json"])
def test_damage_is_told(world: UpdateWorld, name: str) -> None:
    (world.home.path / name).write_bytes(b"{damaged")
    with pytest.raises(HomeError, match="damaged"):
        (world.home.settings(), world.home.step(), world.home.failed(), world.home.seen())


def test_a_switch_to_nowhere_is_told(world: UpdateWorld) -> None:
    (world.home.path / "current").unlink()
    (world.home.path / "current").symlink_to("generations/9")
    with pytest.raises(HomeError, match="anew"):
        world.home.current()


def test_the_moment_that_has_passed_never_goes_back(world: UpdateWorld) -> None:
    floor = world.home.floor()
    world.home.raise_floor(floor - 100)
    assert world.home.floor() == floor
    world.home.raise_floor(floor + 100)
    assert world.home.floor() == floor + 100


def test_what_was_seen_stays_seen(world: UpdateWorld) -> None:
    world.home.note_seen(["1.0.0"])
    world.home.note_seen(["1.1.0"])
    assert world.home.seen() == {"1.0.0", "1.1.0"}


def test_a_socket_of_a_phone_does_not_stand_in_the_way_of_a_copy(world: UpdateWorld) -> None:

    present = world.home.current()
    assert present is not None
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(world.home.data(present) / "s"))
    world.home.copy_data(present, msgspec.structs.replace(present, data=7))
    assert (world.home.path / "data" / "7").is_dir()
    listener.close()
