"""How a phone comes from the build of the enrolled set that it has to the one shown, and what it reads there."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sayso.protocol import enrolled_set
from sayso.protocol.errors import SetError
from sayso.protocol.ids import Token
from sayso.protocol.limits import DAY
from sayso.protocol.set_manifest import ChangeFrom, Manifest, SetIndex

SET_BYTES_MAX: Final = 64 * 1024 * 1024
"""A larger set (some 16 million lines) is not fetched; the claim at the first text decides then."""
_SHARD_SLACK_LINES: Final = 512


def is_news(held: Manifest | None, shown: Manifest, *, now: float) -> bool:
    """Tell whether to take a manifest.

    An older build than the one held is not taken, or a server could take a phone back in time; unless the one held is
    of the future: then a clock was wrong.
    """
    return held is None or shown.built >= held.built or held.built > now + DAY


def changes_to(held: SetIndex | None, held_built: int, shown: SetIndex) -> list[ChangeFrom]:
    """Return the changes that lead from the set that is held to the one shown; none where they do not."""
    if held is None or held.universe_bits != shown.universe_bits or held.epoch != shown.epoch:
        return []
    starts = [step.since for step in shown.changes]
    return shown.changes[starts.index(held_built) :] if held_built in starts else []


def shards_after(held: SetIndex, shards: Sequence[bytes], changes: Iterable[bytes], shown: SetIndex) -> list[bytes]:
    """Apply changes, and return those shards that came out as the manifest says.

    Args:
        held: the set that the phone has, whole.
        shards: its shards, in order.
        changes: fetched, each of the SHA-256 that the manifest names, oldest first.
        shown: where they should lead.
    """
    try:
        places: list[int] = []
        for index, data in enumerate(shards):
            base = index << held.shape.local_bits
            shard = enrolled_set.decode_shard(data, epoch=held.epoch, shape=held.shape, index=index)
            places += [base + local for local in shard]
        for blob in changes:
            change = enrolled_set.decode_change(blob, epoch=shown.epoch, universe_bits=shown.universe_bits)
            places = enrolled_set.apply_change(places, change)
    except SetError:
        return []  # the shards themselves are fetched instead
    wanted = set(shown.shards)
    made = enrolled_set.encode_shards(places, epoch=shown.epoch, shape=shown.shape)
    return [shard for shard in made if hashlib.sha256(shard).digest() in wanted]


def shard_bytes_max(index: SetIndex) -> int:
    """Return how long a shard of a set of this size can honestly be: twice the mean, and some."""
    lines = min(enrolled_set.MAX_SHARD_LINES, 2 * (index.count >> index.shard_bits) + _SHARD_SLACK_LINES)
    return min(enrolled_set.SHARD_BYTES_MAX, 64 + lines * (index.universe_bits + 3) // 8)


def set_bytes_max(index: SetIndex) -> int:
    """Return how long a set of this size can honestly be, all shards together, with some to spare."""
    return len(index.shards) * 64 + 4096 + index.count * (index.universe_bits + 3) // 8


def check_size(shown: SetIndex) -> None:
    """Refuse a set that is too large for a phone, before any of it is fetched.

    Raises:
        SetError: too large.
    """
    # A place costs at least 30 bits.
    if shown.count * 30 // 8 > SET_BYTES_MAX or len(shown.shards) * 12 > SET_BYTES_MAX:
        raise SetError("the server's enrolled set is larger than this phone takes")


def found(index: SetIndex, read: Callable[[bytes], bytes | None], tokens: Iterable[Token]) -> set[Token]:
    """Return those tokens that are in a set.

    Args:
        index: of the set.
        read: gives a stored shard by its SHA-256, or None.
        tokens: of any epochs.

    Raises:
        SetError: a stored shard is damaged.
    """
    shape = index.shape
    by_shard: dict[int, list[tuple[int, Token]]] = {}
    for token in tokens:
        if token[0] == index.epoch:
            place = shape.place(token)
            by_shard.setdefault(place >> shape.local_bits, []).append((place, token))
    hits: set[Token] = set()
    for number, wanted in by_shard.items():
        data = read(index.shards[number])
        if data is not None:
            shard = enrolled_set.decode_shard(data, epoch=index.epoch, shape=shape, index=number)
            hits |= {token for place, token in wanted if enrolled_set.holds(shard, place, shape)}
    return hits
