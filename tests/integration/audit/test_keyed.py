"""TLS and QUIC that a key log opens, through tshark: real connections, made in memory."""

import shutil
import ssl
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest

from sayso.audit import app
from sayso.audit.adapters.capture import FileCapture
from sayso.audit.adapters.readers import quic, tshark
from sayso.audit.adapters.readers.connection import NO_KEYS
from sayso.audit.core.model import Direction, Event, Exchange, NotSeen, Place
from sayso.audit.core.seed_types import SeedSet
from sayso.audit.errors import CorruptCaptureError
from tests.accounting import not_tested
from tests.fakes import keyed_captures as made
from tests.fakes.audit_captures import Call, Wire, http1
from tests.fakes.audit_world import SEEDS

CALLS = [
    Call(
        url=f"https://{made.HOST}/p?imei=490154203237518&n={number}",
        headers=(("Cookie", "uid=490154203237518"), ("Content-Type", "text/plain")),
        body=b"words " * 900 + b"imei=490154203237518",
        answer=b"read " * 900 + b"490154203237518",
        answer_headers=(("Content-Type", "text/plain"),),
    )
    for number in range(4)
]


@pytest.fixture(autouse=True)
def program() -> None:
    if shutil.which(tshark.PROGRAM) is None:
        not_tested("tshark is missing: apt-get install tshark")


def read(capture: Path, keylog: Path | None) -> list[Event]:
    return list(FileCapture(capture, keylog=keylog).events(app.Silent()))


def asked(events: Iterable[Event]) -> list[Exchange]:
    return [one for one in events if isinstance(one, Exchange) and one.method]


def unseen(events: Iterable[Event]) -> set[tuple[str, str, str]]:
    return {(one.peer.host, one.protocol, one.reason) for one in events if isinstance(one, NotSeen)}


def places(exchange: Exchange) -> dict[tuple[Place, Direction], bytes]:
    return {(field.place, field.direction): field.data for field in exchange.fields}


