"""Envelopes: sizes, padding, and that a seal opens for nobody and nothing else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.certificate import MAX_BYTES as CERTIFICATE_BYTES
from sayso.protocol.content import Kind, Text, encode_body, encode_content
from sayso.protocol.envelope import Address, Inner, seal, unseal
from sayso.protocol.errors import EnvelopeError
from sayso.protocol.ids import DeviceId, KeyDigest, Token, envelope_id
from sayso.protocol.limits import KIB, LIMITS
from sayso.protocol.xwing import OVERHEAD, SealPublicKey
from scripts.vector_cast import ALICE, BOB, REGISTRAR, SERVER, seed
from scripts.vector_frames import example_content
from tests.fuzz.vectors import vectors

KEY = BOB.envelope_key
PUBLIC = SealPublicKey(KEY.public_bytes())
TO = Address(server=SERVER, token=BOB.token, device=BOB.device, key_id=1)
INNER = Inner(0, b"olm", ALICE.token, ALICE.device, b"certificate")
# MessagePack's own bytes around `olm` once it is longer than 255 bytes, and the length before it all.
FRAME = 4 + len(msgspec.msgpack.encode(msgspec.structs.replace(INNER, olm=bytes(256)))) - 256


def inner_of(olm_bytes: int) -> Inner:
    return msgspec.structs.replace(INNER, olm=bytes(olm_bytes))


def sealed_raw(plaintext: bytes) -> bytes:
    return PUBLIC.seal(plaintext, info=TO.info())


@pytest.mark.parametrize("size", LIMITS.envelope_sizes_bytes)
def test_an_envelope_has_exactly_the_smallest_size_that_holds_it(size: int) -> None:
    room = size - OVERHEAD - FRAME
    # From 64 KiB on MessagePack needs two more bytes for a length; no envelope gets there.
    most = inner_of(room)
    envelope = seal(most, to=TO, key=PUBLIC)
    assert len(envelope) == size
    assert unseal(envelope, to=TO, key=KEY) == most
    if size < LIMITS.envelope_bytes:
        assert len(seal(inner_of(room + 1), to=TO, key=PUBLIC)) == size * 2
    else:
        with pytest.raises(EnvelopeError, match="too long"):
            seal(inner_of(room + 1), to=TO, key=PUBLIC)


def test_short_messages_all_look_alike() -> None:
    assert {len(seal(inner_of(length), to=TO, key=PUBLIC)) for length in (0, 1, 100, 500)} == {2 * KIB}


def test_48_kib_of_text_fit_with_ratchet_and_certificate() -> None:
    body = encode_body(Text("a" * LIMITS.body_bytes))
    content = encode_content(example_content(Kind.TEXT, body))
    # Olm pads to 16 bytes and a pre-key message adds less than 250 (three keys, MAC, version, counters, base64-free).
    olm = bytes(len(content) + 16 + 250)
    inner = Inner(0, olm, ALICE.token, ALICE.device, bytes(CERTIFICATE_BYTES))
    assert len(seal(inner, to=TO, key=PUBLIC)) == 64 * KIB


def test_the_vectors_envelope_is_opened() -> None:
    stored = vectors("sealed")["envelope"]
    assert TO.info().hex() == stored["info"]
    inner = unseal(bytes.fromhex(stored["sealed"]), to=TO, key=KEY)
    assert inner.olm.hex() == stored["inner"]["olm"]
    assert inner.certificate.hex() == vectors("certificate")["certificate"]


@given(st.integers(0, 1), st.binary(max_size=3000), st.binary(max_size=CERTIFICATE_BYTES))
def test_what_is_sealed_is_opened(olm_type: int, olm: bytes, certificate: bytes) -> None:
    inner = Inner(olm_type, olm, ALICE.token, ALICE.device, certificate)
    assert unseal(seal(inner, to=TO, key=PUBLIC), to=TO, key=KEY) == inner


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server", KeyDigest(seed("another server"))),
        ("token", ALICE.token),
        ("token", Token(b"\x08" + BOB.token[1:])),
        ("device", ALICE.device),
        ("device", DeviceId(bytes(16))),
        ("key_id", 2),
    ],
)
def test_it_opens_under_no_other_server_line_epoch_device_or_key_id(name: str, value: object) -> None:
    envelope = seal(INNER, to=TO, key=PUBLIC)
    with pytest.raises(EnvelopeError):
        unseal(envelope, to=msgspec.structs.replace(TO, **{name: value}), key=KEY)


def test_it_opens_with_no_other_key() -> None:
    with pytest.raises(EnvelopeError):
        unseal(seal(INNER, to=TO, key=PUBLIC), to=TO, key=REGISTRAR)


def test_the_info_has_the_documented_layout() -> None:
    parts = (b"sayso/envelope/1", SERVER, BOB.token[:1], BOB.token, BOB.device, b"\0\0\0\x01")
    assert TO.info() == b"".join(parts)
    assert len(TO.info()) == 16 + 32 + 1 + 33 + 16 + 4


@pytest.mark.parametrize("length", [0, 1, 2047, 2049, 3 * KIB, 128 * KIB])
def test_another_size_is_refused_before_anything_is_opened(length: int) -> None:
    with pytest.raises(EnvelopeError, match="2, 4, 8"):
        unseal(bytes(length), to=TO, key=KEY)


def padded(data: bytes, *, length: int | None = None, fill: bytes = b"\0") -> bytes:
    start = (len(data) if length is None else length).to_bytes(4, "big") + data
    return sealed_raw(start.ljust(2 * KIB - OVERHEAD, fill))


def test_padding_must_be_zeros_so_that_nothing_hides_in_it() -> None:
    data = msgspec.msgpack.encode(INNER)
    assert unseal(padded(data), to=TO, key=KEY) == INNER
    with pytest.raises(EnvelopeError, match="padding"):
        unseal(padded(data, fill=b"\x01"), to=TO, key=KEY)
    with pytest.raises(EnvelopeError, match="padding"):
        unseal(padded(data, length=len(data) - 1), to=TO, key=KEY)


@pytest.mark.parametrize("length", [2 * KIB - OVERHEAD - 3, 2**32 - 1])
def test_a_length_beyond_the_end_is_refused(length: int) -> None:
    with pytest.raises(EnvelopeError, match="padding"):
        unseal(padded(b"", length=length), to=TO, key=KEY)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        msgspec.msgpack.encode(INNER) + b"\0",
        msgspec.msgpack.encode([2, b"", bytes(33), bytes(16), b""]),
        msgspec.msgpack.encode([0, b"", bytes(32), bytes(16), b""]),
        msgspec.msgpack.encode([0, b"", bytes(33), bytes(17), b""]),
        msgspec.msgpack.encode([0, b"", bytes(33), bytes(16), bytes(513)]),
        msgspec.msgpack.encode([0, b"", bytes(33), bytes(16), b"", "more"]),
        msgspec.msgpack.encode([0, "text", bytes(33), bytes(16), b""]),
        b"\x91" * 500,
    ],
)
def test_an_inside_that_is_malformed_is_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeError, match="malformed"):
        unseal(padded(data, length=len(data)), to=TO, key=KEY)


def test_the_same_message_makes_another_envelope_each_time() -> None:
    first, second = (seal(INNER, to=TO, key=PUBLIC) for _ in range(2))
    assert envelope_id(first) != envelope_id(second)


def test_neither_sender_nor_recipient_shows_in_a_repr() -> None:
    assert repr(INNER) == "Inner(olm_type=0, olm=…, token=…, device=…, certificate=…)"
    assert repr(TO) == "Address(server=…, token=…, device=…, key_id=1)"
