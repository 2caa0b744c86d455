"""The readers of captures on hostile files: events or one of our errors, in bounded time."""

import io
import json
from collections.abc import Iterable

from sayso.audit.adapters import event_wire
from sayso.audit.adapters.readers import dns, flows, formats, har, http1, http2, http3, pcap, quic, raw, tls, websocket
from sayso.audit.adapters.readers.tshark import Opened
from sayso.audit.core import refused
from sayso.audit.core.model import Direction, Event, Peer
from sayso.audit.errors import CaptureError
from tests.fakes import audit_captures as made
from tests.fakes.audit_captures import Call, Wire

MOST_EVENTS = 100_000


def fuzz_one(data: bytes) -> None:
    """The first byte says which reader."""
    body = data[1:]
    try:
        match data[:1]:
            case b"h":
                _exhaust(har.read(io.BytesIO(body).read, "x"))
            case b"f":
                _exhaust(flows.read(io.BytesIO(body).read, "x"))
            case b"p":
                _exhaust(pcap.read(io.BytesIO(body).read, "x"))
            case b"r":
                _exhaust(raw.read(io.BytesIO(body).read, "x"))
            case b"e":
                list(event_wire.Parser().feed(body))
            case _:
                _fuzz_protocol(data[:1], body)
    except CaptureError:
        pass


def _fuzz_protocol(which: bytes, body: bytes) -> None:
    match which:
        case b"2":
            connection = http2.Connection(lambda: 0, Peer("a"), encrypted=True)
            list(connection.feed(Direction.SENT, body, None))
            list(connection.feed(Direction.RECEIVED, body, None))
            list(connection.end())
        case b"3":
            _http3(body)
        case b"q":
            _quic(body)
        case b"1":
            _http1(body)
        case b"w":
            list(websocket.Frames().feed(body))
        case _:
            dns.fields(body, _learn)
            tls.server_name(body)
            list(refused.parse(body.decode("utf-8", "replace")))
            formats.detect(body, "x")


def _quic(body: bytes) -> None:
    connections = quic.Connections(Opened())
    for line in body.split(b"\n"):
        columns = line.split(b"\t")
        if len(columns) == len(quic.FIELDS):
            list(connections.feed(columns))
    list(connections.end())


def _http3(body: bytes) -> None:
    """Pieces for the streams of both directions, each behind the number of its stream and its length."""
    connection = http3.Connection(lambda: 0, Peer("a"))
    while len(body) > 2:
        stream, size, body = body[0], body[1], body[2:]
        direction = Direction.RECEIVED if stream & 0x80 else Direction.SENT
        list(connection.feed(direction, stream & 0x1F, body[:size], None, end=bool(stream & 0x40)))
        body = body[size:]
    list(connection.end())


def _http1(body: bytes) -> None:
    for requests in (True, False):
        half = http1.Half(requests=requests)
        try:
            for at in range(0, len(body), 37):
                list(half.feed(body[at : at + 37]))
        except http1.BrokenStreamError:
            continue
        list(half.end())


def _learn(_address: bytes, _name: str) -> None:
    """Names are not what is tested."""


def _exhaust(events: Iterable[Event]) -> None:
    for number, event in enumerate(events):
        if number > MOST_EVENTS:
            raise AssertionError("no end")
        event_wire.event(event)


def seeds() -> list[bytes]:
    """A small file of each kind."""
    call = Call(url="http://a.example/p?q=1", body=b"imei=490154203237518", headers=(("Cookie", "a=b"),), answer=b"ok")
    wire = Wire()
    sent, received = made.http1(call)
    wire.tcp([(True, sent), (False, received)])
    wire.udp(b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01", dport=53)
    flow = made.netstring(made.flow(call, messages=[(True, b"out")]))
    frame = b"\x00\x00\x05\x00\x01\x00\x00\x00\x01hello"
    entry = {"request": {"url": "https://a/", "headers": [{"name": "a", "value": "b"}]}, "response": {}}
    return [
        b"h" + made.har([call]),
        b"h" + json.dumps({"log": {"entries": [entry, 1, []]}}, indent=1).encode(),
        b"f" + flow + flow,
        b"p" + wire.pcap(),
        b"p" + wire.pcapng(),
        b"r" + b"\xff\xfei\x00m\x00",
        b"e" + event_wire.said(event_wire.END, "") + event_wire.said(event_wire.PROGRESS, 7),
        b"2" + http2.PREFACE + frame + b"\x00\x00\x01\x01\x05\x00\x00\x00\x01\x82",
        b"3\x02\x07\0\x04\x04\x01\x50\0\x06\x01\x40\x08\x01\x03\0\0\xd1\0\x01a",
        b"q1.5\t10.0.0.2\t\t50123\t192.0.2.7\t\t443\t0\ta.example\th3\t\t6,11\t0\t\t01030000d1",
        b"1" + sent + b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"1" + received + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"w\x81\x85\x01\x02\x03\x04abcde\xc1\x01\x00",
        b"d\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x10\x00\x01\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x01\x00\x03\x02hi",
        b"d\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
    ]
