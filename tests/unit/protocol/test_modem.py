"""The modem protocol: round trips, and every way a stream can be wrong."""

import itertools
import re
import struct
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol import modem
from sayso.protocol.errors import ProtocolError
from sayso.protocol.modem import (
    MAX_FRAME_BYTES,
    MAX_TEXT_CHARS,
    AskSent,
    Attach,
    Coverage,
    DeleteSms,
    ListSms,
    ModemError,
    ModemFrame,
    ModemProtocolError,
    PhoneFrame,
    SendSms,
    SentStatus,
    SimState,
    SmsAccepted,
    SmsReceived,
    SmsRejected,
    SmsReport,
    encode,
    modem_side_framer,
    phone_side_framer,
)

ALICE = "+447700900001"

refs = st.integers(0, 2**63 - 1)
indexes = st.integers(1, 2**53)
texts = st.text(st.characters(codec="utf-8"), max_size=300)
addresses = st.text(st.characters(codec="utf-8"), min_size=1, max_size=32)
digits = st.text("0123456789", max_size=15)

phone_frames: st.SearchStrategy[PhoneFrame] = st.one_of(
    st.builds(Attach, st.integers(0, 65_535)),
    st.builds(SendSms, refs, addresses, texts, st.booleans()),
    st.builds(ListSms),
    st.builds(DeleteSms, indexes),
    st.builds(AskSent, refs),
)
modem_frames: st.SearchStrategy[ModemFrame] = st.one_of(
    st.builds(
        SimState, st.booleans(), st.booleans(), digits, digits, st.none() | addresses, digits, st.just("Test Network")
    ),
    st.builds(Coverage, st.booleans()),
    st.builds(SmsReceived, indexes, addresses, texts, st.integers(0, 2**40), st.integers(1, 255)),
    st.builds(SmsAccepted, refs),
    st.builds(SmsRejected, refs, st.sampled_from(["no-sim", "no-coverage", "bad-number", "queue-full"])),
    st.builds(SmsReport, refs, st.booleans()),
    st.builds(SentStatus, refs, st.sampled_from(["unknown", "pending", "sent", "delivered", "failed", "unreadable"])),
    st.builds(ModemError, st.sampled_from(["version", "replaced"]), st.text("abc ", max_size=200)),
)


def frame_bytes(*fields: Any) -> bytes:
    body = msgspec.msgpack.encode(fields)
    return struct.pack(">I", len(body)) + body


@given(st.lists(phone_frames, max_size=5), st.lists(st.integers(0, 2_000), max_size=5))
def test_phone_frames_survive_the_way_however_they_are_cut(frames: list[PhoneFrame], cuts: list[int]) -> None:
    stream = b"".join(encode(frame) for frame in frames)
    framer = modem_side_framer()
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    got = [frame for start, end in itertools.pairwise(places) for frame in framer.feed(stream[start:end])]
    framer.end()
    assert got == frames


@given(st.lists(modem_frames, max_size=5))
def test_modem_frames_survive_the_way(frames: list[ModemFrame]) -> None:
    assert phone_side_framer().feed(b"".join(encode(frame) for frame in frames)) == frames


def test_a_stream_split_at_each_byte_gives_the_same_frames() -> None:
    frames: list[PhoneFrame] = [Attach(1), SendSms(2**63 - 1, ALICE, "é😀", True), ListSms(), DeleteSms(7)]
    stream = b"".join(encode(frame) for frame in frames)
    for cut in range(len(stream) + 1):
        framer = modem_side_framer()
        assert framer.feed(stream[:cut]) + framer.feed(stream[cut:]) == frames
    byte_by_byte = modem_side_framer()
    assert [frame for place in range(len(stream)) for frame in byte_by_byte.feed(stream[place : place + 1])] == frames


def test_the_bytes_are_those_of_the_chapter() -> None:
    assert encode(Attach(1)).hex() == "00000009" + "92a661747461636801"
    assert encode(SendSms(5, ALICE, "hi", False)).hex() == (
        "00000019" + "95a473656e6405ad" + ALICE.encode().hex() + "a26869c2"
    )


def test_a_truncated_stream_is_no_frame_and_an_error_at_its_end() -> None:
    stream = encode(SendSms(1, ALICE, "text", True))
    for length in range(1, len(stream)):
        framer = modem_side_framer()
        assert framer.feed(stream[:length]) == []
        with pytest.raises(ModemProtocolError):
            framer.end()


@pytest.mark.parametrize("length", [0, MAX_FRAME_BYTES + 1, 2**32 - 1])
def test_a_length_out_of_bounds_is_refused_before_the_body_comes(length: int) -> None:
    with pytest.raises(ModemProtocolError):
        modem_side_framer().feed(struct.pack(">I", length))


