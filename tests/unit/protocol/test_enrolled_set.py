"""The enrolled set: shape, shards, changes."""

import hashlib
import random
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol import enrolled_set as sets
from sayso.protocol.enrolled_set import Change, Shape
from sayso.protocol.errors import SetError
from sayso.protocol.ids import Token
from tests.fuzz.vectors import vectors

_RANDOM = random.Random(11)
EPOCH = 5


def tokens(count: int, seed: int = 1) -> list[Token]:
    rng = random.Random(seed)
    return [Token(bytes([EPOCH]) + rng.randbytes(32)) for _ in range(count)]


def built(lines: list[Token], shape: Shape | None = None) -> tuple[Shape, list[int], list[bytes]]:
    shape = shape or sets.shape_for(len(lines))
    places = sets.places(lines, shape)
    return shape, places, sets.encode_shards(places, epoch=EPOCH, shape=shape)


def holds(shards: list[bytes], shape: Shape, token: Token) -> bool:
    place = shape.place(token)
    index = place >> shape.local_bits
    return sets.holds(sets.decode_shard(shards[index], epoch=EPOCH, shape=shape, index=index), place, shape)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 4096, 9000])
def test_every_enrolled_token_is_found_and_no_other(count: int) -> None:
    lines = tokens(count)
    shape, places, shards = built(lines)
    assert len(shards) == shape.shards
    assert len(places) == count
    assert all(holds(shards, shape, token) for token in lines[:200])
    assert not any(holds(shards, shape, token) for token in tokens(200, seed=2))


def test_a_fifth_of_a_million_lines_takes_a_fifth_of_what_is_promised() -> None:
    """4.2 MB and 20 s for a million, 50 ms for a shard; `make bench` measures the million itself."""
    lines = tokens(200_000)
    start = time.process_time()
    shape, _, shards = built(lines)
    assert time.process_time() - start < 4
    assert sum(map(len, shards)) <= 840_000
    index = max(range(shape.shards), key=lambda one: len(shards[one]))
    start = time.process_time()
    shard = sets.decode_shard(shards[index], epoch=EPOCH, shape=shape, index=index)
    assert time.process_time() - start < 0.05
    assert len(shard) > 3_000


@given(st.integers(0, sets.MAX_LINES))
def test_a_shape_gives_false_positives_of_2_to_the_minus_30_at_most(lines: int) -> None:
    shape = sets.shape_for(lines)
    assert lines <= 2 ** (shape.universe_bits - sets.FALSE_POSITIVE_BITS)
    assert lines >> shape.shard_bits <= sets.MAX_SHARD_LINES // 4


@given(st.integers(0, sets.MAX_LINES), st.integers(0, sets.MAX_LINES))
def test_a_shape_that_is_kept_still_fits(before: int, lines: int) -> None:
    shape = sets.shape_for(lines, sets.shape_for(before))
    assert lines <= 2 ** (shape.universe_bits - sets.FALSE_POSITIVE_BITS)
    assert shape.universe_bits <= sets.shape_for(lines).universe_bits + 2


def test_a_set_that_wavers_about_a_bound_keeps_its_shape() -> None:
    shape = sets.shape_for(2**20 + 1)
    assert sets.shape_for(2**20, shape) == shape
    assert sets.shape_for(2**18 - 1, shape) != shape
    assert sets.shape_for(2**21 + 2, shape) != shape


def test_more_lines_than_the_format_holds_are_refused() -> None:
    with pytest.raises(SetError, match="too many"):
        sets.shape_for(sets.MAX_LINES + 1)


@pytest.mark.parametrize(("universe", "shards"), [(39, 0), (57, 0), (255, 0), (40, -1), (40, 13)])
def test_a_shape_that_no_set_has_is_refused(universe: int, shards: int) -> None:
    with pytest.raises(SetError):
        Shape(universe_bits=universe, shard_bits=shards)


def test_a_place_does_not_give_a_token_away() -> None:
    (token,) = tokens(1)
    shape = sets.shape_for(1_000_000)
    assert shape.place(token) != int.from_bytes(token[1:8], "big") >> 6
    assert shape.place(token) == sets.places([token], shape)[0]


def test_a_shard_is_accepted_only_as_what_it_is() -> None:
    shape, _, shards = built(tokens(9000))
    for wrong in (
        {"epoch": EPOCH + 1, "shape": shape, "index": 0},
        {"epoch": EPOCH, "shape": shape, "index": 1},
        {
            "epoch": EPOCH,
            "shape": Shape(universe_bits=shape.universe_bits + 1, shard_bits=shape.shard_bits),
            "index": 0,
        },
    ):
        with pytest.raises(SetError, match="another one"):
            sets.decode_shard(shards[0], **wrong)  # type: ignore[arg-type]  # keyword arguments of decode_shard


def test_a_shard_that_says_it_is_huge_is_refused_before_anything_is_made_of_it() -> None:
    shape = Shape(universe_bits=40, shard_bits=0)
    for count in (sets.MAX_SHARD_LINES + 1, 2**32 - 1):
        with pytest.raises(SetError, match="more lines than any"):
            sets.decode_shard(struct.pack(">BBBBII", 1, EPOCH, 40, 0, 0, count), epoch=EPOCH, shape=shape, index=0)
    with pytest.raises(SetError, match="too long"):
        sets.decode_shard(bytes(sets.SHARD_BYTES_MAX + 1), epoch=EPOCH, shape=shape, index=0)


