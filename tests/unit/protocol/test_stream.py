"""WebSocket messages: lists of frames, unknown types among them, and cutting a queue into messages."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.errors import FrameError
from sayso.protocol.frames import Ack, CaughtUp, Collect, Deliver, Frame, Hello, Unreadable
from sayso.protocol.limits import LIMITS
from sayso.protocol.stream import FRAMES_PER_MESSAGE, UnknownFrame, batches, client_frames, server_frames, write
from scripts.vector_frames import CLIENT, SERVER
from tests.fuzz.vectors import vectors

ACK = Ack(bytes(16), Unreadable.SHOWN)
COLLECT = Collect(bytes(32))


def message(*frames: object) -> bytes:
    return msgspec.msgpack.encode(frames)


def test_a_message_holds_many_frames_in_order() -> None:
    assert client_frames.read(write(CLIENT)) == list(CLIENT)
    assert server_frames.read(memoryview(write(SERVER))) == list(SERVER)
    assert client_frames.read(bytes.fromhex(vectors("frames")["several"]["message"])) == [CLIENT[3], CLIENT[7]]


def test_an_empty_message_is_a_list_of_none() -> None:
    assert client_frames.read(b"\x90") == []


def test_an_unknown_type_is_named_and_the_others_count() -> None:
    stored = bytes.fromhex(vectors("frames")["unknown_then_ack"]["message"])
    assert client_frames.read(stored) == [UnknownFrame(99), CLIENT[3]]
    assert client_frames.read(message(ACK, [1000, None], COLLECT, [2**64 - 1])) == [
        ACK,
        UnknownFrame(1000),
        COLLECT,
        UnknownFrame(2**64 - 1),
    ]


def test_a_frame_of_the_other_direction_is_unknown_here() -> None:
    assert client_frames.read(message(CaughtUp(), ACK)) == [UnknownFrame(10), ACK]
    assert server_frames.read(message(ACK, CaughtUp())) == [UnknownFrame(9), CaughtUp()]


@pytest.mark.parametrize(
    "element",
    [
        b"\x81\x80\x01",
        b"\x81\x90\x01",
        b"\xd6\xff\xff\xff\xff\xff",
        b"\xd7\xff" + b"\xff" * 8,
        b"\xc7\x0c\xff" + b"\xff" * 12,
        b"\xa1\xff",
        b"\xd4\x05\x00",
        b"\xcb\x7f\xf8" + bytes(6),
    ],
    ids=["map in key", "list in key", "time", "time", "time", "no utf-8", "extension", "nan"],
)
def test_what_an_unknown_frame_holds_is_no_business_of_ours(element: bytes) -> None:
    assert client_frames.read(b"\x92\x92\x63" + element + msgspec.msgpack.encode(ACK)) == [UnknownFrame(99), ACK]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc0",
        b"\x01",
        b"\x80",
        b"\xa1a",
        b"\xc1",
        b"\x91",
        b"\x90\x90",
        message(ACK) + b"\0",
        b"\xdd\xff\xff\xff\xff",
        b"\xdc\xff\xff" + bytes(100),
        b"\x91" * 50_000,
        b"\x91\xdd\xff\xff\xff\xff\x63",
    ],
    ids=lambda data: data[:8].hex(),
)
def test_bytes_that_are_no_list_of_frames_are_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        client_frames.read(data)


@pytest.mark.parametrize("frame", [None, 9, "9", {}, [], [None], ["9"], [True], [9.0], [-1.5], [[9]], [b"\x09"]])
def test_a_frame_without_a_type_ends_it(frame: object) -> None:
    with pytest.raises(FrameError, match="begins with its type"):
        client_frames.read(message(ACK, frame))


def test_a_malformed_frame_of_a_known_type_ends_it_wherever_it_stands() -> None:
    for frames in ([ACK, [9]], [[9], ACK], [[99], [9, b"short", 0]]):
        with pytest.raises(FrameError, match="malformed"):
            client_frames.read(message(*frames))


def test_text_that_is_no_utf8_is_a_malformed_frame() -> None:
    """Python's UnicodeDecodeError is none of msgspec's errors: uncaught, one such frame would end a server's task."""
    with pytest.raises(FrameError, match="malformed"):
        client_frames.read(b"\x91\x94\x01\x01\x91\xa1\xff\xc4\x00")
    with pytest.raises(FrameError, match="malformed"):
        client_frames.read(b"\x91\x94\x11\x02\x00\xa1\xff")


def test_256_kib_are_read_and_one_byte_more_is_not() -> None:
    room = LIMITS.message_bytes - len(message([99, b"x" * 70_000])) + 70_000
    assert client_frames.read(message([99, bytes(room)])) == [UnknownFrame(99)]
    assert len(message([99, bytes(room)])) == LIMITS.message_bytes
    with pytest.raises(FrameError, match="256 KiB"):
        client_frames.read(message([99, bytes(room + 1)]))


def test_as_many_frames_as_a_message_may_hold_are_read_and_one_more_is_not() -> None:
    most: list[Frame] = [CaughtUp()] * FRAMES_PER_MESSAGE
    assert len(server_frames.read(write(most))) == FRAMES_PER_MESSAGE
    with pytest.raises(FrameError, match="too many"):
        server_frames.read(write([*most, CaughtUp()]))
    with pytest.raises(FrameError, match="too many"):
        client_frames.read(message(*([[99]] * (FRAMES_PER_MESSAGE + 1))))


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_a_frame_error(data: bytes) -> None:
    for reader in (client_frames, server_frames):
        try:
            frames = reader.read(data)
        except FrameError:
            continue
        assert all(isinstance(frame, Frame | UnknownFrame) for frame in frames)


@given(st.lists(st.integers(1, LIMITS.envelope_bytes), max_size=60))
def test_a_queue_is_cut_into_messages_that_can_be_read(lengths: list[int]) -> None:
    frames = [Deliver(number.to_bytes(16, "big"), bytes(length)) for number, length in enumerate(lengths)]
    cut = batches(frames, [length + 64 for length in lengths])
    assert [frame for batch in cut for frame in batch] == frames
    assert all(batch for batch in cut)
    for batch in cut:
        assert list(server_frames.read(write(batch))) == list(batch)


def test_many_small_frames_are_cut_by_their_number() -> None:
    frames = [CaughtUp()] * (FRAMES_PER_MESSAGE * 2 + 1)
    cut = batches(frames, [2] * len(frames))
    assert [len(batch) for batch in cut] == [FRAMES_PER_MESSAGE, FRAMES_PER_MESSAGE, 1]
    assert sum(len(server_frames.read(write(batch))) for batch in cut) == len(frames)


def test_nothing_is_cut_into_nothing_and_one_that_is_too_large_stands_alone() -> None:
    assert batches([], []) == []
    frames = [Hello(1, (), b""), CaughtUp()]
    assert batches(frames, [LIMITS.message_bytes, 2]) == [frames[:1], frames[1:]]
