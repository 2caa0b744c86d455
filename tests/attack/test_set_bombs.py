"""Sets from a hostile server: counts that lie, parameters out of all bounds, bytes cut anywhere.

The server signs what it likes; the phone has to survive it: one family of errors, memory and work bounded by what was
received, nothing accepted that is not the one encoding of a set.
"""

import random
import struct
import time
import tracemalloc
from collections.abc import Callable

import pytest

from sayso.phone.core.set_refresh import SET_BYTES_MAX, check_size, set_bytes_max, shard_bytes_max
from sayso.protocol import enrolled_set as sets
from sayso.protocol.enrolled_set import Change, Shape
from sayso.protocol.errors import SetError
from sayso.protocol.golomb import unpack
from sayso.protocol.ids import Token
from sayso.protocol.set_manifest import SetIndex

EPOCH = 5
SHAPE = Shape(universe_bits=40, shard_bits=0)


def honest_shard(lines: int = 200) -> bytes:
    rng = random.Random(1)
    places = sets.places([Token(b"\5" + rng.randbytes(32)) for _ in range(lines)], SHAPE)
    return sets.encode_shards(places, epoch=EPOCH, shape=SHAPE)[0]


def read(data: bytes) -> list[int]:
    return list(sets.decode_shard(data, epoch=EPOCH, shape=SHAPE, index=0))


def header(count: int) -> bytes:
    return struct.pack(">BBBBII", 1, EPOCH, 40, 0, 0, count)


def peak_of(work: Callable[[], None]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_shard_cut_at_any_byte_is_refused() -> None:
    whole = honest_shard()
    for end in range(len(whole)):
        with pytest.raises(SetError):
            read(whole[:end])


def test_a_shard_with_anything_after_its_end_is_refused() -> None:
    whole = honest_shard()
    for tail in (b"\0", b"\1", b"\xff", bytes(1000), whole):
        with pytest.raises(SetError):
            read(whole + tail)


def test_a_flipped_bit_is_refused_or_makes_another_set_that_has_this_one_encoding() -> None:
    whole = honest_shard(40)
    for place in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        try:
            numbers = read(bytes(damaged))
        except SetError:
            continue
        assert sets.encode_shards(numbers, epoch=EPOCH, shape=SHAPE)[0] == damaged


@pytest.mark.parametrize("count", [1, 2, 199, 201, 65_535, 65_536, 65_537, 2**31, 2**32 - 1])
def test_a_count_that_lies_is_refused_and_costs_no_memory(count: int) -> None:
    body = honest_shard()[12:]

    def work() -> None:
        for data in (header(count), header(count) + body, header(count) + bytes(100) + b"\1"):
            with pytest.raises(SetError):
                read(data)

    assert peak_of(work) < 1_000_000


def test_the_largest_shard_that_is_read_costs_little_time_and_memory() -> None:
    """Half a megabyte of whatever is worst: all zeros, all ones, quotients as long as they can be."""
    size = sets.SHARD_BYTES_MAX - 12
    for body in (bytes(size - 1) + b"\1", b"\xff" * size, random.Random(2).randbytes(size)):
        for count in (1, 1000, sets.MAX_SHARD_LINES):
            start = time.process_time()

            def work(data: bytes = header(count) + body) -> None:
                with pytest.raises(SetError):
                    read(data)

            assert peak_of(work) < 64_000_000
            assert time.process_time() - start < 1.0


def test_work_grows_no_faster_than_the_bytes() -> None:
    def seconds(count: int) -> float:
        data = sets.encode_shards(sorted(random.Random(3).sample(range(2**40), count)), epoch=EPOCH, shape=SHAPE)[0]
        best = 9.0
        for _ in range(5):
            start = time.process_time()
            read(data)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(40_000) < 40 * max(seconds(4_000), 0.001)


@pytest.mark.parametrize(
    ("removed", "added", "size"),
    [(2**32 - 1, 0, 0), (0, 2**32 - 1, 0), (2**20, 2**20, 0), (1, 1, 2**32 - 1), (0, 0, 5), (5, 0, 4), (0, 5, 4)],
)
def test_a_change_that_lies_about_its_parts_is_refused_and_costs_no_memory(removed: int, added: int, size: int) -> None:
    honest = sets.encode_change(Change(removed=[1, 7, 9], added=[5, 2**39]), epoch=EPOCH, universe_bits=40)

    def work() -> None:
        for body in (b"", honest[16:], bytes(5000) + b"\1"):
            data = struct.pack(">BBBxIII", 1, EPOCH, 40, removed, added, size) + body
            with pytest.raises(SetError):
                sets.decode_change(data, epoch=EPOCH, universe_bits=40)

    assert peak_of(work) < 1_000_000


def test_a_manifest_cannot_make_a_phone_fetch_more_than_it_takes() -> None:
    for count in (0, 10**6, 2**24, 2**26):
        for shard_bits in (0, 8, 12):
            for universe_bits in (40, 56):
                index = SetIndex(
                    epoch=EPOCH,
                    count=count,
                    universe_bits=universe_bits,
                    shard_bits=shard_bits,
                    shards=[bytes(32)] * (1 << shard_bits),
                )
                try:
                    check_size(index)
                except SetError:
                    continue
                assert len(index.shards) * shard_bytes_max(index) < 5 * SET_BYTES_MAX
                assert set_bytes_max(index) < 2 * SET_BYTES_MAX


def test_a_quotient_cannot_be_longer_than_the_universe() -> None:
    """One number, and a million zeros before its one."""
    with pytest.raises(SetError):
        unpack(bytes(5) + bytes(125_000) + b"\1", 1, 40)
