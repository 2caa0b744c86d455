"""Binary containers without their schema: the leaves that strings, numbers and nested blobs are.

Strings stand in the bytes anyway and are found there; what needs this module are packed numbers, runs whose first sign
is a length byte, and blobs that are encoded once more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import cbor2
import msgspec

from sayso.audit.core.decode.tokens import is_text

MAX_LEAVES = 20_000
MAX_NESTING = 24
MIN_ZIGZAG = 1 << 24
"""Larger varints may be of a signed type (sint32, sint64), whose last bit is the sign."""
MIN_BLOB = 8
_GRPC_HEADER = 5
# Every failure that cbor2 documents for bytes that are not CBOR, and what its C code raises besides.
_CBOR_ERRORS = (cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError, MemoryError, TypeError)


@dataclass(slots=True)
class Leaves:
    """What a container holds: texts and numbers as lines of text, and blobs."""

    lines: list[bytes] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)
    count: int = 0

    def add(self, leaf: bytes) -> None:
        """Take a string or a blob."""
        self.count += 1
        if is_text(leaf):
            self.lines.append(leaf)
        elif len(leaf) >= MIN_BLOB:
            self.blobs.append(leaf)

    def steps(self, name: str) -> Iterator[tuple[str, bytes]]:
        """Yield the lines as one view, and each blob."""
        if self.lines:
            yield name, b"\n".join(self.lines)
        for blob in dict.fromkeys(self.blobs):
            yield name, blob


class _NotThisError(Exception):
    """The bytes are no message of this encoding."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:  # noqa: PLR2004  ten groups of seven bits at most
            raise _NotThisError
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004  the last group
            return value, at
        shift += 7


def _message(data: bytes, leaves: Leaves, depth: int) -> int:
    """Read one protobuf message that fills `data`; return the number of its fields."""
    at = fields = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29 or leaves.count > MAX_LEAVES:
            raise _NotThisError
        fields += 1
        match wire:
            case 0:
                value, at = _varint(data, at)
                leaves.count += 1
                leaves.lines.append(b"%d" % value)
                if value > MIN_ZIGZAG:
                    leaves.lines.append(b"%d" % (value >> 1 ^ -(value & 1)))
            case 1 | 5:
                width = 8 if wire == 1 else 4
                if at + width > len(data):
                    raise _NotThisError
                leaves.count += 1
                leaves.lines.append(b"%d" % int.from_bytes(data[at : at + width], "little"))
                at += width
            case 2:
                size, at = _varint(data, at)
                if at + size > len(data):
                    raise _NotThisError
                _length_delimited(data[at : at + size], leaves, depth)
                at += size
            case _:
                raise _NotThisError
    return fields


def _length_delimited(leaf: bytes, leaves: Leaves, depth: int) -> None:
    if leaf and depth < MAX_NESTING and not is_text(leaf):
        nested = Leaves(count=leaves.count)
        try:
            _message(leaf, nested, depth + 1)
        except _NotThisError:
            pass
        else:
            leaves.lines += nested.lines
            leaves.blobs += nested.blobs
            leaves.count = nested.count
            # A blob may read as a message by chance: keep it too.
            if len(leaf) >= MIN_BLOB:
                leaves.blobs.append(leaf)
            return
    leaves.add(leaf)


def protobuf(view: bytes) -> Iterator[tuple[str, bytes]]:
    """A message ("Encoding", protobuf.dev), bare, or behind the five bytes of gRPC, or behind its length."""
    for start, name in _protobuf_starts(view):
        leaves = Leaves()
        try:
            fields = _message(view[start:] if start else view, leaves, 0)
        except _NotThisError:
            continue
        if fields:
            yield from leaves.steps(name)
            return


def _protobuf_starts(view: bytes) -> Iterator[tuple[int, str]]:
    if len(view) > _GRPC_HEADER and view[0] <= 1 and int.from_bytes(view[1:5]) == len(view) - _GRPC_HEADER:
        yield _GRPC_HEADER, "grpc"
    yield 0, "protobuf"
    try:
        size, at = _varint(view, 0)
    except _NotThisError:
        return
    if at + size == len(view):
        yield at, "protobuf"


def _walk(value: object, leaves: Leaves, depth: int = 0) -> None:
    if depth > MAX_NESTING or leaves.count > MAX_LEAVES:
        return
    for item in _inside(value):
        _walk(item, leaves, depth + 1)
    match value:
        case bytes():
            leaves.add(value)
        case str():
            leaves.add(value.encode("utf-8", "surrogatepass"))
        case int() if not isinstance(value, bool) and value.bit_length() <= 64:  # noqa: PLR2004  more than a number has
            leaves.count += 1
            leaves.lines.append(b"%d" % value)
        case float():
            leaves.count += 1
            leaves.lines.append(repr(value).encode())
        case _:
            pass


def _inside(value: object) -> Iterator[object]:
    match value:
        case Mapping():  # cbor2 has a frozen one inside tags
            for key, item in value.items():
                yield key
                yield item
        case list() | tuple() | set() | frozenset():
            yield from value
        case msgspec.msgpack.Ext():
            yield bytes(value.data)
        case cbor2.CBORTag():
            yield value.value
        case _:
            pass


def messagepack(view: bytes) -> Iterator[tuple[str, bytes]]:
    """A MessagePack map or array that fills the view."""
    first = view[0]
    if not (0x80 < first <= 0x9F or 0xDC <= first <= 0xDF):  # noqa: PLR2004  maps and arrays
        return
    try:
        value = msgspec.msgpack.decode(view, strict=False)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError, TypeError, OverflowError):
        return
    leaves = Leaves()
    _walk(value, leaves)
    yield from leaves.steps("msgpack")


def cbor(view: bytes) -> Iterator[tuple[str, bytes]]:
    """A CBOR (RFC 8949) map, array or tagged item at the start of the view."""
    if not (0x80 < view[0] <= 0xBF or 0xC0 <= view[0] <= 0xDB):  # noqa: PLR2004  major types 4, 5 and 6
        return
    try:
        value = cbor2.loads(view)
    except _CBOR_ERRORS:
        return
    leaves = Leaves()
    _walk(value, leaves)
    yield from leaves.steps("cbor")


def containers(view: bytes) -> Iterator[tuple[str, bytes]]:
    """The leaves of whichever container the view may be; several may fit, and all are looked into."""
    if len(view) < 2:  # noqa: PLR2004  nothing to hold
        return
    yield from protobuf(view)
    yield from messagepack(view)
    yield from cbor(view)
