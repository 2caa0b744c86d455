"""Packets to DNS names, datagrams and TCP streams; and what of them nobody can see into."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import dpkt

from sayso.audit.adapters.readers import dns
from sayso.audit.adapters.readers.connection import UNKNOWN, Connection
from sayso.audit.core.decode.tokens import is_text
from sayso.audit.core.model import Direction, Event, Exchange, Field, NotSeen, Peer, Place

MAX_FLOWS = 20_000
"""Conversations that are open at once; the one that was silent longest is closed for a new one."""
MAX_AHEAD = 2 * 1024 * 1024
"""Bytes of a stream that wait for a missing packet."""
MAX_NAMES = 50_000
MAX_FRAGMENTS = 256
_DNS_PORTS: Final = frozenset({53, 5353, 5355})
_KNOWN_PORTS: Final = frozenset({67, 68, 123, 137, 138, 546, 547, 1900})
"""DHCP, NTP, NetBIOS, SSDP: all of a datagram is values in the clear, and was searched."""
_QUIC_PORTS: Final = frozenset({443, 80, 853})
_LINKS: Final[dict[int, Any]] = {
    0: dpkt.loopback.Loopback,
    1: dpkt.ethernet.Ethernet,
    12: dpkt.ip.IP,
    14: dpkt.ip.IP,
    101: dpkt.ip.IP,
    108: dpkt.loopback.Loopback,
    113: dpkt.sll.SLL,
    228: dpkt.ip.IP,
    229: dpkt.ip6.IP6,
    276: dpkt.sll2.SLL2,
}
# What dpkt raises for hostile bytes beside its own error.
_PARSE_ERRORS: Final = (
    dpkt.Error,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
)
Key = tuple[bytes, int, bytes, int, int]
"""(client, its port, server, its port, 6 or 17)"""


@dataclass(slots=True)
class Side:
    """One direction of a TCP connection on its way to being a stream."""

    next: int | None = None
    ahead: dict[int, bytes] = field(default_factory=dict)
    waiting: int = 0

    def take(self, sequence: int, data: bytes, *, syn: bool) -> tuple[bytes, bool]:
        """What of the stream is now known without a gap, and whether a gap had to be skipped."""
        if syn:
            self.next = sequence + 1 & 0xFFFFFFFF
            return b"", False
        if not data:
            return b"", False
        if self.next is None:
            self.next = sequence
        distance = sequence - self.next & 0xFFFFFFFF
        if distance >= 1 << 31:  # before: sent again
            known = (1 << 32) - distance
            if known >= len(data):
                return b"", False
            data, distance = data[known:], 0
        if distance:
            if len(self.ahead.get(sequence, b"")) < len(data):
                self.waiting += len(data) - len(self.ahead.get(sequence, b""))
                self.ahead[sequence] = data
            return self._skip() if self.waiting > MAX_AHEAD else (b"", False)
        self.next = self.next + len(data) & 0xFFFFFFFF
        return data + self._joined(), False

    def _joined(self) -> bytes:
        pieces = []
        while self.ahead and self.next is not None:
            data = self.ahead.pop(self.next, None)
            if data is None:
                old = [at for at in self.ahead if at - self.next & 0xFFFFFFFF >= 1 << 31]
                if not old:
                    break
                piece = self.ahead.pop(old[0])
                self.waiting -= len(piece)
                known = self.next - old[0] & 0xFFFFFFFF
                data = piece[known:]
                if not data:
                    continue
            else:
                self.waiting -= len(data)
            pieces.append(data)
            self.next = self.next + len(data) & 0xFFFFFFFF
        return b"".join(pieces)

    def _skip(self) -> tuple[bytes, bool]:
        start = self.next or 0
        self.next = min(self.ahead, key=lambda at: at - start & 0xFFFFFFFF)
        return self._joined(), True

    def rest(self) -> bytes:
        """What lies beyond gaps, at the end."""
        pieces = []
        while self.ahead:
            pieces.append(self._skip()[0])
        return b"".join(pieces)


@dataclass(slots=True)
class _Tcp:
    connection: Connection
    client: Side = field(default_factory=Side)
    server: Side = field(default_factory=Side)


@dataclass(slots=True)
class _Udp:
    record: int
    peer: Peer
    start: float
    sent: int = 0
    received: int = 0
    quic: bool = False
    foreign: bool = False
    """Whether something came that is neither text nor of a known protocol."""

    def count(self, direction: Direction, size: int) -> None:
        """Bytes that nobody saw into."""
        if direction is Direction.SENT:
            self.sent += size
        else:
            self.received += size


class Packets:
    """Takes packets in the order of the capture."""

    def __init__(
        self, opened: frozenset[Key] = frozenset(), first_record: int = 0, names: Mapping[bytes, str] | None = None
    ) -> None:
        self._opened = opened
        """Conversations that a key log has opened: they are told elsewhere."""
        self._tcp: dict[Key, _Tcp] = {}
        self._udp: dict[Key, _Udp] = {}
        self._names: dict[bytes, str] = dict(names or {})
        self._fragments: dict[tuple[bytes, bytes, int], list[tuple[int, bytes, bool]]] = {}
        self._records = first_record
        self.cut = 0
        """Packets that the capture has not whole."""

    def feed(self, packet: Any) -> Iterator[Event]:
        """Take one packet (`pcap.Packet`)."""
        self.cut += len(packet.data) < packet.length
        try:
            network = _network(packet.link, packet.data)
        except _PARSE_ERRORS:
            network = None
        if network is None:
            return
        source, target = bytes(network.src), bytes(network.dst)
        inner = network.data
        if isinstance(network, dpkt.ip.IP) and (network.mf or network.offset):
            inner = self._whole(network, source, target)
        match inner:
            case dpkt.tcp.TCP():
                yield from self._segment(source, target, inner, packet.time)
            case dpkt.udp.UDP():
                yield from self._datagram(source, target, inner, packet.time)
            case _:
                pass

    def _whole(self, network: Any, source: bytes, target: bytes) -> Any:
        """Put fragments of IPv4 together (RFC 791, 3.2)."""
        key = (source, target, network.id)
        pieces = self._fragments.setdefault(key, [])
        pieces.append((network.offset, bytes(network.data), bool(network.mf)))
        if len(self._fragments) > MAX_FRAGMENTS:
            del self._fragments[next(iter(self._fragments))]
        if len(pieces) > MAX_FRAGMENTS:
            return None
        ordered = sorted(pieces)
        at = 0
        for start, data, _ in ordered:
            if start != at:
                return None
            at += len(data)
        if ordered[-1][2]:
            return None
        self._fragments.pop(key, None)
        whole = b"".join(data for _, data, _ in ordered)
        try:
            return dpkt.udp.UDP(whole) if network.p == dpkt.ip.IP_PROTO_UDP else dpkt.tcp.TCP(whole)
        except _PARSE_ERRORS:
            return None

    def _number(self) -> int:
        self._records += 1
        return self._records - 1

    def _peer(self, address: bytes, port: int) -> Peer:
        ip = _shown(address)
        return Peer(self._names.get(address, ip), ip, port)

    def _segment(self, source: bytes, target: bytes, segment: Any, time: float) -> Iterator[Event]:
        key: Key = (source, segment.sport, target, segment.dport, 6)
        back: Key = (target, segment.dport, source, segment.sport, 6)
        syn, ack = bool(segment.flags & dpkt.tcp.TH_SYN), bool(segment.flags & dpkt.tcp.TH_ACK)
        if key in self._opened or back in self._opened:
            return
        sent = key in self._tcp or (back not in self._tcp and not (syn and ack) and _is_client(source, segment))
        key = key if sent else back
        flow = self._tcp.get(key)
        if flow is not None and syn and not ack and flow.client.next is not None and sent:
            yield from self._close(key)  # the same ports again
            flow = None
        if flow is None:
            if len(self._tcp) >= MAX_FLOWS:
                yield from self._close(next(iter(self._tcp)))
            peer = self._peer(key[2], key[3])
            flow = self._tcp[key] = _Tcp(Connection(self._number, peer, time))
        side = flow.client if sent else flow.server
        direction = Direction.SENT if sent else Direction.RECEIVED
        data, gap = side.take(segment.seq, bytes(segment.data), syn=syn)
        if gap:
            flow.connection.gap()
        if data:
            yield from flow.connection.feed(direction, data, time)
        if segment.flags & dpkt.tcp.TH_RST:
            yield from self._close(key)

    def _close(self, key: Key) -> Iterator[Event]:
        flow = self._tcp.pop(key)
        for side, direction in ((flow.client, Direction.SENT), (flow.server, Direction.RECEIVED)):
            rest = side.rest()
            if rest:
                flow.connection.gap()
                yield from flow.connection.feed(direction, rest, None)
        yield from flow.connection.end()

    def _datagram(self, source: bytes, target: bytes, datagram: Any, time: float) -> Iterator[Event]:
        key: Key = (source, datagram.sport, target, datagram.dport, 17)
        back: Key = (target, datagram.dport, source, datagram.sport, 17)
        data = bytes(datagram.data)
        if key in self._opened or back in self._opened or not data:
            return
        sent = key in self._udp or (back not in self._udp and _is_client(source, datagram))
        key = key if sent else back
        flow = self._udp.get(key)
        if flow is None:
            if len(self._udp) >= MAX_FLOWS:
                yield from _unseen(self._udp.pop(next(iter(self._udp))))
            flow = self._udp[key] = _Udp(self._number(), self._peer(key[2], key[3]), time)
        direction = Direction.SENT if sent else Direction.RECEIVED
        if _DNS_PORTS & {datagram.sport, datagram.dport}:
            fields = dns.fields(data, self._learn)
            if fields:
                yield Exchange(flow.record, time, flow.peer, "dns", fields, encrypted=False)
                return
        if flow.quic or (key[3] in _QUIC_PORTS and data[0] & 0xC0 == 0xC0):  # noqa: PLR2004  RFC 9000, 17.2: a long header
            flow.quic = True
            flow.count(direction, len(data))
            return
        if not is_text(data) and not _KNOWN_PORTS & {key[1], key[3]}:
            flow.foreign = True
            flow.count(direction, len(data))
        yield Exchange(
            flow.record, time, flow.peer, "udp", (Field(Place.PAYLOAD, "", data, direction),), encrypted=None
        )

    def _learn(self, address: bytes, name: str) -> None:
        if len(self._names) < MAX_NAMES:
            self._names[address] = name

    def end(self) -> Iterator[Event]:
        """Everything that is still open ends."""
        for key in list(self._tcp):
            yield from self._close(key)
        for flow in self._udp.values():
            yield from _unseen(flow)
        self._udp.clear()


def _unseen(flow: _Udp) -> Iterator[NotSeen]:
    if flow.quic:
        yield NotSeen(flow.record, flow.start, flow.peer, "quic", "QUIC without its keys", flow.sent, flow.received)
    elif flow.foreign:
        yield NotSeen(flow.record, flow.start, flow.peer, "udp", UNKNOWN, flow.sent, flow.received)


def _network(link: int, data: bytes) -> Any:
    """The IP packet in a frame, or None."""
    layer = _LINKS.get(link)
    if layer is None or not data:
        return None
    if layer is dpkt.ip.IP:  # raw IP of either version
        return dpkt.ip6.IP6(data) if data[0] >> 4 == 6 else dpkt.ip.IP(data)  # noqa: PLR2004  the version
    inner = layer(data).data
    for _ in range(4):
        if isinstance(inner, (dpkt.ip.IP, dpkt.ip6.IP6)):
            return inner
        inner = getattr(inner, "data", None)
    return None


def _is_client(source: bytes, transport: Any) -> bool:
    """Whether who sends the first packet we see is the phone: the higher port, or the private address."""
    if transport.dport in _DNS_PORTS or transport.sport in _DNS_PORTS:
        return transport.sport not in _DNS_PORTS or transport.dport in _DNS_PORTS
    syn = getattr(transport, "flags", 0) & dpkt.tcp.TH_SYN
    return bool(syn or transport.sport >= transport.dport or source[:1] == b"\x0a" or source[:2] == b"\xc0\xa8")


def _shown(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6 if len(address) == 16 else socket.AF_INET, address)  # noqa: PLR2004  IPv6
