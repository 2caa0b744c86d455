"""The enrolled set (design.md §5.2): who can be found, as places that tokens fall on (docs/protocol.md has the format).

A line's **place** is the first `universe_bits` of SHA-256(``sayso/enrolled-set/1`` ‖ token). The universe has at least
2^30 places for each line, so a number that is not enrolled is taken for one with a chance of at most 2^-30. The set is
cut into 2^`shard_bits` shards by the first bits of the places, of some 4,000 lines each. Set, shard and change have one
encoding each, so that a build is addressed by the SHA-256 of its shards.

It is a hint: a place tells nobody's number, and the claim of keys decides.
"""

import hashlib
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sayso.protocol import golomb
from sayso.protocol.errors import SetError
from sayso.protocol.ids import Token

VERSION: Final = 1
FALSE_POSITIVE_BITS: Final = 30
UNIVERSE_BITS_MIN: Final = 40
MAX_LINES: Final = 1 << 26
UNIVERSE_BITS_MAX: Final = FALSE_POSITIVE_BITS + 26
SHARD_BITS_MAX: Final = 12
_SHARD_LINES_LOG2: Final = 12
_SLACK_BITS: Final = 2
"""A shape stays until the set has shrunk below a quarter of its room: or sets near a bound would be new each time."""
MAX_SHARD_LINES: Final = 1 << 16
"""Four times the mean of the largest set: no honest shard comes near it."""
MAX_CHANGES: Final = 1 << 20
SHARD_BYTES_MAX: Final = 512 * 1024
CHANGE_BYTES_MAX: Final = 12 * 1024 * 1024
_SHARD: Final = struct.Struct(">BBBBII")
_CHANGE: Final = struct.Struct(">BBBxIII")
_PREFIX: Final = b"sayso/enrolled-set/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large the universe is and into how many shards it is cut."""

    universe_bits: int
    shard_bits: int

    def __post_init__(self) -> None:
        if not UNIVERSE_BITS_MIN <= self.universe_bits <= UNIVERSE_BITS_MAX:
            raise SetError("a set's universe is of a size that no set has")
        if not 0 <= self.shard_bits <= SHARD_BITS_MAX:
            raise SetError("a set has a number of shards that no set has")

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return 1 << self.shard_bits

    @property
    def local_bits(self) -> int:
        """Bits of a place inside its shard."""
        return self.universe_bits - self.shard_bits

    def place(self, token: Token) -> int:
        """Return where a token falls."""
        digest = hashlib.sha256(_PREFIX + token).digest()
        return int.from_bytes(digest[:8], "big") >> 64 - self.universe_bits


def shape_for(lines: int, before: Shape | None = None) -> Shape:
    """Choose the shape for so many lines.

    Args:
        lines: at most 2^26.
        before: the shape of the build before, which is kept as long as it fits.

    Raises:
        SetError: too many lines for this format.
    """
    if lines > MAX_LINES:
        raise SetError("too many lines for one enrolled set")
    room = max(0, lines - 1).bit_length()
    universe = max(UNIVERSE_BITS_MIN, FALSE_POSITIVE_BITS + room)
    shards = min(SHARD_BITS_MAX, max(0, room - _SHARD_LINES_LOG2))
    if (
        before is not None
        and universe <= before.universe_bits <= universe + _SLACK_BITS
        and shards <= before.shard_bits <= shards + _SLACK_BITS
    ):
        return before
    return Shape(universe_bits=universe, shard_bits=shards)


def places(tokens: Iterable[Token], shape: Shape) -> list[int]:
    """Return the places of tokens, sorted, each once."""
    prefix, shift, sha256 = _PREFIX, 64 - shape.universe_bits, hashlib.sha256
    whole = {int.from_bytes(sha256(prefix + token).digest()[:8], "big") >> shift for token in tokens}
    return sorted(whole)


