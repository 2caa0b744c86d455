"""What is inside an envelope."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.content import (
    Body,
    Content,
    Kind,
    Receipt,
    SmsNotice,
    Text,
    decode_body,
    decode_content,
    encode_body,
    encode_content,
)
from sayso.protocol.errors import ContentError
from sayso.protocol.limits import KIB, LIMITS
from scripts.vector_cast import ALICE, seed
from scripts.vector_frames import BODIES, example_content
from tests.fuzz.vectors import vectors

STORED = vectors("content")


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_each_kind_is_that_of_the_vectors_and_comes_back(kind: Kind, body: Body) -> None:
    stored = next(entry for entry in STORED["contents"] if entry["kind"] == kind.name)
    content = example_content(kind, encode_body(body))
    assert encode_content(content).hex() == stored["content"]
    assert decode_content(bytes.fromhex(stored["content"])) == content
    assert decode_body(content) == body


def test_every_kind_has_a_vector() -> None:
    assert [kind for kind, _ in BODIES] == list(Kind)


def test_an_unknown_kind_or_version_is_kept_and_not_read() -> None:
    newer = decode_content(bytes.fromhex(STORED["unknown_kind"]["content"]))
    assert newer.kind == 500
    assert decode_body(newer) is None
    assert decode_body(example_content(Kind.TEXT, b"\xff\xff", version=2)) is None


@given(st.text(max_size=500))
def test_any_text_comes_back(text: str) -> None:
    assert decode_body(example_content(Kind.TEXT, encode_body(Text(text)))) == Text(text)


@pytest.mark.parametrize("sign", ["a", "é", "\u20ac", "\U0001f600"], ids=["1 byte", "2 bytes", "3 bytes", "4 bytes"])
def test_48_kib_of_utf8_fit_and_one_sign_more_does_not(sign: str) -> None:
    most = sign * (LIMITS.body_bytes // len(sign.encode()))
    assert len(most.encode()) == 48 * KIB
    content = example_content(Kind.TEXT, encode_body(Text(most)))
    assert decode_body(decode_content(encode_content(content))) == Text(most)
    with pytest.raises(ContentError, match="48 KiB"):
        encode_body(Text(most + "a"))


def test_a_peer_that_sends_more_than_48_kib_is_refused() -> None:
    body = msgspec.msgpack.encode(["a" * (48 * KIB + 1)])
    with pytest.raises(ContentError, match="48 KiB"):
        decode_body(example_content(Kind.TEXT, body))


def test_a_body_of_56_kib_is_kept_and_one_byte_more_is_refused() -> None:
    assert decode_content(encode_content(example_content(500, bytes(56 * KIB)))).kind == 500
    with pytest.raises(ContentError):
        decode_content(encode_content(example_content(500, bytes(56 * KIB + 1))))


def test_a_text_that_is_no_unicode_is_refused_and_not_quoted() -> None:
    with pytest.raises(ContentError) as caught:
        encode_body(Text("half a pair: \ud83d"))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.TEXT, b""),
        (Kind.TEXT, b"\x90"),
        (Kind.TEXT, b"\x91\x01"),
        (Kind.TEXT, b"\x91\xa1\xff"),
        (Kind.TEXT, b"\x91\xa3\xed\xa0\x80"),
        (Kind.TEXT, b"\x92\xa1a\xa1b"),
        (Kind.TEXT, b"\x91\xa1a\0"),
        (Kind.TEXT, b"\xa1a"),
        (Kind.DELIVERED, b"\x91\x90"),
        (Kind.READ, msgspec.msgpack.encode([[bytes(15)]])),
        (Kind.READ, msgspec.msgpack.encode([[bytes(16)] * 257])),
        (Kind.SMS_NOTICE, msgspec.msgpack.encode([bytes(16), bytes(32), 0])),
        (Kind.SMS_NOTICE, msgspec.msgpack.encode([bytes(16), bytes(32), 256])),
        (Kind.SMS_NOTICE, msgspec.msgpack.encode([bytes(16), bytes(31), 1])),
        (Kind.SMS_NOTICE, b"\x91" * 5000),
    ],
)
def test_a_body_that_is_not_what_its_kind_says_is_refused(kind: Kind, body: bytes) -> None:
    with pytest.raises(ContentError) as caught:
        decode_body(example_content(kind, body))
    assert caught.value.__cause__ is None


def test_as_many_receipts_as_may_be_unacknowledged_fit_into_one() -> None:
    receipt = Receipt([seed(f"id {number}", 16) for number in range(LIMITS.unacknowledged_envelopes)])
    assert decode_body(example_content(Kind.READ, encode_body(receipt))) == receipt


def test_the_bounds_of_parts_are_taken() -> None:
    for parts in (1, 255):
        notice = SmsNotice(bytes(16), bytes(32), parts)
        assert decode_body(example_content(Kind.SMS_NOTICE, encode_body(notice))) == notice


def raw(**changes: object) -> bytes:
    """A content with some elements replaced, encoded without any check."""
    content = example_content(Kind.TEXT, encode_body(Text("hello")))
    fields = {name: getattr(content, name) for name in content.__struct_fields__}
    return msgspec.msgpack.encode(list({**fields, **changes}.values()))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"version": 256},
        {"kind": -1},
        {"kind": 65536},
        {"message_id": bytes(15)},
        {"message_id": "sixteen letters!"},
        {"counter": -1},
        {"counter": 2**53},
        {"sent_at_ms": 2**53},
        {"sent_at_ms": 1.0},
        {"statement_digest": bytes(33)},
        {"salt": b""},
        {"grant": bytes(33)},
        {"sender": ["+447700900123"]},
        {"sender": ["+" + "1" * 16, bytes(33), bytes(16), bytes(32), bytes(32)]},
        {"recipient": None},
        {"more": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_bounds_of_a_content_are_kept(change: dict[str, object]) -> None:
    assert decode_content(raw()).counter == 1
    with pytest.raises(ContentError):
        decode_content(raw(**change))


@pytest.mark.parametrize("data", [b"", b"\x91" * 100_000, raw() + b"\0", raw()[:-1], b"\xdd\xff\xff\xff\xff"])
def test_bytes_that_are_no_content_are_refused(data: bytes) -> None:
    with pytest.raises(ContentError):
        decode_content(data)


def test_a_number_that_is_no_utf8_is_refused_in_the_same_way() -> None:
    party = b"\x95\xa1\xff\xc4\x21" + bytes(33) + b"\xc4\x10" + bytes(16) + (b"\xc4\x20" + bytes(32)) * 2
    with pytest.raises(ContentError):
        decode_content(b"\x9b\x01\x01\xc4\x10" + bytes(16) + party * 2)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(ContentError):
        decode_content(data)


def test_neither_text_nor_number_shows_in_a_repr() -> None:
    content: Content = example_content(Kind.TEXT, encode_body(Text("hello")))
    for shown in (repr(content), repr(ALICE.party), repr(Text("hello"))):
        assert "7700" not in shown
        assert "hello" not in shown
