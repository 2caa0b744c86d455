"""Each reader of captures says what the file holds, whatever tool wrote it."""

import gzip
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import dpkt
import hpack
import pytest

from sayso.audit.adapters.capture import FileCapture, Limits
from sayso.audit.adapters.readers import flows, formats, har, http2, pcap, raw, tls
from sayso.audit.core.model import Chunk, Direction, Event, Exchange, NotSeen, Place
from sayso.audit.errors import CorruptCaptureError, UnknownFormatError
from tests.fakes import audit_captures as made
from tests.fakes.audit_captures import Call, Wire

Reader = Callable[[Callable[[int], bytes], str], Iterator[Event]]


def read(reader: Reader, data: bytes) -> list[Event]:
    return list(reader(io.BytesIO(data).read, "capture"))


def until_broken(reader: Reader, data: bytes) -> list[Event]:
    events: list[Event] = []
    with pytest.raises(CorruptCaptureError):
        events.extend(reader(io.BytesIO(data).read, "capture"))
    return events


def started(reader: Reader, data: bytes) -> list[Event]:
    """What came before the end or the error."""
    events: list[Event] = []
    try:
        for event in reader(io.BytesIO(data).read, "capture"):
            events.append(event)  # noqa: PERF402  what came before an error counts
    except CorruptCaptureError:
        pass
    return events


def exchanges(events: list[Event]) -> list[Exchange]:
    return [event for event in events if isinstance(event, Exchange)]


def values(events: list[Event], place: Place, direction: Direction = Direction.SENT) -> list[bytes]:
    return [
        field.data
        for event in exchanges(events)
        for field in event.fields
        if field.place is place and field.direction is direction
    ]


CALLS = [
    Call(body=b"imei=490154203237518", headers=(("Cookie", "deviceId=1"), ("X-Tag", "a")), answer=b"\x00\xffanswer"),
    Call(url="http://plain.example/q?n=%2B44", method="GET", answer_headers=(("Set-Cookie", "s=1"),)),
]


@pytest.mark.parametrize("name", ["har", "flows"])
def test_http_is_the_same_from_every_container(name: str) -> None:
    reader, data = {"har": (har.read, made.har(CALLS)), "flows": (flows.read, made.flows(CALLS))}[name]
    events = exchanges(read(reader, data))
    assert [event.record for event in events] == [0, 1]
    assert [event.peer.host for event in events] == ["tracker.example", "plain.example"]
    assert [event.peer.port for event in events] == [443, 80]
    assert [event.encrypted for event in events] == [True, False]
    assert [event.method for event in events] == ["POST", "GET"]
    assert values(list(events), Place.URL) == [b"https://tracker.example/p", b"http://plain.example/q?n=%2B44"]
    assert values(list(events), Place.BODY) == [CALLS[0].body]
    assert values(list(events), Place.COOKIE) == [b"deviceId=1"]
    assert values(list(events), Place.BODY, Direction.RECEIVED) == [CALLS[0].answer]
    assert values(list(events), Place.COOKIE, Direction.RECEIVED) == [b"s=1"]
    assert events[0].time == made.START