def encode_shards(sorted_places: Sequence[int], *, epoch: int, shape: Shape) -> list[bytes]:
    """Cut a set into shards and encode them.

    Args:
        sorted_places: of `places`.
        epoch: of the tokens, 0-255.
        shape: of the whole set.
    """
    shards = []
    start = 0
    for index in range(shape.shards):
        base = index << shape.local_bits
        end = bisect_left(sorted_places, base + (1 << shape.local_bits), start)
        local = [place - base for place in sorted_places[start:end]]
        header = _SHARD.pack(VERSION, epoch, shape.universe_bits, shape.shard_bits, index, len(local))
        shards.append(header + golomb.pack(local, shape.local_bits))
        start = end
    return shards


def decode_shard(data: bytes, *, epoch: int, shape: Shape, index: int) -> "array[int]":
    """Decode one shard.

    Args:
        data: hostile bytes.
        epoch: what the manifest says, as the two following.
        shape: of the whole set.
        index: which shard it should be.

    Returns:
        The places in it, rising, as numbers of `shape.local_bits`.

    Raises:
        SetError: malformed, or another shard than it should be.
    """
    if not _SHARD.size <= len(data) <= SHARD_BYTES_MAX:
        raise SetError("a shard of the enrolled set is too short or too long")
    *said, count = _SHARD.unpack_from(data)
    if said != [VERSION, epoch, shape.universe_bits, shape.shard_bits, index]:
        raise SetError("a shard of the enrolled set is another one than it should be")
    if count > MAX_SHARD_LINES:
        raise SetError("a shard of the enrolled set says that it holds more lines than any can")
    return golomb.unpack(data[_SHARD.size :], count, shape.local_bits)


def holds(shard: "array[int]", place: int, shape: Shape) -> bool:
    """Tell whether a place of the whole set is in its shard, once that is decoded."""
    local = place & (1 << shape.local_bits) - 1
    at = bisect_left(shard, local)
    return at < len(shard) and shard[at] == local


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What leads from one build to the next: places of the whole set, each list rising."""

    removed: Sequence[int]
    added: Sequence[int]


def change_between(before: Sequence[int], after: Sequence[int]) -> Change:
    """Compare two builds of the same universe."""
    old, new = set(before), set(after)
    return Change(removed=sorted(old - new), added=sorted(new - old))


def encode_change(change: Change, *, epoch: int, universe_bits: int) -> bytes:
    """Encode a change."""
    removed, added = golomb.pack(change.removed, universe_bits), golomb.pack(change.added, universe_bits)
    header = _CHANGE.pack(VERSION, epoch, universe_bits, len(change.removed), len(change.added), len(removed))
    return header + removed + added


def decode_change(data: bytes, *, epoch: int, universe_bits: int) -> Change:
    """Decode a change.

    Raises:
        SetError: malformed, or of another epoch or universe.
    """
    if not _CHANGE.size <= len(data) <= CHANGE_BYTES_MAX:
        raise SetError("a change of the enrolled set is too short or too long")
    version, said_epoch, said_bits, removed, added, size = _CHANGE.unpack_from(data)
    if (version, said_epoch, said_bits, data[3]) != (VERSION, epoch, universe_bits, 0):
        raise SetError("a change of the enrolled set is of another set")
    if removed + added > MAX_CHANGES or size > len(data) - _CHANGE.size:
        raise SetError("a change of the enrolled set says that it holds more than it can")
    split = _CHANGE.size + size
    return Change(
        removed=golomb.unpack(data[_CHANGE.size : split], removed, universe_bits),
        added=golomb.unpack(data[split:], added, universe_bits),
    )


def apply_change(before: Sequence[int], change: Change) -> list[int]:
    """Return the places after a change.

    Args:
        before: rising.
        change: decoded.

    Raises:
        SetError: it removes what is not there, or adds what is: it belongs to another build.
    """
    after = set(before)
    removed, added = set(change.removed), set(change.added)
    if not removed <= after or added & after:
        raise SetError("a change of the enrolled set belongs to another build")
    return sorted(after - removed | added)