@pytest.mark.parametrize(
    "stream",
    [
        b"\x00\x00\x00\x01\xc1",  # a byte that MessagePack never uses
        frame_bytes("attach"),  # a field missing
        frame_bytes("attach", 1, 1),  # a field too many
        frame_bytes("attach", -1),
        frame_bytes("attach", "1"),
        frame_bytes("attach", True),
        frame_bytes("unheard-of", 1),
        frame_bytes("sim", True, False, "", "", None, "", ""),  # the other direction's
        frame_bytes("ask", 2**63),
        frame_bytes("ask", -1),
        frame_bytes("delete", 0),
        frame_bytes("send", 1, "", "text", True),
        frame_bytes("send", 1, "1" * 33, "text", True),
        frame_bytes("send", 1, ALICE, "x" * (MAX_TEXT_CHARS + 1), True),
        frame_bytes("send", 1, ALICE, b"bytes", True),
        frame_bytes({"attach": 1}),
        b"\x00\x00\x00\x0a" + b"\x95\xa4send\x01\xa1\xff\x00",  # a string that is no UTF-8
        b"\x00\x01\x00\x00" + b"\x91" * 65_536,  # deep nesting
        encode(ListSms())[:3] + b"\x07" + encode(ListSms())[4:] + b"\x00",  # bytes after the value
    ],
)
def test_garbage_is_one_family_of_errors(stream: bytes) -> None:
    with pytest.raises(ModemProtocolError) as caught:
        modem_side_framer().feed(stream)
    assert isinstance(caught.value, ProtocolError)
    assert ALICE not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_give_frames_or_the_one_error(data: bytes) -> None:
    for framer in (modem_side_framer(), phone_side_framer()):
        for stream in (data, struct.pack(">I", len(data)) + data):
            try:
                framer.feed(stream)
            except ModemProtocolError:
                break


def test_after_a_fault_the_stream_stays_lost() -> None:
    framer = modem_side_framer()
    with pytest.raises(ModemProtocolError):
        framer.feed(frame_bytes("nonsense"))
    with pytest.raises(ModemProtocolError):
        framer.feed(encode(ListSms()))
    with pytest.raises(ModemProtocolError):
        framer.end()


@pytest.mark.parametrize(
    "frame",
    [
        SendSms(2**63, ALICE, "text", True),
        SendSms(2**70, ALICE, "text", True),
        SendSms(-1, ALICE, "text", True),
        SendSms(1, "", "text", True),
        SendSms(1, ALICE, "x" * (MAX_TEXT_CHARS + 1), True),
        SendSms(1, ALICE, "\ud800", True),
        SmsReceived(0, ALICE, "text", 1, 1),
        SmsReceived(1, ALICE, "text", 1, 256),
        ModemError("version", "x" * 201),
    ],
)
def test_what_the_other_side_would_refuse_is_not_sent(frame: PhoneFrame | ModemFrame) -> None:
    with pytest.raises(ModemProtocolError) as caught:
        encode(frame)
    assert ALICE not in str(caught.value)


def test_the_longest_text_in_the_widest_characters_fits_into_a_frame() -> None:
    text = "😀" * MAX_TEXT_CHARS
    assert modem_side_framer().feed(encode(SendSms(1, ALICE, text, True))) == [SendSms(1, ALICE, text, True)]


def test_no_number_text_or_identifier_in_a_repr() -> None:
    frames = [
        SendSms(1, ALICE, "secret", True),
        SmsReceived(1, ALICE, "secret", 1, 1),
        SimState(True, False, "001010123456789", "8999901", ALICE, "00100100", "Test"),
    ]
    for frame in frames:
        for private in (ALICE, "secret", "001010123456789", "8999901", "00100100"):
            assert private not in repr(frame)
            assert private not in f"{frame}"


def test_every_frame_is_in_one_of_the_unions() -> None:
    frames = {item for item in vars(modem).values() if isinstance(item, type) and issubclass(item, msgspec.Struct)}
    named = {frame for frame in frames if not frame.__name__.startswith("_")}
    assert named == set(PhoneFrame.__args__) | set(ModemFrame.__args__)


def test_the_chapter_names_every_frame_with_its_fields_every_word_and_these_bytes() -> None:
    chapter = (Path(__file__).parents[3] / "docs" / "reference" / "modem-protocol.md").read_text(encoding="utf-8")
    for kind in (*PhoneFrame.__args__, *ModemFrame.__args__):
        row = next(line for line in chapter.splitlines() if line.startswith(f"| `{kind.__struct_config__.tag}` |"))
        places = [re.search(rf"\b{name}\b", row.split("|")[2]) for name in kind.__struct_fields__]
        assert all(places)
        assert [place.start() for place in places if place] == sorted(place.start() for place in places if place)
    for words in (modem.SentState, modem.RejectReason, modem.ErrorCode):
        assert all(f"`{word}`" in chapter for word in get_args(words))
    for frame in (Attach(1), SendSms(5, ALICE, "hi", False)):
        data = encode(frame).hex()
        assert f"{data[:8]} {data[8:]}" in chapter