def test_a_change_leads_from_one_build_to_the_next() -> None:
    lines = tokens(9000)
    shape, before, _ = built(lines)
    _, after, shards = built([*lines[30:], *tokens(20, seed=3)], shape)
    blob = sets.encode_change(sets.change_between(before, after), epoch=EPOCH, universe_bits=shape.universe_bits)
    assert len(blob) < 300
    change = sets.decode_change(blob, epoch=EPOCH, universe_bits=shape.universe_bits)
    assert sets.apply_change(before, change) == after
    assert sets.encode_shards(sets.apply_change(before, change), epoch=EPOCH, shape=shape) == shards
    with pytest.raises(SetError, match="another build"):
        sets.apply_change(after, change)
    with pytest.raises(SetError, match="another set"):
        sets.decode_change(blob, epoch=EPOCH, universe_bits=shape.universe_bits + 1)


@given(st.sets(st.integers(0, 2**40 - 1), max_size=30), st.sets(st.integers(0, 2**40 - 1), max_size=30))
def test_any_two_builds_are_joined_by_a_change(one: set[int], other: set[int]) -> None:
    change = sets.change_between(sorted(one), sorted(other))
    blob = sets.encode_change(change, epoch=EPOCH, universe_bits=40)
    read = sets.decode_change(blob, epoch=EPOCH, universe_bits=40)
    assert (list(read.removed), list(read.added)) == (change.removed, change.added)
    assert sets.apply_change(sorted(one), read) == sorted(other)


def test_every_truncation_of_a_change_is_refused() -> None:
    blob = sets.encode_change(Change(removed=[1, 5, 2**39], added=[3, 2**38]), epoch=EPOCH, universe_bits=40)
    for end in range(len(blob)):
        with pytest.raises(SetError):
            sets.decode_change(blob[:end], epoch=EPOCH, universe_bits=40)
    with pytest.raises(SetError):
        sets.decode_change(blob + b"\1", epoch=EPOCH, universe_bits=40)


def test_a_change_that_lies_about_its_lengths_is_refused() -> None:
    for removed, added, size in ((2**20, 1, 0), (0, 0, 1), (2**32 - 1, 0, 0), (0, 2**32 - 1, 0), (1, 0, 2**32 - 1)):
        head = struct.pack(">BBBxIII", 1, EPOCH, 40, removed, added, size)
        with pytest.raises(SetError):
            sets.decode_change(head, epoch=EPOCH, universe_bits=40)


def read_bits(data: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in data)


def by_the_book(data: bytes, count: int, bits: int) -> list[int]:
    """list(n, b) of docs/protocol.md, bit by bit."""
    if count == 0:
        return []
    rice = bits - (count - 1).bit_length()
    split = (count * rice + 7) // 8
    rests, unary = read_bits(data[:split]), read_bits(data[split:])
    numbers, last, at = [], -1, 0
    for place in range(count):
        quotient = 0
        while unary[at] == "0":
            quotient, at = quotient + 1, at + 1
        at += 1
        rest = int(rests[place * rice : (place + 1) * rice] or "0", 2)
        last += (quotient << rice | rest) + 1
        numbers.append(last)
    return numbers


def test_the_vectors_are_what_the_document_says() -> None:
    """A second reader, written from docs/protocol.md and slow, reads the same."""
    stored = vectors("enrolled_set")
    universe, cut = stored["universe_bits"], stored["shard_bits"]
    for line in stored["tokens"]:
        digest = hashlib.sha256(b"sayso/enrolled-set/1" + bytes.fromhex(line["token"])).digest()
        assert line["place"] == int(read_bits(digest)[:universe], 2)
    places = []
    for index, shard in enumerate(bytes.fromhex(one) for one in stored["shards"]):
        assert (shard[0], shard[2], shard[3], int.from_bytes(shard[4:8], "big")) == (1, universe, cut, index)
        local = by_the_book(shard[12:], int.from_bytes(shard[8:12], "big"), universe - cut)
        places += [(index << universe - cut) + one for one in local]
    assert places == sorted(line["place"] for line in stored["tokens"][3:])
    blob = bytes.fromhex(stored["change"]["blob"])
    removed, added, size = (int.from_bytes(blob[at : at + 4], "big") for at in (4, 8, 12))
    assert by_the_book(blob[16 : 16 + size], removed, universe) == stored["change"]["removed"]
    assert by_the_book(blob[16 + size :], added, universe) == stored["change"]["added"]


@given(st.sets(st.integers(0, 2**40 - 1), max_size=40))
def test_two_readers_agree(numbers: set[int]) -> None:
    shape = Shape(universe_bits=40, shard_bits=0)
    (shard,) = sets.encode_shards(sorted(numbers), epoch=EPOCH, shape=shape)
    assert by_the_book(shard[12:], len(numbers), 40) == sorted(numbers)