class TestQuic:
    def test_every_exchange_is_read_whole(self, tmp_path: Path) -> None:
        events = read(*made.quic(CALLS).put(tmp_path))
        found = sorted(asked(events), key=lambda one: one.record)
        assert len(found) == len(CALLS)
        for call, exchange in zip(CALLS, found, strict=True):
            held = places(exchange)
            assert held[Place.URL, Direction.SENT] == call.url.encode()
            assert held[Place.COOKIE, Direction.SENT] == b"uid=490154203237518"
            assert held[Place.BODY, Direction.SENT] == call.body
            assert held[Place.BODY, Direction.RECEIVED] == call.answer
            assert (exchange.peer.host, exchange.protocol, exchange.encrypted) == (made.HOST, "http/3", True)
        assert len({one.record for one in found}) == len(CALLS)
        assert unseen(events) == set()

    def test_the_seed_is_found_in_every_place(self, tmp_path: Path) -> None:
        capture, keys = made.quic(CALLS).put(tmp_path)
        report = app.scan([capture], SeedSet(SEEDS), options=app.Options(keylog=keys)).report
        found = {
            (one.place, one.direction) for one in report.findings if one.seed == "imei" and one.chain == ("plain",)
        }
        sent, received = Direction.SENT, Direction.RECEIVED
        assert found == {(Place.URL, sent), (Place.COOKIE, sent), (Place.BODY, sent), (Place.BODY, received)}
        assert all(one.encrypted_on_wire for one in report.findings)
        assert report.not_seen_into == ()

    def test_without_its_keys_it_is_not_seen_into(self, tmp_path: Path) -> None:
        capture, _ = made.quic(CALLS[:1]).put(tmp_path)
        assert unseen(read(capture, None)) == {("192.0.2.7", "quic", "QUIC without its keys")}

    def test_with_the_keys_of_another_it_is_not_seen_into_and_named(self, tmp_path: Path) -> None:
        capture, keys = made.quic(CALLS[:1]).put(tmp_path)
        keys.write_text(made.quic(CALLS[:1]).keylog)
        events = read(capture, keys)
        assert asked(events) == []
        assert unseen(events) == {(made.HOST, "quic", "QUIC without its keys")}

    def test_a_lost_datagram_is_told_and_the_rest_is_read(self, tmp_path: Path) -> None:
        sizes = len(made.quic(CALLS).wire.packets)
        capture, keys = made.quic(CALLS, lose=lambda number: number == sizes // 2).put(tmp_path)
        events = read(capture, keys)
        assert len(asked(events)) == len(CALLS)
        assert (made.HOST, "quic", quic.MISSING) in unseen(events)

    def test_beside_traffic_in_the_clear(self, tmp_path: Path) -> None:
        keyed = made.quic(CALLS[:1])
        sent, received = http1(Call(url="http://plain.example/x"))
        keyed.wire.tcp([(True, sent), (False, received)])
        found = asked(read(*keyed.put(tmp_path)))
        assert {one.peer.host for one in found} == {made.HOST, "plain.example"}
        assert len({one.record for one in found}) == len(found)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


class TestTls:
    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
    @pytest.mark.parametrize("dport", [443, 8443, 5222])
    def test_http_is_read_once_on_any_port(self, tmp_path: Path, version: ssl.TLSVersion, dport: int) -> None:
        """A body that tshark put together itself was told twice, and on a port of its own nothing was told."""
        turns = [(sent, data) for call in CALLS for sent, data in zip((True, False), http1(call), strict=True)]
        events = read(*made.tls(turns, tmp_path, version=version, dport=dport).put(tmp_path))
        found = asked(events)
        assert [places(one)[Place.BODY, Direction.SENT] for one in found] == [call.body for call in CALLS]
        assert [places(one)[Place.BODY, Direction.RECEIVED] for one in found] == [call.answer for call in CALLS]
        assert {(one.peer.host, one.encrypted) for one in found} == {(made.HOST, True)}
        assert unseen(events) == set()

    def test_http2(self, tmp_path: Path) -> None:
        request = b"\x82\x87\x84\x41\x0ftracker.example\x40\x06x-imei\x0f490154203237518"
        turns = [
            (True, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, request)),
            (True, frame(0, 1, 1, b"imei=490154203237518")),
            (False, frame(4, 0, 0, b"") + frame(1, 4, 1, b"\x88") + frame(0, 1, 1, b"seen 490154203237518")),
        ]
        events = read(*made.tls(turns, tmp_path, version=ssl.TLSVersion.TLSv1_3).put(tmp_path))
        (found,) = asked(events)
        assert found.protocol == "http/2"
        assert places(found)[Place.HEADER, Direction.SENT] == b"490154203237518"
        assert places(found)[Place.BODY, Direction.SENT] == b"imei=490154203237518"
        assert places(found)[Place.BODY, Direction.RECEIVED] == b"seen 490154203237518"
        assert unseen(events) == set()

    def test_a_pcapng_that_holds_its_keys_needs_no_log(self, tmp_path: Path) -> None:
        keyed = made.tls(zip((True, False), http1(CALLS[0]), strict=True), tmp_path, version=ssl.TLSVersion.TLSv1_3)
        secrets = keyed.keylog.encode()
        body = struct.pack("<II", 0x544C534B, len(secrets)) + secrets + b"\0" * (-len(secrets) % 4)
        block = struct.pack("<II", 0x0A, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
        packets = keyed.wire.pcapng()
        first = struct.unpack_from("<I", packets, 4)[0]  # behind the section's head
        capture = tmp_path / "own.pcapng"
        capture.write_bytes(packets[:first] + block + packets[first:])
        assert len(asked(read(capture, None))) == 1

    def test_other_keys_open_nothing(self, tmp_path: Path) -> None:
        turns = list(zip((True, False), http1(CALLS[0]), strict=True))
        capture, keys = made.tls(turns, tmp_path, version=ssl.TLSVersion.TLSv1_3).put(tmp_path)
        keys.write_text("CLIENT_RANDOM " + "00" * 32 + " " + "11" * 48 + "\n")
        events = read(capture, keys)
        assert asked(events) == []
        assert unseen(events) == {(made.HOST, "tls", NO_KEYS)}

    def test_without_tshark_the_rest_is_searched_and_the_want_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wire = Wire()
        sent, received = http1(Call(url="http://plain.example/x"))
        wire.tcp([(True, sent), (False, received)])
        capture, keys = made.Keyed(wire, "").put(tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path))
        met: list[Event] = []
        with pytest.raises(CorruptCaptureError, match="apt-get install tshark"):
            met.extend(FileCapture(capture, keylog=keys).events(app.Silent()))
        assert [one.peer.host for one in asked(met)] == ["plain.example"]
