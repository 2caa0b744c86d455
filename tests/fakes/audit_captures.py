"""Captures of one's own making: the same exchanges as HAR, as flows of mitmproxy, as packets, as text."""

import base64
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dpkt

START = 1_790_000_000.0
PHONE, SERVER = b"\x0a\x00\x00\x02", b"\xc0\x00\x02\x07"
Netstring = bytes | str | int | float | bool | None | list["Netstring"] | dict[str, "Netstring"]


@dataclass(frozen=True)
class Call:
    """One HTTP exchange."""

    url: str = "https://tracker.example/p"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    answer: bytes = b""
    answer_headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    time: float = START

    @property
    def host(self) -> str:
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def path(self) -> str:
        return "/" + self.url.partition("://")[2].partition("/")[2]


def har(calls: Iterable[Call]) -> bytes:
    """As a browser saves them; bodies in base64, as some tools do."""
    entries = [
        {
            "startedDateTime": "2026-09-21T14:13:20.000Z",
            "request": {
                "method": call.method,
                "url": call.url,
                "httpVersion": "HTTP/1.1",
                "headers": [{"name": name, "value": value} for name, value in call.headers],
                "queryString": [],
                "postData": {"mimeType": "x", "text": base64.b64encode(call.body).decode(), "encoding": "base64"},
            },
            "response": {
                "status": 200,
                "statusText": "OK",
                "headers": [{"name": name, "value": value} for name, value in call.answer_headers],
                "content": {"size": 1, "text": base64.b64encode(call.answer).decode(), "encoding": "base64"},
            },
        }
        for call in calls
    ]
    return json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()


def netstring(value: Netstring) -> bytes:
    """A tagged netstring (tnetstrings.info), with mitmproxy's `;` for text."""
    match value:
        case None:
            data, sign = b"", b"~"
        case bool():
            data, sign = str(value).lower().encode(), b"!"
        case int():
            data, sign = str(value).encode(), b"#"
        case float():
            data, sign = repr(value).encode(), b"^"
        case bytes():
            data, sign = value, b","
        case str():
            data, sign = value.encode(), b";"
        case list():
            data, sign = b"".join(netstring(one) for one in value), b"]"
        case dict():
            data = b"".join(netstring(key) + netstring(one) for key, one in value.items())
            sign = b"}"
    return b"%d:" % len(data) + data + sign


def _pairs(headers: Sequence[tuple[str, str]]) -> list[Netstring]:
    return [[name.encode(), value.encode()] for name, value in headers]


def flow(call: Call, messages: Sequence[tuple[bool, bytes]] = ()) -> dict[str, Netstring]:
    """An HTTP flow of format 21."""
    tls = call.url.startswith("https")
    port = 443 if tls else 80
    socket: Netstring = None
    if messages:
        socket = {"messages": [[2, sent, data, call.time, False, False] for sent, data in messages]}
    return {
        "version": 21,
        "type": "http",
        "websocket": socket,
        "request": {
            "path": call.path.encode(),
            "authority": b"",
            "scheme": b"https" if tls else b"http",
            "method": call.method.encode(),
            "port": port,
            "host": call.host,
            "timestamp_start": call.time,
            "content": call.body,
            "headers": _pairs((("Host", call.host), *call.headers)),
            "http_version": b"HTTP/1.1",
        },
        "response": {
            "reason": b"OK",
            "status_code": 200,
            "content": call.answer,
            "headers": _pairs(call.answer_headers),
            "http_version": b"HTTP/1.1",
        },
        "server_conn": {"address": [call.host, port], "peername": ["192.0.2.7", port], "sni": call.host, "tls": tls},
        "client_conn": {"mitmcert": "-----BEGIN CERTIFICATE-----"},
        "error": None,
    }


def flows(calls: Iterable[Call]) -> bytes:
    """A flow file."""
    return b"".join(netstring(flow(call)) for call in calls)


