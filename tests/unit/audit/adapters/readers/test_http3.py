"""HTTP/3 from the bytes of streams, in whatever pieces and order they come."""

import pylsqpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.adapters.readers.http3 import BROKEN, Connection, varint
from sayso.audit.core.model import Chunk, Direction, Event, Exchange, NotSeen, Peer, Place

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
ASKED = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"a.example:443"),
    (b":path", b"/?id=490154203237518"),
    (b"x-id", b"490154203237518"),
]


def frame(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + (0x4000 | len(data)).to_bytes(2) + data


def fields(event: Event) -> dict[tuple[Place, Direction], bytes]:
    assert isinstance(event, Exchange)
    return {(one.place, one.direction): one.data for one in event.fields}


@pytest.mark.parametrize(
    ("data", "value"),
    [  # RFC 9000, A.1
        (bytes.fromhex("c2197c5eff14e88c"), 151_288_809_941_952_652),
        (bytes.fromhex("9d7f3e7d"), 494_878_333),
        (bytes.fromhex("7bbd"), 15_293),
        (b"\x25", 37),
        (b"\x40\x25", 37),
    ],
)
def test_integers(data: bytes, value: int) -> None:
    assert varint(data) == (value, len(data))
    assert varint(data[:-1]) is None


def asked_with_table(capacity: int = 4096) -> tuple[bytes, bytes]:
    """What the encoder's stream holds, and a block of headers that needs it."""
    encoder = pylsqpack.Encoder()
    entries, block = encoder.apply_settings(capacity, 16), b""
    for stream in (0, 4, 8):
        more, block = encoder.encode(stream, ASKED)
        entries += more
    return entries, block


@given(st.integers(1, 60), st.booleans())
def test_any_cut_gives_the_same(piece: int, late: bool) -> None:  # noqa: FBT001  from hypothesis
    """The entries of the table may come after the headers that need them: they wait, and the body behind them too."""
    entries, block = asked_with_table()
    streams = [(2, b"\x02" + entries), (8, frame(1, block) + frame(0x21, b"grease") + frame(0, b"body"))]
    connection = Connection(lambda: 7, Peer("192.0.2.7", "192.0.2.7", 443))
    events: list[Event] = []
    for number, data in reversed(streams) if late else streams:
        for at in range(0, len(data), piece):
            end = number == 8 and at + piece >= len(data)
            events += connection.feed(SENT, number, data[at : at + piece], 1.5, end=end)
    answer = frame(1, b"\0\0\xd9") + frame(0, b"seen")
    events += connection.feed(RECEIVED, 8, answer, 2.5, end=True)
    events += connection.end()
    assert not any(isinstance(one, NotSeen) for one in events)
    assert b"".join(one.field.data for one in events if isinstance(one, Chunk)) == b"grease"
    (exchange,) = (one for one in events if isinstance(one, Exchange))
    held = fields(exchange)
    assert exchange.peer.host == "a.example"
    assert held[Place.URL, SENT] == b"https://a.example:443/?id=490154203237518"
    assert held[Place.HEADER, SENT] == b"490154203237518"
    assert held[Place.BODY, SENT] == b"body"
    assert held[Place.BODY, RECEIVED] == b"seen"


def test_the_table_is_as_large_as_the_other_side_said() -> None:
    """How a block names its entries depends on it (RFC 9204, 4.5.1.1)."""
    entries, block = asked_with_table(64 * 1024)
    connection = Connection(lambda: 0, Peer("a"))
    list(connection.feed(RECEIVED, 3, b"\0" + frame(4, b"\x01\x80\x01\0\0"), None, end=False))
    list(connection.feed(SENT, 2, b"\x02" + entries, None, end=False))
    list(connection.feed(SENT, 8, frame(1, block), None, end=True))
    (exchange,) = connection.end()
    assert fields(exchange)[Place.HEADER, SENT] == b"490154203237518"


def test_headers_whose_entries_never_come_are_told_and_the_body_is_read() -> None:
    _, block = asked_with_table()
    connection = Connection(lambda: 0, Peer("a"))
    assert list(connection.feed(SENT, 8, frame(1, block) + frame(0, b"body"), None, end=True)) == []
    exchange, unseen = connection.end()
    assert fields(exchange) == {(Place.URL, SENT): b"https://a", (Place.BODY, SENT): b"body"}
    assert isinstance(unseen, NotSeen)
    assert unseen.reason == BROKEN


def test_a_long_body_is_told_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.audit.adapters.readers.http3.MAX_BODY", 10)
    connection = Connection(lambda: 0, Peer("a"))
    head = b"\0" + (0x4000 | 40).to_bytes(2)
    events = [*connection.feed(SENT, 0, head + b"x" * 10, None, end=False)]
    events += connection.feed(SENT, 0, b"y" * 30, None, end=True)
    events += connection.end()
    pieces = [one.field.data for one in events if isinstance(one, Chunk)]
    assert pieces == [b"y" * 30]
    assert fields(events[-1])[Place.BODY, SENT] == b"x" * 10
