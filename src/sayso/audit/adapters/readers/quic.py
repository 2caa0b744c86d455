"""QUIC that a key log opens, through tshark, which removes the protection (RFC 9001) and tells the frames.

    capture + keys --tshark--> frames of streams, a line for each datagram --order--> streams --http3--> exchanges

What goes over a stream is not tshark's to say: 4.0 does not read the headers of HTTP/3.
"""

import binascii
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from sayso.audit.adapters.readers import http3
from sayso.audit.adapters.readers.tshark import Key, Opened, limited, program
from sayso.audit.core.model import Chunk, Direction, Event, Exchange, Field, NotSeen, Peer, Place
from sayso.audit.errors import CorruptCaptureError

FIELDS: Final = (
    *("frame.time_epoch", "ip.src", "ipv6.src", "udp.srcport", "ip.dst", "ipv6.dst", "udp.dstport"),
    *("quic.connection.number", "tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str"),
    *("quic.decryption_failed", "quic.frame_type", "quic.stream.stream_id", "quic.stream.offset", "quic.stream_data"),
)
CLOSED: Final = "QUIC that its keys do not open"
MISSING: Final = "packets are missing from the capture"
MAX_CONNECTIONS = 4_096
MAX_STREAMS = 4_096
MAX_AHEAD = 4 * 1024 * 1024
"""Bytes of a stream that wait for what comes before them."""
MAX_LINE = 4 * 1024 * 1024
CUT_SHORT = 2
"""What tshark ends with where the capture breaks off, which its other reader tells."""
_UDP = 17
_STREAM_FRAMES: Final = range(8, 16)
_FIN, _OFFSET = 1, 4
"""Bits of a STREAM frame's type (RFC 9000, 19.8)."""
_FILTERED = ("-Y", "quic", "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,")


@dataclass(slots=True)
class _Order:
    """One direction of a stream on its way to being in order."""

    next: int = 0
    ahead: dict[int, bytes] = field(default_factory=dict)
    end: int = -1
    waiting: int = 0

    def take(self, at: int, data: bytes, *, fin: bool) -> bytes:
        """What can be told now."""
        if fin:
            self.end = at + len(data)
        if at + len(data) > self.next and len(data) > len(self.ahead.get(at, b"")):
            self.waiting += len(data) - len(self.ahead.get(at, b""))
            self.ahead[at] = data
        return self._joined()

    def _joined(self) -> bytes:
        pieces = []
        while (first := min(self.ahead, default=self.next + 1)) <= self.next:
            data = self.ahead.pop(first)
            self.waiting -= len(data)
            if piece := data[self.next - first :]:
                pieces.append(piece)
                self.next += len(piece)
        return b"".join(pieces)

    def skip(self) -> bytes:
        """Leave a gap behind."""
        self.next = min(self.ahead, default=self.next)
        return self._joined()


@dataclass(slots=True)
class _Connection:
    key: Key
    peer: Peer
    http: http3.Connection
    record: int
    speaks_http: bool = True
    named: bool = False
    gap: bool = False
    closed: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(Direction, 0))
    order: dict[tuple[int, Direction], _Order] = field(default_factory=dict)


def read(path: Path, keylog: Path | None, opened: Opened) -> Iterator[Event]:
    """Yield what the keys open; `opened` then knows these conversations too.

    Raises:
        CorruptCaptureError: tshark fails.
    """
    command = [program(path.name), "-n", "-r", str(path), "-o", "udp.try_heuristic_first:TRUE", *_FILTERED]
    if keylog is not None:
        command += ["-o", f"tls.keylog_file:{keylog}"]
    for name in FIELDS:
        command += ["-e", name]
    process = limited(command)
    connections = Connections(opened)
    try:
        for line in _lines(process):
            yield from connections.feed(line)
        ended = process.wait()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    yield from connections.end()
    if ended not in {0, CUT_SHORT}:
        raise CorruptCaptureError(f"{path.name}: tshark could not read it to its end")


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[list[bytes]]:
    out = process.stdout
    while out is not None and (line := out.readline(MAX_LINE)):
        columns = line.rstrip(b"\n").split(b"\t")
        if len(columns) == len(FIELDS):
            yield columns


