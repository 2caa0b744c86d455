"""HTTP/3 in the streams of one QUIC connection (RFC 9114) that keys have opened; headers by `pylsqpack` (RFC 9204)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import pylsqpack

from sayso.audit.adapters.readers.message import Header, body_field, exchange_of, value_of
from sayso.audit.core.model import Chunk, Direction, Event, Exchange, Field, NotSeen, Peer, Place

MAX_BODY = 8 * 1024 * 1024
MAX_STREAMS = 4_000
MAX_FRAME = 1024 * 1024
"""Of a frame that has to be whole to be read: headers, settings."""
PROTOCOL: Final = "http/3"
BROKEN: Final = "HTTP/3 whose header table is not known from its start"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_CONTROL, _ENCODER, _DECODER = 0, 2, 3
"""Types of one-way streams (RFC 9114, 6.2; RFC 9204, 4.2)."""
_MAX_TABLE: Final = 1
"""The setting that says how large a table its sender can keep (RFC 9204, 5)."""
_USUAL_TABLE = 4096
_BLOCKED = 1000
_ONE_WAY = 2
_HEADER_ERRORS: Final = (pylsqpack.DecompressionFailed, pylsqpack.DecoderStreamError, pylsqpack.EncoderStreamError)


def varint(data: bytes, at: int = 0) -> tuple[int, int] | None:
    """An integer of QUIC (RFC 9000, 16) and where it ends; None where it is not whole."""
    if at >= len(data):
        return None
    end = at + (1 << (data[at] >> 6))
    if end > len(data):
        return None
    return int.from_bytes(data[at:end]) & ((1 << (8 * (end - at) - 2)) - 1), end


@dataclass(slots=True)
class _Frames:
    """Cuts one direction of a stream into frames; those of data and of unknown types come in pieces."""

    buffer: bytes = b""
    kind: int = -1
    left: int = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        self.buffer += data
        while True:
            if self.kind < 0:
                if (kind := varint(self.buffer)) is None or (size := varint(self.buffer, kind[1])) is None:
                    return
                self.kind, self.left, self.buffer = kind[0], size[0], self.buffer[size[1] :]
            whole = self.kind in {_HEADERS, _SETTINGS} and self.left <= MAX_FRAME
            if len(self.buffer) < self.left and (whole or not self.buffer):
                return
            piece, self.buffer = self.buffer[: self.left], self.buffer[self.left :]
            self.left -= len(piece)
            yield self.kind, piece
            if self.left:
                return
            self.kind = -1


@dataclass(slots=True)
class _Side:
    frames: _Frames = field(default_factory=_Frames)
    headers: list[Header] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    ended: bool = False
    waits: bool = False
    """Whether its headers need table entries that have not come yet; frames behind them are kept."""
    kept: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class _Stream:
    record: int
    time: float | None
    sides: dict[Direction, _Side] = field(default_factory=lambda: {one: _Side() for one in Direction})


@dataclass(slots=True)
class _OneWay:
    kind: int = -1
    buffer: bytes = b""
    frames: _Frames = field(default_factory=_Frames)


@dataclass(slots=True)
class _Table:
    """The headers that one direction is written with."""

    decoder: pylsqpack.Decoder = field(default_factory=lambda: pylsqpack.Decoder(_USUAL_TABLE, _BLOCKED))
    used: bool = False
    broken: int = 0
    """Bytes of headers that could not be read."""


class Connection:
    """All streams of one connection, their bytes in order."""

    def __init__(self, number: Callable[[], int], peer: Peer) -> None:
        self._number = number
        self.peer = peer
        self._streams: dict[int, _Stream] = {}
        self._one_way: dict[int, _OneWay] = {}
        self._tables = {one: _Table() for one in Direction}

    def feed(self, direction: Direction, stream: int, data: bytes, time: float | None, *, end: bool) -> Iterator[Event]:
        """Take bytes of a stream; yield exchanges that are whole."""
        if stream & _ONE_WAY:
            yield from self._feed_one_way(direction, stream, data, time)
            return
        if stream not in self._streams and len(self._streams) >= MAX_STREAMS:
            yield self._finish(next(iter(self._streams)))
        if stream not in self._streams:
            self._streams[stream] = _Stream(self._number(), time)
        side = self._streams[stream].sides[direction]
        for kind, piece in side.frames.feed(data):
            if side.waits:
                side.kept.append((kind, piece))
            else:
                yield from self._frame(direction, stream, kind, piece, time)
        side.ended = side.ended or end
        yield from self._if_whole(stream)

    def _if_whole(self, stream: int) -> Iterator[Event]:
        if all(side.ended and not side.waits for side in self._streams[stream].sides.values()):
            yield self._finish(stream)

    def _frame(self, direction: Direction, stream: int, kind: int, piece: bytes, time: float | None) -> Iterator[Event]:
        side = self._streams[stream].sides[direction]
        if kind == _HEADERS:
            self._headers(direction, stream, piece)
        elif kind == _DATA and side.size < MAX_BODY:
            side.body.append(piece)
            side.size += len(piece)
        elif piece:
            named = body_field(side.headers, piece, direction)
            what = named if kind == _DATA else Field(Place.PAYLOAD, "", piece, direction)
            yield Chunk(self._streams[stream].record, time, self.peer, PROTOCOL, what, encrypted=True)

    def _headers(self, direction: Direction, stream: int, block: bytes) -> None:
        table = self._tables[direction]
        try:
            self._take(direction, stream, table.decoder.feed_header(stream, block)[1])
        except pylsqpack.StreamBlocked:
            self._streams[stream].sides[direction].waits = True
        except _HEADER_ERRORS:
            table.broken += len(block)

    def _take(self, direction: Direction, stream: int, headers: list[Header]) -> None:
        side = self._streams[stream].sides[direction]
        side.waits = False
        if direction is Direction.RECEIVED and value_of(headers, b":status").startswith(b"1"):
            return
        side.headers += headers

    def _feed_one_way(self, direction: Direction, number: int, data: bytes, time: float | None) -> Iterator[Event]:
        if number not in self._one_way and len(self._one_way) >= MAX_STREAMS:
            del self._one_way[next(iter(self._one_way))]
        stream = self._one_way.setdefault(number, _OneWay())
        if stream.kind < 0:
            stream.buffer += data
            if (kind := varint(stream.buffer)) is None:
                return
            stream.kind, data, stream.buffer = kind[0], stream.buffer[kind[1] :], b""
        match stream.kind:
            case 0:  # control
                for kind_of, piece in stream.frames.feed(data):
                    if kind_of == _SETTINGS:
                        self._settings(direction, piece)
            case 2:  # the table's entries
                yield from self._entries(direction, data, time)
            case 3:  # what the other side acknowledges of its table
                pass
            case _ if data:
                what = Field(Place.PAYLOAD, "", data, direction)
                yield Chunk(self._number(), time, self.peer, PROTOCOL, what, encrypted=True)
            case _:
                pass

    def _settings(self, direction: Direction, data: bytes) -> None:
        """How large a table one side keeps: the other one writes for it."""
        at = 0
        while (name := varint(data, at)) is not None and (value := varint(data, name[1])) is not None:
            at = value[1]
            other = self._tables[Direction.RECEIVED if direction is Direction.SENT else Direction.SENT]
            if name[0] == _MAX_TABLE and not other.used:
                other.decoder = pylsqpack.Decoder(min(value[0], MAX_FRAME), _BLOCKED)

    def _entries(self, direction: Direction, data: bytes, time: float | None) -> Iterator[Event]:
        table = self._tables[direction]
        table.used = True
        try:
            ready = table.decoder.feed_encoder(data)
        except _HEADER_ERRORS:
            table.broken += len(data)
            return
        for number in ready:
            if number in self._streams:
                try:
                    self._take(direction, number, table.decoder.resume_header(number)[1])
                except (*_HEADER_ERRORS, pylsqpack.StreamBlocked):
                    table.broken += 1
                    self._streams[number].sides[direction].waits = False
                yield from self._resumed(direction, number, time)

    def _resumed(self, direction: Direction, stream: int, time: float | None) -> Iterator[Event]:
        side = self._streams[stream].sides[direction]
        while side.kept and not side.waits:
            kind, piece = side.kept.pop(0)
            yield from self._frame(direction, stream, kind, piece, time)
        yield from self._if_whole(stream)

    def _finish(self, number: int) -> Exchange:
        stream = self._streams.pop(number)
        sent, received = stream.sides[Direction.SENT], stream.sides[Direction.RECEIVED]
        return exchange_of(
            stream.record,
            stream.time,
            self.peer,
            PROTOCOL,
            encrypted=True,
            sent=(sent.headers, b"".join(sent.body)),
            received=(received.headers, b"".join(received.body)),
        )

    def end(self) -> Iterator[Event]:
        """The connection is over."""
        for number in list(self._streams):
            for direction, side in self._streams[number].sides.items():
                if side.waits:
                    self._tables[direction].broken += 1
                    side.waits = False
                    yield from self._resumed_at_end(direction, number)
            yield self._finish(number)
        sent, received = (self._tables[one].broken for one in (Direction.SENT, Direction.RECEIVED))
        if sent or received:
            yield NotSeen(self._number(), None, self.peer, PROTOCOL, BROKEN, sent, received)

    def _resumed_at_end(self, direction: Direction, number: int) -> Iterator[Event]:
        kept = self._streams[number].sides[direction].kept
        while kept:
            kind, piece = kept.pop(0)
            if kind != _HEADERS:
                yield from self._frame(direction, number, kind, piece, None)
