"""A/B: recordings that differ in the seeds only. A field that follows the seed leaks it, though nobody can decode it.

A field that is the same in every exchange of one recording, and another in the other, follows either the seed or the
session. A second recording with the first seeds (A, A, B) tells these apart: what is the same in both A, and another
in B, follows the seed. After Agrigento (NDSS 2017), which needs no decoding either.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import msgspec

from sayso.audit.core.model import Chunk, Direction, Event, Exchange, Field, Place

MAX_FIELDS = 100_000
MAX_VALUES = 32
"""Different values of one field that are kept; a field with more follows nothing."""
MAX_BODY = 1024 * 1024
MAX_LEAVES = 2_000
MIN_LENGTH = 4
"""A shorter value carries no seed."""
# They change with time, length or the connection and never with a seed.
_BORING = frozenset(
    {"date", "content-length", "if-modified-since", "if-none-match", "sec-websocket-key", "age", "expires"}
)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """Where a value stands."""

    host: str
    method: str
    path: str
    place: str
    name: str


@dataclass(frozen=True, slots=True)
class Follower:
    """A field that follows the seeds."""

    slot: Slot
    length: int
    """Of its value in the first recording."""
    exchanges: int
    proven: bool
    """Whether two recordings with the same seeds had the same value; otherwise it may follow the session."""
    record: int
    """The first exchange of the first recording that has it."""


@dataclass(slots=True)
class _Values:
    digests: set[bytes] = field(default_factory=set)
    length: int = 0
    exchanges: int = 0
    record: int = 0


class Recording:
    """What one recording sent, field by field; values are kept as digests only."""

    def __init__(self) -> None:
        self._fields: defaultdict[Slot, _Values] = defaultdict(_Values)

    def feed(self, event: Event) -> None:
        """Take one event; only what was sent counts."""
        if not isinstance(event, Exchange | Chunk):
            return
        several = event.fields if isinstance(event, Exchange) else (event.field,)
        path = next((urlsplit(_text(one.data)).path for one in several if one.place is Place.URL), "")
        method = event.method if isinstance(event, Exchange) else ""
        for one in several:
            if one.direction is Direction.SENT:
                for name, value in _leaves(one):
                    self._add(Slot(event.peer.host, method, path, one.place.value, name), value, event.record)

    def _add(self, slot: Slot, value: bytes, record: int) -> None:
        if len(value) < MIN_LENGTH or (slot not in self._fields and len(self._fields) >= MAX_FIELDS):
            return
        values = self._fields[slot]
        if not values.exchanges:
            values.length, values.record = len(value), record
        values.exchanges += 1
        if len(values.digests) <= MAX_VALUES:
            values.digests.add(hashlib.blake2b(value, digest_size=16).digest())

    def constant(self) -> dict[Slot, _Values]:
        """Fields that had one value throughout."""
        return {slot: values for slot, values in self._fields.items() if len(values.digests) == 1}


def followers(first: Sequence[Recording], second: Sequence[Recording]) -> tuple[Follower, ...]:
    """Fields that are the same within each group of recordings and differ between them.

    Args:
        first: one recording or more with one set of seeds.
        second: one recording or more with another, all else being equal.
    """
    here, there = [one.constant() for one in first], [one.constant() for one in second]
    if not here or not there:
        return ()
    proven = len(here) > 1 or len(there) > 1
    found = []
    for slot, values in here[0].items():
        if not all(slot in one for one in (*here, *there)):
            continue
        a, b = ({next(iter(one[slot].digests)) for one in group} for group in (here, there))
        if len(a) == 1 and len(b) == 1 and a != b:
            found.append(Follower(slot, values.length, values.exchanges, proven, values.record))
    return tuple(sorted(found, key=lambda one: one.slot))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _leaves(one: Field) -> Iterator[tuple[str, bytes]]:
    match one.place:
        case Place.URL:
            try:
                query = urlsplit(_text(one.data)).query
            except ValueError:
                return
            yield from _pairs(query)
        case Place.COOKIE:
            for pair in one.data.split(b";"):
                name, _, value = pair.strip().partition(b"=")
                yield f"{one.name}:{_text(name)}", value
        case Place.HEADER:
            if one.name.lower() not in _BORING:
                yield one.name.lower(), one.data
        case _:
            yield from _body(one.data[:MAX_BODY], one.name)


def _pairs(query: str) -> Iterator[tuple[str, bytes]]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_LEAVES)
    except ValueError:
        return
    for name, value in pairs:
        yield name, value.encode("utf-8", "backslashreplace")


def _body(data: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    start = data.lstrip()[:1]
    if start in {b"{", b"["}:
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            pass
        else:
            yield from list(_walk(value, ""))[:MAX_LEAVES]
            return
    if b"=" in data[:200] and data[:200].isascii() and b"\n" not in data[:200]:
        yield from _pairs(_text(data))
        return
    yield name or "whole", data


def _walk(value: object, path: str, depth: int = 0) -> Iterable[tuple[str, bytes]]:
    if depth > 32:  # noqa: PLR2004  deeper than any real document
        return
    match value:
        case dict():
            for key, item in value.items():
                yield from _walk(item, f"{path}/{key}", depth + 1)
        case list():
            for item in value:
                yield from _walk(item, f"{path}/*", depth + 1)
        case str():
            yield path, value.encode("utf-8", "surrogatepass")
        case _:
            yield path, str(value).encode()
