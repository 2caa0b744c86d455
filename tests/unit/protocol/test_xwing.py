"""X-Wing keys on the wire and single-shot HPKE, with a second opening written from the standards."""

import hashlib
import hmac
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sayso.protocol.errors import EnvelopeError
from sayso.protocol.xwing import OVERHEAD, PRIVATE_BYTES, PUBLIC_BYTES, SealPrivateKey, SealPublicKey
from scripts.vector_cast import BOB, REGISTRAR
from tests.fuzz.vectors import vectors

KEY = BOB.envelope_key
PUBLIC = SealPublicKey(KEY.public_bytes())


def test_sizes_are_the_documented_ones() -> None:
    assert (PUBLIC_BYTES, PRIVATE_BYTES, OVERHEAD) == (1216, 96, 1136)
    assert len(KEY.public_bytes()) == PUBLIC_BYTES
    assert len(PUBLIC.seal(b"four", info=b"")) == 4 + OVERHEAD


def test_keys_come_back_from_their_bytes() -> None:
    again = SealPrivateKey(KEY.secret_bytes())
    assert again.public_bytes() == KEY.public_bytes() == PUBLIC.raw
    assert again.open(PUBLIC.seal(b"text", info=b"i"), info=b"i") == b"text"


def test_an_empty_text_is_sealed_too_and_twice_is_different() -> None:
    first, second = PUBLIC.seal(b"", info=b""), PUBLIC.seal(b"", info=b"")
    assert first != second
    assert KEY.open(first, info=b"") == KEY.open(second, info=b"") == b""


@pytest.mark.parametrize("name", ["number", "envelope"])
def test_what_the_vectors_sealed_is_opened(name: str) -> None:
    stored = vectors("sealed")[name]
    key = SealPrivateKey(bytes.fromhex(stored["private_key"]))
    assert key.public_bytes().hex() == stored["public_key"]
    plaintext = key.open(bytes.fromhex(stored["sealed"]), info=bytes.fromhex(stored["info"]))
    assert plaintext.hex().startswith(stored.get("plaintext", "0000"))


SUITE_ID = b"HPKE" + struct.pack(">HHH", 0x647A, 1, 3)


def extract(salt: bytes, label: bytes, secret: bytes) -> bytes:
    """LabeledExtract of RFC 9180, section 4, with HKDF-SHA256."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + SUITE_ID + label + secret, "sha256")


def expand(key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """LabeledExpand of RFC 9180, section 4, for at most 32 bytes."""
    labelled = struct.pack(">H", length) + b"HPKE-v1" + SUITE_ID + label + info
    return hmac.digest(key, labelled + b"\x01", "sha256")[:length]


def open_by_hand(private: bytes, sealed: bytes, info: bytes) -> bytes:
    """X-Wing decapsulation and the key schedule of RFC 9180, section 5.1, in base mode."""
    x25519 = X25519PrivateKey.from_private_bytes(private[64:])
    share = sealed[1088:1120]
    secrets = MLKEM768PrivateKey.from_seed_bytes(private[:64]).decapsulate(sealed[:1088])
    secrets += x25519.exchange(X25519PublicKey.from_public_bytes(share))
    shared = hashlib.sha3_256(secrets + share + x25519.public_key().public_bytes_raw() + rb"\.//^" + b"\\").digest()
    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    key, nonce = expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)
    return ChaCha20Poly1305(key).decrypt(nonce, sealed[1120:], b"")


def test_it_is_x_wing_in_rfc_9180_as_the_document_says() -> None:
    sealed = PUBLIC.seal(b"a text", info=b"what for")
    assert open_by_hand(KEY.secret_bytes(), sealed, b"what for") == b"a text"
    stored = vectors("sealed")["number"]
    given = (bytes.fromhex(stored[name]) for name in ("private_key", "sealed", "info"))
    assert open_by_hand(*given).hex() == stored["plaintext"]


@pytest.mark.parametrize("info", [b"", b"j", b"i\0"])
def test_another_info_does_not_open(info: bytes) -> None:
    with pytest.raises(EnvelopeError):
        KEY.open(PUBLIC.seal(b"text", info=b"i"), info=info)


def test_another_key_does_not_open() -> None:
    with pytest.raises(EnvelopeError):
        REGISTRAR.open(PUBLIC.seal(b"text", info=b"i"), info=b"i")


@pytest.mark.parametrize("at", [0, 1087, 1088, 1119, 1120, -1])
def test_a_flipped_bit_anywhere_is_noticed(at: int) -> None:
    """ML-KEM ciphertext, X25519 share, AEAD ciphertext, tag."""
    sealed = bytearray(PUBLIC.seal(b"text", info=b""))
    sealed[at] ^= 1
    with pytest.raises(EnvelopeError):
        KEY.open(bytes(sealed), info=b"")


@pytest.mark.parametrize("sealed", [b"", bytes(1), bytes(1119), bytes(1135), bytes(1136), bytes(2048)])
def test_bytes_that_nobody_sealed_are_refused(sealed: bytes) -> None:
    with pytest.raises(EnvelopeError):
        KEY.open(sealed, info=b"")


@pytest.mark.parametrize("raw", [b"", bytes(1215), bytes(1217), b"\xff" * 1216])
def test_bytes_that_are_no_public_key_are_refused(raw: bytes) -> None:
    with pytest.raises(EnvelopeError):
        SealPublicKey(raw)


def test_a_point_of_small_order_cannot_be_sealed_to() -> None:
    weak = SealPublicKey(KEY.public_bytes()[:1184] + bytes(32))
    with pytest.raises(EnvelopeError, match="cannot be sealed to"):
        weak.seal(b"text", info=b"")


@pytest.mark.parametrize("length", [0, 95, 97])
def test_a_private_key_has_96_bytes(length: int) -> None:
    with pytest.raises(EnvelopeError, match="96 bytes"):
        SealPrivateKey(bytes(length))


def test_a_private_key_shows_nothing_of_itself() -> None:
    shown = f"{KEY!r} {KEY}"
    assert shown == "SealPrivateKey(…) SealPrivateKey(…)"
    assert KEY.secret_bytes().hex()[:8] not in shown
