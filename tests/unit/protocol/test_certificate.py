"""Sender certificates: what the server vouches for, and nothing else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.certificate import (
    MAX_BYTES,
    Certificate,
    check_fresh,
    check_number,
    commitment,
    issue,
    read_certificate,
)
from sayso.protocol.errors import CertificateError
from sayso.protocol.ids import KeyDigest
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose, sign
from scripts.vector_cast import ALICE, BOB, CERTIFICATE_KEY, SERVER, signing_key
from tests.fuzz.vectors import vectors

KEY = CERTIFICATE_KEY.public_key().public_bytes_raw()
WIRE = issue(ALICE.certificate, CERTIFICATE_KEY, server=SERVER)


def read(wire: bytes) -> Certificate:
    return read_certificate(wire, certificate_key=KEY, server=SERVER)


def signed(body: bytes, *, device: bytes = ALICE.device) -> bytes:
    signature = sign(CERTIFICATE_KEY, Purpose.CERTIFICATE, server=SERVER, device=device, body=body)
    return msgspec.msgpack.encode([body, signature])


def test_it_is_that_of_the_vectors() -> None:
    stored = vectors("certificate")
    assert stored["certificate"] == WIRE.hex()
    assert read(WIRE) == ALICE.certificate


def test_it_fits_into_its_place_in_an_envelope() -> None:
    assert (
        len(issue(msgspec.structs.replace(ALICE.certificate, expires=2**53 - 1), CERTIFICATE_KEY, server=SERVER)) < 512
    )


def test_another_servers_key_or_digest_does_not_verify() -> None:
    other = signing_key("another server").public_key().public_bytes_raw()
    with pytest.raises(CertificateError, match="not signed"):
        read_certificate(WIRE, certificate_key=other, server=SERVER)
    with pytest.raises(CertificateError, match="not signed"):
        read_certificate(WIRE, certificate_key=KEY, server=KeyDigest(bytes(32)))


@pytest.mark.parametrize("name", ["token", "commitment", "device", "ed25519", "curve25519", "expires", "epoch"])
def test_no_field_can_be_changed(name: str) -> None:
    value = getattr(BOB.certificate, name)
    forged = msgspec.structs.replace(ALICE.certificate, **{name: 1 if isinstance(value, int) else value})
    _, signature = msgspec.msgpack.decode(WIRE)
    with pytest.raises(CertificateError, match="not signed"):
        read(msgspec.msgpack.encode([msgspec.msgpack.encode(forged), signature]))


def test_a_signature_for_another_purpose_is_no_certificate() -> None:
    body = msgspec.msgpack.encode(ALICE.certificate)
    signature = sign(CERTIFICATE_KEY, Purpose.RECEIPT, server=SERVER, device=ALICE.device, body=body)
    with pytest.raises(CertificateError, match="not signed"):
        read(msgspec.msgpack.encode([body, signature]))


def test_a_signature_over_another_device_is_none() -> None:
    body = msgspec.msgpack.encode(ALICE.certificate)
    with pytest.raises(CertificateError, match="not signed"):
        read(signed(body, device=BOB.device))


def test_unknown_elements_are_refused_even_when_signed() -> None:
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(ALICE.certificate))
    with pytest.raises(CertificateError, match="malformed"):
        read(signed(msgspec.msgpack.encode([*fields, "more"])))
    body, signature = msgspec.msgpack.decode(WIRE)
    with pytest.raises(CertificateError, match="malformed"):
        read(msgspec.msgpack.encode([body, signature, "more"]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", bytes(32)),
        ("token", bytes(34)),
        ("commitment", bytes(31)),
        ("device", bytes(17)),
        ("ed25519", b""),
        ("epoch", 256),
        ("epoch", -1),
        ("expires", 2**53),
        ("expires", -1),
        ("expires", 1.5),
        ("expires", True),
    ],
)
def test_bounds_hold_even_when_signed(name: str, value: object) -> None:
    fields = {**msgspec.structs.asdict(ALICE.certificate), name: value}
    with pytest.raises(CertificateError, match="malformed"):
        read(signed(msgspec.msgpack.encode(list(fields.values()))))


def test_trailing_bytes_are_refused_inside_and_outside() -> None:
    with pytest.raises(CertificateError, match="malformed"):
        read(WIRE + b"\0")
    with pytest.raises(CertificateError, match="malformed"):
        read(signed(msgspec.msgpack.encode(ALICE.certificate) + b"\0"))


def test_512_bytes_are_looked_at_and_513_are_not() -> None:
    with pytest.raises(CertificateError, match="malformed"):
        read(bytes(MAX_BYTES))
    with pytest.raises(CertificateError, match="at most 512"):
        read(bytes(MAX_BYTES + 1))


def test_it_holds_until_it_expires_by_the_senders_time() -> None:
    expires = ALICE.certificate.expires
    check_fresh(ALICE.certificate, sent_at=expires, now=expires)
    with pytest.raises(CertificateError, match="expired"):
        check_fresh(ALICE.certificate, sent_at=expires + 1, now=expires)


def test_a_sender_cannot_date_back_further_than_a_message_may_wait() -> None:
    expires = ALICE.certificate.expires
    check_fresh(ALICE.certificate, sent_at=expires - 1, now=expires + LIMITS.ttl_max_s)
    with pytest.raises(CertificateError, match="expired"):
        check_fresh(ALICE.certificate, sent_at=expires - 1, now=expires + LIMITS.ttl_max_s + 1)


def test_it_is_about_one_number_under_one_salt() -> None:
    check_number(ALICE.certificate, salt=ALICE.salt, number=ALICE.number)
    for salt, number in ((BOB.salt, ALICE.number), (ALICE.salt, BOB.number), (b"", ALICE.number)):
        with pytest.raises(CertificateError, match="another number"):
            check_number(ALICE.certificate, salt=salt, number=number)


def test_the_commitment_is_that_of_the_vectors() -> None:
    for line, person in zip(vectors("tokens")["lines"], (ALICE, BOB), strict=True):
        assert commitment(person.salt, person.number).hex() == line["commitment"]


def test_its_repr_shows_neither_token_nor_keys() -> None:
    shown = repr(ALICE.certificate)
    assert shown.startswith("Certificate(epoch=7, token=…, commitment=…, device=…, ed25519=…, curve25519=…, expires=")
    assert repr(ALICE.token) not in shown


@given(st.binary(max_size=600))
def test_any_bytes_are_refused_in_one_way(wire: bytes) -> None:
    with pytest.raises(CertificateError):
        read(wire)


def test_while_two_keys_overlap_either_one_is_believed_and_no_third() -> None:
    other = signing_key("the key before").public_key().public_bytes_raw()
    assert read_certificate(WIRE, certificate_key=other, other_key=KEY, server=SERVER) == ALICE.certificate
    assert read_certificate(WIRE, certificate_key=KEY, other_key=other, server=SERVER) == ALICE.certificate
    with pytest.raises(CertificateError, match="not signed"):
        read_certificate(WIRE, certificate_key=other, other_key=other, server=SERVER)