class TestHar:
    def test_what_other_tools_write(self) -> None:
        entry = {
            "startedDateTime": "not a time",
            "request": {
                "url": "https://a.example/x",
                "method": "POST",
                "cookies": [{"name": "c", "value": "1"}],
                "queryString": [{"name": "q", "value": "2"}],
                "postData": {"mimeType": "application/x-protobuf", "text": "\x0a\xff"},
            },
            "response": {"redirectURL": "/next"},
            "serverIPAddress": "[2001:db8::1]",
            "_webSocketMessages": [
                {"type": "send", "opcode": 1, "data": "out"},
                {"type": "receive", "opcode": 2, "data": "AP8="},
            ],
        }
        data = b"\xef\xbb\xbf" + json.dumps({"log": {"entries": [entry]}}, indent=2).encode()
        events = read(har.read, data)
        (one,) = exchanges(events)
        assert one.time is None
        assert one.peer.ip == "2001:db8::1"
        assert values(events, Place.URL) == [b"https://a.example/x?q=2"]
        assert values(events, Place.COOKIE) == [b"c=1"]
        assert values(events, Place.BODY) == [b"\x0a\xff"]
        assert values(events, Place.MESSAGE) == [b"out"]
        assert values(events, Place.MESSAGE, Direction.RECEIVED) == [b"\x00\xff"]
        assert values(events, Place.HEADER, Direction.RECEIVED) == [b"/next"]

    def test_an_entry_that_is_none_is_searched_as_text(self) -> None:
        data = b'{"log":{"entries":[{"x": 7}, ["x]"], {"request": 3}, {"request":{"url":"https://a.example/"}}]}}'
        events = started(har.read, data)
        assert len(events) == 4
        assert values(events, Place.PAYLOAD) == [b'{"x": 7}', b'["x]"]', b'{"request": 3}']

    def test_a_file_that_breaks_off_is_searched_to_its_end(self) -> None:
        data = made.har(CALLS)
        for end in range(60, len(data) - 4, 37):
            with pytest.raises(CorruptCaptureError):
                read(har.read, data[:end])
        events = started(har.read, data[:-40])
        assert isinstance(events[-1], Chunk)

    def test_brackets_in_texts_are_no_structure(self) -> None:
        calls = [Call(url='https://a.example/?q=}]"{[\\'), Call(url="https://b.example/")]
        assert [event.peer.host for event in exchanges(read(har.read, made.har(calls)))] == ["a.example", "b.example"]


class TestFlows:
    def test_websocket_tcp_udp_and_dns(self) -> None:
        connection: dict[str, made.Netstring] = {"address": ["a.example", 5222], "tls": False}
        data = made.netstring(made.flow(CALLS[0], messages=[(True, b"out"), (False, b"in")]))
        for kind in ("tcp", "udp"):
            messages: made.Netstring = [[True, b"bytes", 1.5], [False, b"back", 2.5]]
            data += made.netstring({"type": kind, "messages": messages, "server_conn": connection})
        data += made.netstring(
            {
                "type": "dns",
                "request": {"timestamp": 1.0, "questions": [{"name": "x.example"}]},
                "response": {"answers": [{"data": b"\x00\xff\x00\xff"}]},
                "server_conn": connection,
            }
        )
        events = read(flows.read, data)
        assert [event.protocol for event in exchanges(events)] == [
            "http/1.1", "websocket", "websocket", "udp", "udp", "dns",
        ]  # fmt: skip
        assert values(events, Place.MESSAGE) == [b"out"]
        assert values(events, Place.DNS) == [b"x.example"]
        streams = [event for event in events if isinstance(event, Chunk)]
        assert [(one.field.data, one.field.direction.value) for one in streams] == [
            (b"bytes", "sent"),
            (b"back", "received"),
        ]
        assert max(event.record for event in exchanges(events)) == 3

    def test_a_refused_certificate_is_no_acquittal(self) -> None:
        flow = made.flow(CALLS[0])
        flow["error"] = {"msg": "Client TLS handshake failed: certificate unknown", "timestamp": 1.0}
        (unseen,) = [event for event in read(flows.read, made.netstring(flow)) if isinstance(event, NotSeen)]
        assert "pinned" in unseen.reason

    def test_any_cut_leaves_what_came_before(self) -> None:
        data = made.flows(CALLS)
        first = len(made.flows(CALLS[:1]))
        for end in range(first + 30, len(data), 41):
            events = started(flows.read, data[:end])
            assert exchanges(events)[0].peer.host == "tracker.example"

    def test_nonsense_between_flows_is_told(self) -> None:
        with pytest.raises(CorruptCaptureError):
            read(flows.read, made.flows(CALLS) + b"nonsense")
        events = started(flows.read, b"3:abc}" + made.flows(CALLS))
        assert len(events) == 3


