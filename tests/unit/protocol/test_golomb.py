"""Packed numbers come out as they went in, in one encoding, and lies about them are refused."""

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.errors import SetError
from sayso.protocol.golomb import pack, rice_bits, unpack

BITS = st.integers(1, 64)


@st.composite
def lists(draw: st.DrawFn) -> tuple[list[int], int]:
    bits = draw(BITS)
    numbers = draw(st.sets(st.integers(0, 2**bits - 1), max_size=min(60, 2**bits)))
    return sorted(numbers), bits


@given(lists())
def test_what_is_packed_is_unpacked(given_: tuple[list[int], int]) -> None:
    numbers, bits = given_
    assert list(unpack(pack(numbers, bits), len(numbers), bits)) == numbers


@given(st.binary(max_size=60), st.integers(0, 100), BITS)
def test_what_is_accepted_has_this_one_encoding(data: bytes, count: int, bits: int) -> None:
    try:
        numbers = list(unpack(data, count, bits))
    except SetError:
        return
    assert len(numbers) == count
    assert numbers == sorted(set(numbers))
    assert pack(numbers, bits) == data


@given(lists(), st.integers(1, 200))
def test_another_count_is_refused(given_: tuple[list[int], int], off: int) -> None:
    numbers, bits = given_
    for count in {len(numbers) + off, max(0, len(numbers) - off)} - {len(numbers)}:
        try:
            others = list(unpack(pack(numbers, bits), count, bits))
        except SetError:
            continue
        # With a few bits a number, the same bytes can be another list; they are then its one encoding.
        assert pack(others, bits) == pack(numbers, bits)


def test_every_truncation_and_every_byte_more_is_refused() -> None:
    numbers = sorted(random.Random(1).sample(range(2**40), 50))
    whole = pack(numbers, 40)
    for end in range(len(whole)):
        with pytest.raises(SetError):
            unpack(whole[:end], 50, 40)
    for more in (b"\0", b"\1", b"\x80"):
        with pytest.raises(SetError):
            unpack(whole + more, 50, 40)


def test_a_dense_list_costs_two_bits_a_number() -> None:
    numbers = list(range(4096))
    assert rice_bits(4096, 12) == 0
    assert len(pack(numbers, 12)) == 512


def test_numbers_out_of_order_or_too_large_are_not_packed() -> None:
    for numbers in ([2, 1], [1, 1], [16], [-1]):
        with pytest.raises(ValueError, match="rise"):
            pack(numbers, 4)
    with pytest.raises(ValueError, match="rise"):
        pack([0, 1, 2, 3, 4], 2)


def test_a_count_that_lies_costs_no_memory() -> None:
    tracemalloc.start()
    for count in (2**32 - 1, 2**20, 65_536):
        for data in (b"", b"\xff" * 16, b"\1" * 1000):
            with pytest.raises(SetError):
                unpack(data, count, 40)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
