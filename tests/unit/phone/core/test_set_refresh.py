"""From one build to the next, on the phone."""

import hashlib
import random

import pytest

from sayso.phone.core.set_refresh import (
    changes_to,
    check_size,
    found,
    is_news,
    set_bytes_max,
    shard_bytes_max,
    shards_after,
)
from sayso.protocol import enrolled_set
from sayso.protocol.enrolled_set import MAX_LINES, Shape
from sayso.protocol.errors import SetError
from sayso.protocol.ids import Token
from sayso.protocol.limits import DAY, HOUR
from sayso.protocol.set_manifest import ChangeFrom, Manifest, SetIndex

NOW = 1_800_000_000
EPOCH = 5


def tokens(count: int, seed: int = 1) -> list[Token]:
    rng = random.Random(seed)
    return [Token(bytes([EPOCH]) + rng.randbytes(32)) for _ in range(count)]


class Build:
    """A set as a server would show it."""

    def __init__(self, lines: list[Token], before: "Build | None" = None, *, built: int = NOW) -> None:
        self.shape: Shape = enrolled_set.shape_for(len(lines), None if before is None else before.shape)
        self.places = enrolled_set.places(lines, self.shape)
        self.shards = enrolled_set.encode_shards(self.places, epoch=EPOCH, shape=self.shape)
        self.built = built
        changes: list[ChangeFrom] = []
        self.change = b""
        if before is not None:
            change = enrolled_set.change_between(before.places, self.places)
            self.change = enrolled_set.encode_change(change, epoch=EPOCH, universe_bits=self.shape.universe_bits)
            changes = [*before.index.changes, ChangeFrom(before.built, hashlib.sha256(self.change).digest())]
        self.index: SetIndex = SetIndex(
            epoch=EPOCH,
            count=len(self.places),
            universe_bits=self.shape.universe_bits,
            shard_bits=self.shape.shard_bits,
            shards=[hashlib.sha256(shard).digest() for shard in self.shards],
            changes=changes,
        )

    @property
    def manifest(self) -> Manifest:
        return Manifest(version=1, built=self.built, sets=[self.index])


def three_builds() -> tuple[Build, Build, Build]:
    lines = tokens(5000)
    first = Build(lines[:4900])
    second = Build(lines[20:4950], first, built=NOW + 4 * HOUR)
    return first, second, Build(lines[30:], second, built=NOW + 8 * HOUR)


def test_a_phone_that_missed_a_build_comes_up_to_date_by_changes_alone() -> None:
    first, second, third = three_builds()
    steps = changes_to(first.index, first.built, third.index)
    assert [step.since for step in steps] == [first.built, second.built]
    made = shards_after(first.index, first.shards, [second.change, third.change], third.index)
    assert made == third.shards


def test_without_a_way_there_are_no_changes() -> None:
    first, second, third = three_builds()
    assert changes_to(None, 0, third.index) == []
    assert changes_to(first.index, first.built - 1, third.index) == []
    assert changes_to(second.index, second.built, first.index) == []


@pytest.mark.parametrize("damage", ["of another step", "garbage", "a damaged shard"])
def test_changes_that_lead_nowhere_yield_no_shards(damage: str) -> None:
    first, second, third = three_builds()
    shards, changes = first.shards, [second.change, third.change]
    match damage:
        case "of another step":
            changes = [third.change]
        case "garbage":
            changes = [b"garbage" * 9]
        case _:
            shards = [shard[:-1] for shard in shards]
    assert [one for one in shards_after(first.index, shards, changes, third.index) if one not in third.shards] == []


def test_shards_that_came_out_otherwise_than_the_manifest_says_are_not_used() -> None:
    first, second, third = three_builds()
    assert shards_after(first.index, first.shards, [second.change], third.index) == []


def test_an_older_build_is_not_taken_unless_the_one_held_is_of_the_future() -> None:
    first, second, _ = three_builds()
    assert is_news(None, first.manifest, now=NOW)
    assert is_news(first.manifest, second.manifest, now=NOW)
    assert is_news(first.manifest, first.manifest, now=NOW)
    assert not is_news(second.manifest, first.manifest, now=NOW + 4 * HOUR)
    assert is_news(second.manifest, first.manifest, now=NOW - 2 * DAY)


def test_tokens_are_found_in_their_set_and_only_those_of_its_epoch() -> None:
    build = Build(tokens(5000))
    stored = dict(zip(build.index.shards, build.shards, strict=True))
    strangers = tokens(300, seed=2)
    old = Token(b"\4" + tokens(1)[0][1:])
    assert found(build.index, stored.get, [*tokens(40), *strangers, old]) == set(tokens(40))
    assert found(build.index, lambda _: None, tokens(40)) == set()


def test_honest_sizes_are_within_the_bounds_and_a_set_too_large_is_refused() -> None:
    for count in (0, 1, 100, 5000, 20_000):
        build = Build(tokens(count))
        check_size(build.index)
        assert max(map(len, build.shards)) <= shard_bytes_max(build.index)
        assert sum(map(len, build.shards)) <= set_bytes_max(build.index)
    huge = SetIndex(epoch=5, count=MAX_LINES, universe_bits=56, shard_bits=0, shards=[bytes(32)])
    with pytest.raises(SetError, match="larger than this phone takes"):
        check_size(huge)
    assert shard_bytes_max(huge) <= enrolled_set.SHARD_BYTES_MAX
