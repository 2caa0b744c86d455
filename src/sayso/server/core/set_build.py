"""Makes one epoch's set and what leads to it from the build before: pure, and the same wherever it runs."""

from dataclasses import dataclass

from sayso.protocol import enrolled_set
from sayso.protocol.enrolled_set import Shape
from sayso.protocol.errors import SetError
from sayso.protocol.ids import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierSet:
    """The set of the build before."""

    shape: Shape
    shards: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetWork:
    """What to make a set of."""

    epoch: int
    tokens: tuple[Token, ...]
    earlier: EarlierSet | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeSet:
    """A set, encoded."""

    epoch: int
    count: int
    shape: Shape
    shards: tuple[bytes, ...]
    change: bytes | None
    """From the build before; None where there is none, or where it is of no use: another universe, or too large."""


def make_set(work: SetWork) -> MadeSet:
    """Make a set.

    Raises:
        SetError: more lines than the format holds, or the earlier set is damaged.
    """
    earlier = work.earlier
    shape = enrolled_set.shape_for(len(work.tokens), None if earlier is None else earlier.shape)
    places = enrolled_set.places(work.tokens, shape)
    shards = enrolled_set.encode_shards(places, epoch=work.epoch, shape=shape)
    change = None
    if earlier is not None and earlier.shape.universe_bits == shape.universe_bits:
        between = enrolled_set.change_between(_places_of(work.epoch, earlier), places)
        if len(between.removed) + len(between.added) <= enrolled_set.MAX_CHANGES:
            change = enrolled_set.encode_change(between, epoch=work.epoch, universe_bits=shape.universe_bits)
    # Whoever would have to fetch more than the set itself is better off with the set.
    if change is not None and len(change) >= sum(map(len, shards)) and len(places) > 0:
        change = None
    return MadeSet(epoch=work.epoch, count=len(places), shape=shape, shards=tuple(shards), change=change)


def _places_of(epoch: int, earlier: EarlierSet) -> list[int]:
    if len(earlier.shards) != earlier.shape.shards:
        raise SetError("the build before is not complete")
    places: list[int] = []
    for index, data in enumerate(earlier.shards):
        base = index << earlier.shape.local_bits
        shard = enrolled_set.decode_shard(data, epoch=epoch, shape=earlier.shape, index=index)
        places += [base + local for local in shard]
    return places
