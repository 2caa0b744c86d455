"""The checks of one content; whole envelopes, and forgeries of them, are in tests/unit/phone/line/test_inbox.py."""

from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sayso.phone.core.incoming import (
    NewerKindCame,
    NoticeCame,
    Proven,
    ReceiptsCame,
    TextCame,
    UnreadableError,
    check_certificate,
    check_content,
    may_be_told,
    wants_receipt,
    words_about,
)
from sayso.phone.core.peers import Peer
from sayso.phone.core.texts import Word
from sayso.protocol.certificate import Certificate, commitment, issue
from sayso.protocol.content import VERSION, Content, Kind, Party, Receipt, SmsNotice, Text, encode_body, encode_content
from sayso.protocol.envelope import Inner
from sayso.protocol.frames import Unreadable
from sayso.protocol.ids import KeyDigest
from sayso.protocol.numbers import PhoneNumber

NOW = 1_800_000_000
SENDER = Party("+447700900101", b"\x01" + b"a" * 32, b"a" * 16, b"e" * 32, b"c" * 32)
ME = Party("+447700900102", b"\x01" + b"b" * 32, b"b" * 16, b"f" * 32, b"d" * 32)
SALT = b"s" * 32
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
SERVER = KeyDigest(b"k" * 32)
CERTIFICATE = Certificate(
    epoch=1,
    token=SENDER.token,
    commitment=commitment(SALT, PhoneNumber(SENDER.number)),
    device=SENDER.device,
    ed25519=SENDER.ed25519,
    curve25519=SENDER.curve25519,
    expires=NOW + 1000,
)
CONTENT = Content(
    version=VERSION,
    kind=Kind.TEXT,
    message_id=b"m" * 16,
    sender=SENDER,
    recipient=ME,
    counter=1,
    sent_at_ms=NOW * 1000,
    statement_digest=b"S" * 32,
    salt=SALT,
    grant=b"",
    body=encode_body(Text("hello")),
)
PEER = Peer(line=bytes(16), number=SENDER.number)


def check(content: Content) -> Proven:
    return check_content(encode_content(content), certificate=CERTIFICATE, me=ME, now=NOW)


def test_a_genuine_text() -> None:
    proven = check(CONTENT)
    assert isinstance(proven.what, TextCame)
    assert proven.what.text == "hello"
    assert wants_receipt(proven.what)


@pytest.mark.parametrize(("kind", "read"), [(Kind.DELIVERED, False), (Kind.READ, True)])
def test_receipts(kind: Kind, read: bool) -> None:  # noqa: FBT001  the parameter's name says it
    body = encode_body(Receipt([b"1" * 16]))
    what = check(msgspec.structs.replace(CONTENT, kind=kind, body=body)).what
    assert what == ReceiptsCame(message_ids=(b"1" * 16,), read=read)
    assert not wants_receipt(what)


def test_what_this_version_does_not_know_is_kept() -> None:
    for content in (
        msgspec.structs.replace(CONTENT, kind=99, body=b"anything"),
        msgspec.structs.replace(CONTENT, version=2, body=b"anything"),
    ):
        assert check(content).what == NewerKindCame()


def test_a_notice_is_no_message_and_causes_no_receipt() -> None:
    notice = SmsNotice(bytes(16), bytes(32), 1)
    content = msgspec.structs.replace(CONTENT, kind=Kind.SMS_NOTICE, body=encode_body(notice))
    what = check(content).what
    assert what == NoticeCame(notice=notice)
    assert not wants_receipt(what)


@pytest.mark.parametrize("field", ["token", "device", "ed25519", "curve25519", "number"])
def test_every_field_of_the_sender_counts(field: str) -> None:
    other = "+447700900103" if field == "number" else b"x" * len(getattr(SENDER, field))
    with pytest.raises(UnreadableError) as refused:
        check(msgspec.structs.replace(CONTENT, sender=msgspec.structs.replace(SENDER, **{field: other})))
    assert refused.value.code is Unreadable.CERTIFICATE


@pytest.mark.parametrize("field", ["token", "device", "ed25519", "curve25519", "number"])
def test_every_field_of_the_recipient_counts(field: str) -> None:
    other = "+447700900103" if field == "number" else b"x" * len(getattr(ME, field))
    with pytest.raises(UnreadableError) as refused:
        check(msgspec.structs.replace(CONTENT, recipient=msgspec.structs.replace(ME, **{field: other})))
    assert refused.value.code is Unreadable.MALFORMED


def test_a_sender_whose_number_is_none() -> None:
    with pytest.raises(UnreadableError):
        check(msgspec.structs.replace(CONTENT, sender=msgspec.structs.replace(SENDER, number="112")))


@given(st.binary(max_size=300))
def test_any_bytes_raise_one_family(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        check_content(data, certificate=CERTIFICATE, me=ME, now=NOW)


def test_a_certificate_is_checked_before_the_ratchet() -> None:
    wire = issue(CERTIFICATE, KEY, server=SERVER)
    inner = Inner(0, b"", SENDER.token, SENDER.device, wire)
    public = KEY.public_key().public_bytes_raw()
    assert check_certificate(inner, certificate_key=public, server=SERVER, now=NOW) == CERTIFICATE
    for bad in (
        msgspec.structs.replace(inner, device=ME.device),
        msgspec.structs.replace(inner, token=ME.token),
        msgspec.structs.replace(inner, certificate=wire[:-1]),
        msgspec.structs.replace(inner, certificate=b""),
    ):
        with pytest.raises(UnreadableError):
            check_certificate(bad, certificate_key=public, server=SERVER, now=NOW)
    with pytest.raises(UnreadableError):
        check_certificate(inner, certificate_key=bytes(32), server=SERVER, now=NOW)
    with pytest.raises(UnreadableError):
        check_certificate(inner, certificate_key=public, server=SERVER, now=NOW + 10**7)


def test_words_about_a_peer() -> None:
    proven = check(CONTENT)
    assert words_about(PEER, proven) == []
    known = replace(PEER, device=b"o" * 16, ed25519=b"o" * 32, curve25519=b"o" * 32)
    assert words_about(known, proven) == [Word.KEY_CHANGED]


def test_who_is_told() -> None:
    assert not may_be_told(PEER, is_contact=False, is_blocked=False)
    assert may_be_told(PEER, is_contact=True, is_blocked=False)
    assert not may_be_told(PEER, is_contact=True, is_blocked=True)
    assert may_be_told(replace(PEER, written=True), is_contact=False, is_blocked=False)