def http1(call: Call) -> tuple[bytes, bytes]:
    """The bytes of both directions."""
    sent = f"{call.method} {call.path} HTTP/1.1\r\nHost: {call.host}\r\n"
    sent += "".join(f"{name}: {value}\r\n" for name, value in call.headers)
    sent += f"Content-Length: {len(call.body)}\r\n\r\n"
    received = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in call.answer_headers)
    received += f"Content-Length: {len(call.answer)}\r\n\r\n"
    return sent.encode() + call.body, received.encode() + call.answer


class Wire:
    """Makes packets: Ethernet, IPv4, TCP or UDP."""

    def __init__(self) -> None:
        self.packets: list[tuple[float, bytes]] = []
        self._port = 40_000

    def add(self, source: bytes, target: bytes, transport: object, protocol: int, time: float = START) -> None:
        """Put a segment or datagram on the wire."""
        ip = dpkt.ip.IP(src=source, dst=target, p=protocol, data=transport)
        ip.len = len(bytes(ip))
        self.packets.append((time, bytes(dpkt.ethernet.Ethernet(data=ip, type=dpkt.ethernet.ETH_TYPE_IP))))

    def udp(self, data: bytes, *, sport: int = 40_001, dport: int = 9999, back: bool = False) -> None:
        """One datagram of the phone, or to it."""
        datagram = dpkt.udp.UDP(sport=dport if back else sport, dport=sport if back else dport, data=data)
        datagram.ulen = 8 + len(data)
        self.add(*((SERVER, PHONE) if back else (PHONE, SERVER)), datagram, dpkt.ip.IP_PROTO_UDP)

    def tcp(
        self, turns: Iterable[tuple[bool, bytes]], *, dport: int = 80, size: int = 1400, time: float = START
    ) -> None:
        """A connection: (sent by the phone, bytes) in turns."""
        self._port += 1
        port, numbers = self._port, {True: 1_000, False: 4_294_967_000}

        def segment(*, sent: bool, flags: int, data: bytes = b"") -> None:
            tcp = dpkt.tcp.TCP(
                sport=port if sent else dport, dport=dport if sent else port, seq=numbers[sent], flags=flags, data=data
            )
            self.add(*((PHONE, SERVER) if sent else (SERVER, PHONE)), tcp, dpkt.ip.IP_PROTO_TCP, time)
            numbers[sent] = numbers[sent] + len(data) + bool(flags & dpkt.tcp.TH_SYN) & 0xFFFFFFFF

        segment(sent=True, flags=dpkt.tcp.TH_SYN)
        segment(sent=False, flags=dpkt.tcp.TH_SYN | dpkt.tcp.TH_ACK)
        for sent, data in turns:
            for at in range(0, len(data), size):
                segment(sent=sent, flags=dpkt.tcp.TH_ACK, data=data[at : at + size])
        segment(sent=True, flags=dpkt.tcp.TH_FIN | dpkt.tcp.TH_ACK)

    def pcap(self, *, order: str = "<", nano: bool = False) -> bytes:
        """The classic file."""
        unit = 1e9 if nano else 1e6
        out = [struct.pack(f"{order}IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
        for time, data in self.packets:
            part = round((time % 1) * unit)
            out.append(struct.pack(f"{order}IIII", int(time), part, len(data), len(data)) + data)
        return b"".join(out)

    def pcapng(self, *, order: str = "<") -> bytes:
        """The next generation, with an option of the interface and a block that nobody knows."""

        def block(kind: int, body: bytes) -> bytes:
            body += b"\0" * (-len(body) % 4)
            size = struct.pack(f"{order}I", len(body) + 12)
            return struct.pack(f"{order}I", kind) + size + body + size

        out = [block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))]
        out.append(block(1, struct.pack(f"{order}HHI", 1, 0, 0) + struct.pack(f"{order}HHB3x", 9, 1, 9)))
        out.append(block(0x0BAD, b"what is this"))
        for time, data in self.packets:
            stamp = round(time * 1e9)
            head = struct.pack(f"{order}IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
            out.append(block(6, head + data))
        return b"".join(out)


def packets(calls: Iterable[Call]) -> bytes:
    """A pcap with a connection for each exchange, in the clear."""
    wire = Wire()
    for call in calls:
        sent, received = http1(call)
        wire.tcp([(True, sent), (False, received)], time=call.time)
    return wire.pcap()
