"""The mirror: downloads go on where they stopped, and every file is the one that was signed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sayso.update.errors import ApplyError, RefusedError, UnreachableError
from tests.fakes.update_world import UpdateWorld

FILLER = b"w" * 50_000


@pytest.fixture
def world(tmp_path: Path) -> UpdateWorld:
    world = UpdateWorld(tmp_path)
    world.install()
    world.put_out("1.1.0", filler=FILLER)
    return world


def archive(world: UpdateWorld) -> str:
    """Where the mirror has the release."""
    (path,) = [path for path in world.mirror.files if path.endswith(".sayso-1.1.0.tar")]
    return path


def fetch(world: UpdateWorld, progress: Callable[[str, int, int], None] = lambda *_: None) -> Path:
    mirror = world.tuf()
    mirror.refresh(not_before=0)
    return mirror.fetch("sayso-1.1.0.tar", progress)


def downloads(world: UpdateWorld) -> list[int]:
    """From which byte on the release was asked for, each time."""
    return [offset for path, offset in world.mirror.asked if path == archive(world)]


def test_a_release_is_fetched_with_progress_and_not_fetched_again(world: UpdateWorld) -> None:
    seen: list[tuple[int, int]] = []
    file = fetch(world, lambda _, done, whole: seen.append((done, whole)))
    assert file.read_bytes() == world.mirror.files[archive(world)]
    assert seen[-1][0] == seen[-1][1] == file.stat().st_size
    assert sorted(seen) == seen
    fetch(world)
    assert downloads(world) == [0]


def test_a_download_goes_on_where_it_stopped(world: UpdateWorld) -> None:
    world.mirror.breaks_after[archive(world)] = 20_000
    with pytest.raises(UnreachableError):
        fetch(world)
    world.mirror.breaks_after.clear()
    assert fetch(world).read_bytes() == world.mirror.files[archive(world)]
    assert downloads(world) == [0, 20_000]


def test_a_mirror_that_cannot_go_on_gives_all_of_it(world: UpdateWorld) -> None:
    world.mirror.breaks_after[archive(world)] = 20_000
    with pytest.raises(UnreachableError):
        fetch(world)
    world.mirror.breaks_after.clear()
    world.mirror.ignores_range = True
    assert fetch(world).read_bytes() == world.mirror.files[archive(world)]


def test_a_wrong_first_half_is_found_and_everything_fetched_anew(world: UpdateWorld) -> None:
    honest = world.mirror.files[archive(world)]
    world.mirror.files[archive(world)] = b"\0" * len(honest)
    world.mirror.breaks_after[archive(world)] = 20_000
    with pytest.raises(UnreachableError):
        fetch(world)
    world.mirror.breaks_after.clear()
    world.mirror.files[archive(world)] = honest
    assert fetch(world).read_bytes() == honest
    assert downloads(world) == [0, 20_000, 0]


def test_a_mirror_that_goes_on_elsewhere_is_refused(world: UpdateWorld) -> None:
    world.mirror.breaks_after[archive(world)] = 20_000
    with pytest.raises(UnreachableError):
        fetch(world)
    world.mirror.breaks_after.clear()
    world.mirror.goes_on_at = 10_000
    with pytest.raises(UnreachableError, match="another place"):
        fetch(world)
    world.mirror.goes_on_at = None
    assert fetch(world).read_bytes() == world.mirror.files[archive(world)]


def test_what_is_left_of_an_older_release_makes_room(world: UpdateWorld) -> None:
    (world.home.downloads / f"{'0' * 64}.part").write_bytes(b"old")
    fetch(world)
    assert len(list(world.home.downloads.iterdir())) == 1


def test_a_part_that_is_too_long_is_thrown_away(world: UpdateWorld) -> None:
    digest = archive(world).split("/")[1].split(".")[0]
    (world.home.downloads / f"{digest}.part").write_bytes(b"x" * 1_000_000)
    fetch(world)
    assert downloads(world) == [0]


def test_a_release_that_is_listed_and_not_signed_is_refused(world: UpdateWorld) -> None:
    mirror = world.tuf()
    mirror.refresh(not_before=0)
    with pytest.raises(RefusedError, match="not among what is signed"):
        mirror.fetch("sayso-9.9.9.tar", lambda *_: None)


def test_without_room_nothing_is_asked_for(world: UpdateWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.update.adapters.tuf_mirror.shutil.disk_usage", lambda _: type("U", (), {"free": 10}))
    with pytest.raises(ApplyError, match="not enough room"):
        fetch(world)
    assert downloads(world) == []


def test_fetching_before_asking_is_a_mistake_of_ours(world: UpdateWorld) -> None:
    with pytest.raises(LookupError):
        world.tuf().fetch("sayso-1.1.0.tar", lambda *_: None)