class Connections:
    """Takes the lines of tshark, each the columns of `FIELDS`."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._connections: dict[bytes, _Connection] = {}

    def _number(self) -> int:
        self._opened.records += 1
        return self._opened.records - 1

    def feed(self, columns: list[bytes]) -> Iterator[Event]:
        """Take one datagram."""
        try:
            when, (source, target), number = float(columns[0]), _ends(columns), columns[7].partition(b",")[0]
            frames = list(_frames(*columns[11:]))
        except (ValueError, IndexError, binascii.Error):
            return  # an ICMP message that quotes a packet, or two packets whose columns cannot be told apart
        connection = self._connections.get(number)
        if connection is None:
            if len(self._connections) >= MAX_CONNECTIONS:
                yield from self._close(next(iter(self._connections)))
            connection = self._connections[number] = self._begun(source, target)
        direction = Direction.SENT if target == connection.key[2:4] else Direction.RECEIVED
        name = columns[8].partition(b",")[0]
        if name and not connection.named:
            connection.named = True
            host = name.decode("ascii", "backslashreplace").lower()
            connection.peer = connection.http.peer = Peer(host, connection.peer.ip, connection.peer.port)
            self._opened.names[target[0]] = host
            what = (Field(Place.SNI, "", name),)
            yield Exchange(connection.record, when, connection.peer, "quic", what, encrypted=False)
        if columns[9]:
            connection.speaks_http = any(one.startswith(b"h3") for one in columns[9].split(b","))
        if columns[10]:
            connection.closed[direction] += 1
        for stream, at, data, fin in frames:
            if connection.key not in self._opened.streams:
                self._opened.streams |= {connection.key}
            yield from _stream(connection, direction, stream, (at, data, fin), when)

    def _begun(self, source: tuple[bytes, int], target: tuple[bytes, int]) -> _Connection:
        ip = str(ip_address(target[0]))
        peer = Peer(ip, ip, target[1])
        return _Connection((*source, *target, _UDP), peer, http3.Connection(self._number, peer), self._number())

    def _close(self, number: bytes) -> Iterator[Event]:
        connection = self._connections.pop(number)
        if connection.key not in self._opened.streams:
            return  # the reader of packets tells of it
        for (stream, direction), order in connection.order.items():
            while order.ahead:
                connection.gap = True
                yield from _told(connection, direction, stream, order.skip(), None, end=False)
        yield from connection.http.end()
        if any(connection.closed.values()):
            sent, received = connection.closed[Direction.SENT], connection.closed[Direction.RECEIVED]
            yield NotSeen(connection.record, None, connection.peer, "quic", CLOSED, sent, received)
        if connection.gap:
            yield NotSeen(connection.record, None, connection.peer, "quic", MISSING, 0, 0)

    def end(self) -> Iterator[Event]:
        """No more lines."""
        for number in list(self._connections):
            yield from self._close(number)


def _ends(columns: list[bytes]) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
    """Who sent a datagram, and to whom."""
    source, target = columns[1] or columns[2], columns[4] or columns[5]
    return (
        (ip_address(source.decode()).packed, int(columns[3])),
        (ip_address(target.decode()).packed, int(columns[6])),
    )


def _frames(kinds: bytes, streams: bytes, offsets: bytes, data: bytes) -> Iterator[tuple[int, int, bytes, bool]]:
    """(stream, place in it, bytes, whether they are the last) of the STREAM frames among all frames of a datagram.

    An offset stands in the columns only where the frame has one, which its type says.
    """
    if not streams:
        return
    at = iter(offsets.split(b","))
    numbers, pieces = streams.split(b","), data.split(b",")
    several = [kind for kind in map(int, kinds.split(b",")) if kind in _STREAM_FRAMES]
    for kind, stream, piece in zip(several, numbers, pieces, strict=True):
        yield int(stream), int(next(at)) if kind & _OFFSET else 0, binascii.a2b_hex(piece), bool(kind & _FIN)


def _stream(
    connection: _Connection, direction: Direction, stream: int, frame: tuple[int, bytes, bool], when: float
) -> Iterator[Event]:
    at, data, fin = frame
    if len(connection.order) >= MAX_STREAMS:
        connection.order.pop(next(iter(connection.order)))
    order = connection.order.setdefault((stream, direction), _Order())
    ready = order.take(at, data, fin=fin)
    if order.waiting > MAX_AHEAD:
        connection.gap = True
        ready += order.skip()
    end = order.end >= 0 and order.next >= order.end
    if ready or (end and fin):
        yield from _told(connection, direction, stream, ready, when, end=end)


def _told(
    connection: _Connection, direction: Direction, stream: int, data: bytes, when: float | None, *, end: bool
) -> Iterable[Event]:
    if connection.speaks_http:
        return connection.http.feed(direction, stream, data, when, end=end)
    what = Field(Place.PAYLOAD, str(stream), data, direction)
    return (Chunk(connection.record, when, connection.peer, "quic", what, encrypted=True, end=end),)
