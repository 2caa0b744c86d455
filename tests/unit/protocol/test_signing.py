"""Signatures: exact bytes, and that no signature counts for anything but what it was made for."""

import hashlib
import itertools

import pytest

from sayso.protocol.errors import SignatureError
from sayso.protocol.signing import NO_DEVICE, Purpose, sign, signed_bytes, verify
from scripts.vector_cast import ALICE, BOB, SERVER, seed
from tests.fuzz.vectors import vectors

STORED = vectors("signing")
BODY = b"a body"


@pytest.mark.parametrize("entry", STORED["signatures"], ids=lambda entry: entry["purpose"])
def test_bytes_and_signatures_are_those_of_the_vectors(entry: dict[str, str]) -> None:
    server, device, nonce, body = (bytes.fromhex(entry[name]) for name in ("server", "device", "nonce", "body"))
    purpose = Purpose(entry["purpose"])
    signed = signed_bytes(purpose, server=server, device=device, body=body, nonce=nonce)
    assert signed.hex() == entry["signed"]
    assert sign(ALICE.key, purpose, server=server, device=device, body=body, nonce=nonce).hex() == entry["signature"]
    verify(
        bytes.fromhex(STORED["public_key"]),
        bytes.fromhex(entry["signature"]),
        purpose,
        server=server,
        device=device,
        body=body,
        nonce=nonce,
    )


def test_every_purpose_has_a_vector() -> None:
    assert [entry["purpose"] for entry in STORED["signatures"]] == list(Purpose)


def test_the_layout_is_the_documented_one() -> None:
    nonce = seed("nonce")
    signed = signed_bytes(Purpose.LOGIN, server=SERVER, device=ALICE.device, body=BODY, nonce=nonce)
    digest = hashlib.sha256(BODY).digest()
    assert signed == b"sayso/login/1\0" + SERVER + ALICE.device + b"\x20" + nonce + digest


@pytest.mark.parametrize(("made_for", "used_for"), list(itertools.permutations(Purpose, 2)))
def test_a_signature_for_one_purpose_never_counts_for_another(made_for: Purpose, used_for: Purpose) -> None:
    signature = sign(ALICE.key, made_for, server=SERVER, device=ALICE.device, body=BODY)
    with pytest.raises(SignatureError):
        verify(ALICE.ed25519, signature, used_for, server=SERVER, device=ALICE.device, body=BODY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server", seed("another server")),
        ("device", BOB.device),
        ("device", NO_DEVICE),
        ("body", b"another body"),
        ("body", b""),
        ("nonce", b""),
        ("nonce", seed("another nonce")),
    ],
)
def test_a_signature_counts_for_nothing_else(name: str, value: bytes) -> None:
    given = {"server": bytes(SERVER), "device": bytes(ALICE.device), "body": BODY, "nonce": seed("nonce")}
    signature = sign(ALICE.key, Purpose.LOGIN, **given)
    verify(ALICE.ed25519, signature, Purpose.LOGIN, **given)
    with pytest.raises(SignatureError, match="login does not verify"):
        verify(ALICE.ed25519, signature, Purpose.LOGIN, **{**given, name: value})


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), b"\xff" * 32, BOB.ed25519, ALICE.ed25519 + b"\0"])
def test_another_key_or_none_is_refused(key: bytes) -> None:
    signature = sign(ALICE.key, Purpose.LOGIN, server=SERVER, device=ALICE.device, body=BODY)
    with pytest.raises(SignatureError):
        verify(key, signature, Purpose.LOGIN, server=SERVER, device=ALICE.device, body=BODY)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65), b"\xff" * 64])
def test_bytes_that_are_no_signature_are_refused(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(ALICE.ed25519, signature, Purpose.LOGIN, server=SERVER, device=ALICE.device, body=BODY)


def test_a_signature_whose_scalar_is_not_reduced_is_refused() -> None:
    """Without this check (RFC 8032, 5.1.7) anyone could make a second signature out of a first one."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = sign(ALICE.key, Purpose.LOGIN, server=SERVER, device=ALICE.device, body=BODY)
    scalar = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(SignatureError):
        verify(
            ALICE.ed25519,
            signature[:32] + scalar.to_bytes(32, "little"),
            Purpose.LOGIN,
            server=SERVER,
            device=ALICE.device,
            body=BODY,
        )


@pytest.mark.parametrize(
    ("server", "device", "nonce"),
    [(bytes(31), bytes(16), b""), (bytes(32), bytes(17), b""), (bytes(32), bytes(16), bytes(256))],
)
def test_lengths_that_would_shift_the_layout_are_refused(server: bytes, device: bytes, nonce: bytes) -> None:
    with pytest.raises(SignatureError, match="wrong length"):
        signed_bytes(Purpose.LOGIN, server=server, device=device, body=b"", nonce=nonce)


def test_the_longest_nonce_is_taken() -> None:
    assert len(signed_bytes(Purpose.LOGIN, server=SERVER, device=NO_DEVICE, body=b"", nonce=bytes(255))) == 350