class TestPackets:
    @pytest.mark.parametrize("form", ["pcap", "pcap.big-endian", "pcap.nano", "pcapng", "pcapng.big-endian"])
    def test_http_in_every_kind_of_file(self, form: str) -> None:
        wire = Wire()
        sent, received = made.http1(CALLS[0])
        wire.tcp([(True, sent), (False, received)], size=7)
        data = {
            "pcap": wire.pcap(),
            "pcap.big-endian": wire.pcap(order=">"),
            "pcap.nano": wire.pcap(nano=True),
            "pcapng": wire.pcapng(),
            "pcapng.big-endian": wire.pcapng(order=">"),
        }[form]
        assert formats.detect(data, "x") is formats.Format.PCAP
        events = read(pcap.read, data)
        (one,) = exchanges(events)
        assert (one.peer.host, one.peer.ip, one.encrypted, one.time) == (
            "tracker.example",
            "192.0.2.7",
            False,
            made.START,
        )
        assert values(events, Place.BODY) == [CALLS[0].body]
        assert values(events, Place.BODY, Direction.RECEIVED) == [CALLS[0].answer]

    def test_a_body_of_bytes_behind_a_short_head(self) -> None:
        """Its zeros are within the first bytes, which were taken for another protocol."""
        sent = b"POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\n\0\0\0\1"
        wire = Wire()
        wire.tcp([(True, sent), (False, b"HTTP/1.1 204 Done\r\n\r\n")])
        assert values(read(pcap.read, wire.pcap()), Place.BODY) == [b"\0\0\0\1"]

    def test_segments_in_any_order_and_twice(self) -> None:
        wire = Wire()
        sent, received = made.http1(CALLS[0])
        wire.tcp([(True, sent), (False, received)], size=9)
        ordered = wire.packets
        middle = 2 + -(-len(sent) // 9)
        wire.packets = [*ordered[:2], *reversed(ordered[2:middle]), *ordered[4:9], *ordered[middle:]]
        events = read(pcap.read, wire.pcap())
        assert values(events, Place.BODY) == [CALLS[0].body]

    def test_a_missing_packet_is_told(self) -> None:
        wire = Wire()
        wire.tcp([(True, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (False, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000)])
        del wire.packets[4]
        assert any(isinstance(event, NotSeen) for event in read(pcap.read, wire.pcap()))

    def test_several_exchanges_chunked_and_until_the_end(self) -> None:
        answers = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n6;x=1\r\npedia \r\n0\r\n\r\n"
        answers += b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
        answers += b"HTTP/1.0 200 OK\r\n\r\nto the end"
        host = b"Host: a.example\r\n\r\n"
        sent = b"GET /1 HTTP/1.1\r\n" + host + b"HEAD /2 HTTP/1.1\r\n" + host + b"GET /3 HTTP/1.1\r\n\r\n"
        wire = Wire()
        wire.tcp([(True, sent), (False, answers)], size=11)
        events = read(pcap.read, wire.pcap())
        assert [one.method for one in exchanges(events)] == ["GET", "HEAD", "GET"]
        assert values(events, Place.BODY, Direction.RECEIVED) == [b"Wikipedia ", b"to the end"]
        assert len({one.record for one in exchanges(events)}) == 3

    def test_websocket_masked_and_inflated(self) -> None:
        engine = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = engine.compress(b"imei=490154203237518") + engine.flush(zlib.Z_SYNC_FLUSH)
        packed = packed.removesuffix(b"\x00\x00\xff\xff")
        mask = b"\x01\x02\x03\x04"
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(packed))
        frame = bytes((0xC2, 0x80 | len(masked))) + mask + masked
        upgrade = b"GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
        wire = Wire()
        wire.tcp([(True, upgrade), (False, answer), (True, frame), (False, b"\x01\x02hi\x80\x01!")], size=5)
        events = read(pcap.read, wire.pcap())
        assert values(events, Place.MESSAGE) == [b"imei=490154203237518"]
        assert values(events, Place.MESSAGE, Direction.RECEIVED) == [b"hi!"]

    def test_http2_in_the_clear(self) -> None:
        encoder = hpack.Encoder()

        def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
            return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload

        head = encoder.encode(
            [
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", b"/p"),
                (b":authority", b"h2.example"),
                (b"x-id", b"7"),
            ]
        )
        sent = http2.PREFACE + frame(4, 0, 0, b"") + frame(1, 0, 1, head[:5]) + frame(9, 4, 1, head[5:])
        sent += frame(0, 9, 1, b"\x02body\x00\x00")
        received = frame(1, 4, 1, hpack.Encoder().encode([(b":status", b"200")])) + frame(0, 1, 1, b"back")
        wire = Wire()
        wire.tcp([(True, sent), (False, received)], size=13)
        events = read(pcap.read, wire.pcap())
        (one,) = exchanges(events)
        assert (one.protocol, one.peer.host, one.method) == ("http/2", "h2.example", "POST")
        assert values(events, Place.URL) == [b"http://h2.example/p"]
        assert values(events, Place.BODY) == [b"body"]
        assert b"7" in values(events, Place.HEADER)

    def test_tls_without_keys_is_not_seen_into(self) -> None:
        name = b"secret.example"
        server_name = struct.pack("!HBH", len(name) + 3, 0, len(name)) + name
        extension = struct.pack("!HH", 0, len(server_name)) + server_name
        hello = b"\x03\x03" + bytes(32) + b"\0" + struct.pack("!HH", 2, 0x1301) + b"\x01\0"
        hello += struct.pack("!H", len(extension)) + extension
        body = b"\x01" + len(hello).to_bytes(3) + hello
        record = b"\x16\x03\x01" + struct.pack("!H", len(body)) + body
        assert tls.server_name(record) == name
        wire = Wire()
        refused = b"\x15\x03\x03\x00\x02\x02\x30"
        wire.tcp([(True, record), (False, b"\x16\x03\x03\x00\x02xx"), (True, refused)], dport=443)
        wire.tcp([(False, b"\x17\x03\x03\x00\x20" + bytes(32))], dport=443)
        events = read(pcap.read, wire.pcap())
        assert values(events, Place.SNI) == [name]
        unseen = [event for event in events if isinstance(event, NotSeen)]
        assert [(one.peer.host, "pinned" in one.reason) for one in unseen] == [
            (name.decode(), True),
            ("192.0.2.7", False),
        ]

    def test_dns_names_its_addresses(self) -> None:
        question = dpkt.dns.DNS(qd=[dpkt.dns.DNS.Q(name="a.tracker.example")])
        answer = dpkt.dns.DNS(
            qr=1, qd=question.qd, an=[dpkt.dns.DNS.RR(name="a.tracker.example", type=1, rdata=made.SERVER)]
        )
        wire = Wire()
        wire.udp(bytes(question), dport=53)
        wire.udp(bytes(answer), dport=53, back=True)
        wire.tcp([(True, b"hello, this is a protocol of lines\r\n")], dport=7000)
        events = read(pcap.read, wire.pcap())
        assert values(events, Place.DNS) == [b"a.tracker.example"]
        assert [event.peer.host for event in events if isinstance(event, Chunk)] == ["a.tracker.example"]

    def test_datagrams_and_what_of_them_is_unknown(self) -> None:
        wire = Wire()
        wire.udp(b"imei=490154203237518")
        wire.udp(bytes(range(1, 200)), dport=9998)
        wire.udp(b"\xc3" + bytes(1199), dport=443)
        events = read(pcap.read, wire.pcap())
        assert values(events, Place.PAYLOAD)[0] == b"imei=490154203237518"
        assert {one.reason for one in events if isinstance(one, NotSeen)} == {
            "QUIC without its keys", "an unknown protocol, searched as bytes",
        }  # fmt: skip

    def test_fragments_of_a_datagram(self) -> None:
        wire = Wire()
        datagram = dpkt.udp.UDP(sport=40_001, dport=9999, data=b"imei=" + b"x" * 40 + b"490154203237518")
        datagram.ulen = len(bytes(datagram))
        whole = bytes(datagram)
        for start, end, more in ((0, 32, 1), (32, len(whole), 0)):
            ip = dpkt.ip.IP(
                src=made.PHONE, dst=made.SERVER, p=17, id=7, mf=more, offset=start // 8 * 8, data=whole[start:end]
            )
            ip.len = len(bytes(ip))
            wire.packets.append((1.0, bytes(dpkt.ethernet.Ethernet(data=ip, type=dpkt.ethernet.ETH_TYPE_IP))))
        assert values(read(pcap.read, wire.pcap()), Place.PAYLOAD) == [b"imei=" + b"x" * 40 + b"490154203237518"]

    def test_any_cut_leaves_what_came_before(self) -> None:
        data = made.packets([CALLS[1], CALLS[1]])
        for end in range(30, len(data), 53):
            assert all(isinstance(event, Exchange | NotSeen | Chunk) for event in started(pcap.read, data[:end]))


class TestRaw:
    def test_text_and_utf16(self) -> None:
        (one, end) = read(raw.read, b"imei=1")
        assert isinstance(one, Chunk)
        assert one.field.data == b"imei=1"
        assert isinstance(end, Chunk)
        assert end.end
        wide = read(raw.read, b"\xff\xfe" + "imei=1".encode("utf-16-le"))
        assert isinstance(wide[0], Chunk)
        assert wide[0].field.data == b"imei=1"


class TestFormats:
    @pytest.mark.parametrize(
        ("head", "name", "kind"),
        [
            (b'{"log": {', "a", "har"),
            (b'\xef\xbb\xbf {\n"log"', "a", "har"),
            (b"{}", "a.har", "har"),
            (b"1939:9:websocket", "a", "flows"),
            (b"10.0.0.1 GET /", "a", "raw"),
            (b"", "a", "raw"),
            ("größe".encode("latin-1") * 9, "a", "raw"),
        ],
    )
    def test_a_file_is_known_by_how_it_begins(self, head: bytes, name: str, kind: str) -> None:
        assert formats.detect(head, name).value == kind

    @pytest.mark.parametrize("head", [b"\x00\x01\x02\x03" * 9, gzip.compress(b"x", mtime=0)], ids=["counting", "gzip"])
    def test_anything_else_is_refused_with_advice(self, head: bytes) -> None:
        with pytest.raises(UnknownFormatError, match=r"unpack|--format raw"):
            formats.detect(head, "a")


class TestProcess:
    """The reader has a process of its own, with limits."""

    class Told:
        """Adds up."""

        def __init__(self) -> None:
            self.done = 0

        def advance(self, done: int) -> None:
            self.done += done

    def test_the_same_events_come_out(self, tmp_path: Path) -> None:
        path = tmp_path / "a.har"
        path.write_bytes(made.har(CALLS))
        told = self.Told()
        assert list(FileCapture(path).events(told)) == read(har.read, made.har(CALLS))
        assert told.done == path.stat().st_size

    def test_an_unknown_file_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        path = tmp_path / "odd.bin"
        path.write_bytes(bytes(range(256)))
        with pytest.raises(UnknownFormatError, match=r"odd\.bin"):
            list(FileCapture(path).events(self.Told()))
        with pytest.raises(UnknownFormatError, match="gone"):
            list(FileCapture(tmp_path / "gone").events(self.Told()))

    def test_more_memory_than_allowed_is_a_partial_result(self, tmp_path: Path) -> None:
        path = tmp_path / "a.mitm"
        path.write_bytes(made.flows([CALLS[0], Call(body=b"x" * 60_000_000)]))
        events: list[Event] = []
        with pytest.raises(CorruptCaptureError):
            events += FileCapture(path, limits=Limits(memory_bytes=120 * 1024 * 1024)).events(self.Told())

    def test_more_output_than_allowed_is_a_partial_result(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(b"a" * 3_000_000)
        with pytest.raises(CorruptCaptureError, match="more than it may"):
            list(FileCapture(path, limits=Limits(output_ratio=0, output_bytes=1_000_000)).events(self.Told()))
