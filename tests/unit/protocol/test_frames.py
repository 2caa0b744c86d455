"""Frames: the bytes of each type, and the bounds of each element."""

import typing

import msgspec
import pytest

from sayso.protocol import frames
from sayso.protocol.errors import FrameError
from sayso.protocol.frames import Frame
from sayso.protocol.limits import LIMITS
from sayso.protocol.stream import Reader, client_frames, server_frames, write
from scripts.vector_frames import CLIENT, ENVELOPE, HANDLE
from scripts.vector_frames import SERVER as FROM_SERVER
from tests.fuzz.vectors import vectors

STORED = vectors("frames")
BOTH: list[tuple[str, Frame, Reader[typing.Any]]] = [
    *(("from_client", frame, client_frames) for frame in CLIENT),
    *(("from_server", frame, server_frames) for frame in FROM_SERVER),
]


WRONG: tuple[object, ...] = (None, 1.5, {}, [None])


def name(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize(("side", "frame", "reader"), BOTH, ids=name)
def test_each_frame_is_that_of_the_vectors_and_comes_back(side: str, frame: Frame, reader: Reader[typing.Any]) -> None:
    stored = next(entry for entry in STORED[side] if entry["frame"] == name(frame))
    assert write([frame]).hex() == stored["message"]
    assert reader.read(bytes.fromhex(stored["message"])) == [frame]


def test_every_frame_has_a_vector_and_a_tag_of_its_own() -> None:
    assert {type(frame) for frame in CLIENT} == set(typing.get_args(frames.ClientFrame))
    assert {type(frame) for frame in FROM_SERVER} == set(typing.get_args(frames.ServerFrame))
    types = {type(frame) for _, frame, _ in BOTH}
    assert {one.__struct_config__.tag for one in types} == set(range(1, len(types) + 1))


@pytest.mark.parametrize(("frame", "reader"), [(frame, reader) for _, frame, reader in BOTH], ids=name)
def test_an_element_more_or_less_is_refused(frame: Frame, reader: Reader[typing.Any]) -> None:
    elements = msgspec.msgpack.decode(write([frame]))[0]
    with pytest.raises(FrameError, match="malformed"):
        reader.read(msgspec.msgpack.encode([[*elements, 0]]))
    if len(elements) > 1:
        with pytest.raises(FrameError, match="malformed"):
            reader.read(msgspec.msgpack.encode([elements[:-1]]))


@pytest.mark.parametrize(("frame", "reader"), [(frame, reader) for _, frame, reader in BOTH], ids=name)
def test_an_element_of_another_type_is_refused(frame: Frame, reader: Reader[typing.Any]) -> None:
    elements = msgspec.msgpack.decode(write([frame]))[0]
    for at in range(1, len(elements)):
        for wrong in WRONG:
            with pytest.raises(FrameError):
                reader.read(msgspec.msgpack.encode([[*elements[:at], wrong, *elements[at + 1 :]]]))


@pytest.mark.parametrize("frame", [frame for _, frame, _ in BOTH], ids=name)
def test_no_frame_shows_a_secret_in_its_repr(frame: Frame) -> None:
    shown = repr(frame)
    assert shown.startswith(f"{name(frame)}(")
    for secret in (HANDLE, ENVELOPE):
        assert repr(secret)[2:10] not in shown
    assert "b'" not in shown
    assert 'b"' not in shown


def part(**changes: object) -> list[object]:
    fields = {"device": bytes(16), "envelope_key": 0, "handle_hash": bytes(32), "envelope": b"x", **changes}
    return list(fields.values())


def deposit(**changes: object) -> bytes:
    fields = {"ref": 1, "token": bytes(33), "ttl_s": 60, "grant": b"", "parts": [part()], "again": False, **changes}
    return msgspec.msgpack.encode([[frames.Deposit.__struct_config__.tag, *fields.values()]])


MANY = LIMITS.devices_per_line


@pytest.mark.parametrize(
    "change",
    [
        {"ref": 2**53 - 1},
        {"grant": bytes(32)},
        {"ttl_s": -5},
        {"parts": [part()] * MANY},
        {"parts": [part(envelope=bytes(LIMITS.envelope_bytes))]},
        {"parts": [part(envelope_key=2**32 - 1)]},
    ],
    ids=lambda change: str(change)[:60],
)
def test_a_deposit_at_its_bounds_is_read(change: dict[str, object]) -> None:
    (frame,) = client_frames.read(deposit(**change))
    assert isinstance(frame, frames.Deposit)


@pytest.mark.parametrize(
    "change",
    [
        {"ref": 0},
        {"ref": 2**53},
        {"ref": -1},
        {"token": bytes(32)},
        {"token": bytes(34)},
        {"grant": bytes(33)},
        {"ttl_s": 2**64 - 1.5},
        {"parts": []},
        {"parts": [part()] * (MANY + 1)},
        {"parts": [part(envelope=b"")]},
        {"parts": [part(envelope=bytes(LIMITS.envelope_bytes + 1))]},
        {"parts": [part(device=bytes(15))]},
        {"parts": [part(handle_hash=bytes(31))]},
        {"parts": [part(envelope_key=2**32)]},
        {"parts": [part(envelope_key=-1)]},
        {"parts": [[*part(), 0]]},
        {"parts": [part()[:3]]},
    ],
    ids=lambda change: str(change)[:60],
)
def test_a_deposit_one_over_its_bounds_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(FrameError, match="malformed"):
        client_frames.read(deposit(**change))


@pytest.mark.parametrize(
    ("frame", "good", "bad"),
    [
        ("Hello", [65535, ["f" * 32] * 16, bytes(32)], [65536, [], b""]),
        ("Hello", [1, [], b""], [0, [], b""]),
        ("Hello", [1, ["f" * 32], b""], [1, ["f" * 33], b""]),
        ("Hello", [1, ["f"] * 16, b""], [1, ["f"] * 17, b""]),
        ("Hello", [1, [], bytes(32)], [1, [], bytes(33)]),
        ("Login", [bytes(16), bytes(64)], [bytes(16), bytes(63)]),
        ("Ack", [bytes(16), 4], [bytes(16), 5]),
        ("Recall", [1, bytes(32)], [1, bytes(31)]),
        ("Ask", [1, bytes(32)], [0, bytes(32)]),
        ("Withdrawn", [bytes(16), True], [bytes(16), 1]),
        ("Collect", [bytes(32)], [bytes(33)]),
        ("Error", [6, 0, "d" * 200], [6, 0, "d" * 201]),
        ("Error", [1, 0, ""], [7, 0, ""]),
    ],
)
def test_client_frames_keep_their_bounds(frame: str, good: list[object], bad: list[object]) -> None:
    tag = getattr(frames, frame).__struct_config__.tag
    (read,) = client_frames.read(msgspec.msgpack.encode([[tag, *good]]))
    assert type(read).__name__ == frame
    with pytest.raises(FrameError, match="malformed"):
        client_frames.read(msgspec.msgpack.encode([[tag, *bad]]))


@pytest.mark.parametrize(
    ("frame", "good", "bad"),
    [
        ("Deposited", [1, 2], [1, 3]),
        ("Refused", [1, 7], [1, 8]),
        ("WrongDevices", [1, [bytes(16)], [], []], [1, [bytes(15)], [], []]),
        ("Deliver", [bytes(16), bytes(65536)], [bytes(16), bytes(65537)]),
        ("Outcome", [0, bytes(32), 9], [0, bytes(32), 10]),
        ("Outcome", [2**53 - 1, bytes(32), 1], [2**53, bytes(32), 1]),
        ("Withdraw", [bytes(16)], [bytes(17)]),
        ("Bye", [4], [5]),
        ("CaughtUp", [], [0]),
    ],
)
def test_server_frames_keep_their_bounds(frame: str, good: list[object], bad: list[object]) -> None:
    tag = getattr(frames, frame).__struct_config__.tag
    (read,) = server_frames.read(msgspec.msgpack.encode([[tag, *good]]))
    assert type(read).__name__ == frame
    with pytest.raises(FrameError, match="malformed"):
        server_frames.read(msgspec.msgpack.encode([[tag, *bad]]))
