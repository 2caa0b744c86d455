"""HTTP/2 in a stream (RFC 9113), in the clear or opened by a key log; headers by `hpack`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import hpack

from sayso.audit.adapters.readers.message import Header, body_field, exchange_of, value_of
from sayso.audit.core.model import Chunk, Direction, Event, Exchange, Field, NotSeen, Peer, Place

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_BODY = 8 * 1024 * 1024
MAX_STREAMS = 4_000
MAX_HEADER_BYTES = 1024 * 1024
_PUSH, _CONTINUATION = 5, 9
_END_STREAM, _END_HEADERS, _PADDED, _PRIORITY = 1, 4, 8, 0x20
_HEAD = 9


@dataclass(slots=True)
class _Side:
    headers: list[Header] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    ended: bool = False


@dataclass(slots=True)
class _Stream:
    record: int
    time: float | None
    sides: dict[Direction, _Side] = field(default_factory=lambda: {one: _Side() for one in Direction})


@dataclass(slots=True)
class _Half:
    decoder: hpack.Decoder = field(default_factory=lambda: hpack.Decoder(max_header_list_size=MAX_HEADER_BYTES))
    buffer: bytes = b""
    block: bytes = b""
    block_of: int = 0
    block_flags: int = 0
    broken: bool = False


class Connection:
    """Both directions of one connection."""

    def __init__(self, number: Callable[[], int], peer: Peer, *, encrypted: bool) -> None:
        self._number = number
        self._peer = peer
        self._encrypted = encrypted
        self._halves = {one: _Half() for one in Direction}
        self._preface = True
        self._streams: dict[int, _Stream] = {}
        self._broken = dict.fromkeys(Direction, 0)

    def feed(self, direction: Direction, data: bytes, time: float | None) -> Iterator[Event]:
        """Take bytes of one direction; yield exchanges that are whole."""
        half = self._halves[direction]
        if half.broken:
            self._broken[direction] += len(data)
            return
        half.buffer += data
        if direction is Direction.SENT and self._preface:
            if len(half.buffer) < len(PREFACE):
                return
            self._preface = False
            half.buffer = half.buffer.removeprefix(PREFACE)
        at = 0
        while len(half.buffer) - at >= _HEAD:
            size = int.from_bytes(half.buffer[at : at + 3])
            if len(half.buffer) - at - _HEAD < size:
                break
            kind, flags = half.buffer[at + 3], half.buffer[at + 4]
            stream = int.from_bytes(half.buffer[at + 5 : at + 9]) & 0x7FFFFFFF
            payload = half.buffer[at + _HEAD : at + _HEAD + size]
            at += _HEAD + size
            yield from self._frame(direction, kind, flags, stream, payload, time)
        half.buffer = half.buffer[at:]

    def _frame(
        self, direction: Direction, kind: int, flags: int, number: int, payload: bytes, time: float | None
    ) -> Iterator[Event]:
        match kind:
            case 0:  # DATA
                yield from self._data(direction, number, _unpadded(payload, flags), time)
                if flags & _END_STREAM:
                    yield from self._ended(direction, number, time)
            case 1 | 5 | 9:  # HEADERS, PUSH_PROMISE, CONTINUATION
                self._block(self._halves[direction], kind, flags, number, payload)
                if flags & _END_HEADERS:
                    yield from self._headers(direction, time)
            case 3 if number in self._streams:  # RST_STREAM
                yield self._finish(number)
            case _:
                pass

    @staticmethod
    def _block(half: _Half, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Collect a block of headers."""
        if kind == _CONTINUATION:
            half.block += payload[: max(0, MAX_HEADER_BYTES - len(half.block))]
            return
        block = _unpadded(payload, flags)
        if kind == _PUSH:
            number, block, flags = int.from_bytes(block[:4]) & 0x7FFFFFFF, block[4:], flags & ~_END_STREAM
        elif flags & _PRIORITY:
            block = block[5:]
        half.block, half.block_of, half.block_flags = block, number, flags

    def _stream(self, number: int, time: float | None) -> tuple[_Stream, list[Event]]:
        done: list[Event] = []
        stream = self._streams.get(number)
        if stream is None:
            if len(self._streams) >= MAX_STREAMS:
                done.append(self._finish(next(iter(self._streams))))
            stream = self._streams[number] = _Stream(self._number(), time)
        return stream, done

    def _headers(self, direction: Direction, time: float | None) -> Iterator[Event]:
        half = self._halves[direction]
        block, half.block = half.block, b""
        try:
            pairs = half.decoder.decode(block, raw=True)
        except (hpack.HPACKError, UnicodeDecodeError, ValueError, IndexError):
            # Both ends share one table: without it nothing that follows can be read.
            half.broken = True
            self._broken[direction] += len(block)
            return
        stream, done = self._stream(half.block_of, time)
        yield from done
        side = stream.sides[direction]
        headers = [(bytes(name), bytes(value)) for name, value in pairs]
        if direction is Direction.RECEIVED and value_of(headers, b":status").startswith(b"1"):
            return
        side.headers += headers
        if half.block_flags & _END_STREAM:
            yield from self._ended(direction, half.block_of, time)

    def _data(self, direction: Direction, number: int, data: bytes, time: float | None) -> Iterator[Event]:
        stream, done = self._stream(number, time)
        yield from done
        side = stream.sides[direction]
        if side.size < MAX_BODY:
            side.body.append(data)
            side.size += len(data)
        elif data:
            yield Chunk(
                stream.record, time, self._peer, "http/2", body_field(side.headers, data, direction), self._encrypted
            )

    def _ended(self, direction: Direction, number: int, time: float | None) -> Iterator[Event]:
        stream, done = self._stream(number, time)
        yield from done
        stream.sides[direction].ended = True
        if all(side.ended for side in stream.sides.values()):
            yield self._finish(number)

    def _finish(self, number: int) -> Exchange:
        stream = self._streams.pop(number)
        sent, received = stream.sides[Direction.SENT], stream.sides[Direction.RECEIVED]
        return exchange_of(
            stream.record,
            stream.time,
            self._peer,
            "http/2",
            encrypted=self._encrypted,
            sent=(sent.headers, b"".join(sent.body)),
            received=(received.headers, b"".join(received.body)),
        )

    def end(self) -> Iterator[Event]:
        """The connection is over."""
        for number in list(self._streams):
            yield self._finish(number)
        for direction, half in self._halves.items():
            if half.buffer:
                field_ = Field(Place.PAYLOAD, "", half.buffer, direction)
                yield Chunk(self._number(), None, self._peer, "http/2", field_, self._encrypted, end=True)
        if any(half.broken for half in self._halves.values()):
            yield NotSeen(
                self._number(),
                None,
                self._peer,
                "http/2",
                "HTTP/2 whose header table is not known from its start",
                self._broken[Direction.SENT],
                self._broken[Direction.RECEIVED],
            )


def _unpadded(payload: bytes, flags: int) -> bytes:
    if not flags & _PADDED or not payload:
        return payload
    return payload[1 : max(len(payload) - payload[0], 1)]
