"""Making a set, and the change that leads to it."""

import random
from dataclasses import replace

import pytest

from sayso.protocol import enrolled_set
from sayso.protocol.enrolled_set import Shape
from sayso.protocol.errors import SetError
from sayso.protocol.ids import Token
from sayso.server.core.set_build import EarlierSet, MadeSet, SetWork, make_set


def tokens(count: int) -> tuple[Token, ...]:
    rng = random.Random(4)
    return tuple(Token(b"\5" + rng.randbytes(32)) for _ in range(count))


def made(lines: tuple[Token, ...], earlier: MadeSet | None = None) -> MadeSet:
    before = None if earlier is None else EarlierSet(shape=earlier.shape, shards=earlier.shards)
    return make_set(SetWork(epoch=5, tokens=lines, earlier=before))


def test_the_first_set_has_no_change() -> None:
    first = made(tokens(10))
    assert (first.count, first.change, len(first.shards)) == (10, None, 1)


def test_the_change_leads_from_the_earlier_set_to_this_one() -> None:
    lines = tokens(9000)
    before = made(lines[:-20])
    after = made(lines[10:], before)
    assert after.change is not None
    change = enrolled_set.decode_change(after.change, epoch=5, universe_bits=after.shape.universe_bits)
    assert (len(change.removed), len(change.added)) == (10, 20)
    assert len(after.change) < 250


def test_another_universe_has_no_change() -> None:
    before = made(tokens(1000))
    assert made(tokens(9000), before).change is None


def test_a_change_larger_than_the_set_is_not_made() -> None:
    lines = tokens(1000)
    assert made(lines[500:], made(lines[:500])).change is None


def test_the_same_lines_twice_make_one_place() -> None:
    assert made(tokens(5) * 2).count == 5


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_a_damaged_earlier_set_is_not_built_on(damage: str) -> None:
    before = made(tokens(50))
    shards = before.shards[:-1] if damage == "missing" else (before.shards[0][:-1],)
    with pytest.raises(SetError):
        made(tokens(51), replace(before, shards=shards))


def test_an_earlier_shape_that_still_fits_is_kept() -> None:
    shape = Shape(universe_bits=41, shard_bits=1)
    places = enrolled_set.places(tokens(900), shape)
    shards = tuple(enrolled_set.encode_shards(places, epoch=5, shape=shape))
    after = make_set(SetWork(epoch=5, tokens=tokens(901), earlier=EarlierSet(shape=shape, shards=shards)))
    assert after.shape == shape
    assert after.change is not None
