"""The sender certificate: the server's word that a device belongs to a number it has verified (design.md §5.1).

On the wire MessagePack ``[body, signature]``; body is MessagePack ``[epoch, token, commitment, device, ed25519,
curve25519, expires]``. The commitment is SHA-256(salt ‖ number): the server can vouch without keeping the number, and
only who is given the salt, inside a message, learns it.
"""

import hashlib
from typing import Annotated, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from sayso.protocol.errors import CertificateError, SignatureError
from sayso.protocol.ids import Bytes16, Bytes32, Bytes33, Bytes64, KeyDigest, outline, same
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.signing import Purpose, sign, verify

MAX_BYTES: Final = 512


class Certificate(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the server vouches for."""

    epoch: Annotated[int, Meta(ge=0, le=255)]
    token: Bytes33
    commitment: Bytes32
    device: Bytes16
    ed25519: Bytes32
    """The device's signing key."""
    curve25519: Bytes32
    """The device's Olm identity key."""
    expires: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    """Unix time in seconds."""

    def __repr__(self) -> str:
        return outline(self)


class _Wire(Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    body: Annotated[bytes, Meta(max_length=MAX_BYTES)]
    signature: Bytes64


def commitment(salt: bytes, number: PhoneNumber) -> bytes:
    """Commit to a number under a random salt of 32 bytes."""
    return hashlib.sha256(salt + number.e164.encode("ascii")).digest()


def issue(certificate: Certificate, key: Ed25519PrivateKey, *, server: KeyDigest) -> bytes:
    """Sign a certificate with the server's certificate key; returns the wire form."""
    body = msgspec.msgpack.encode(certificate)
    signature = sign(key, Purpose.CERTIFICATE, server=server, device=certificate.device, body=body)
    return msgspec.msgpack.encode(_Wire(body, signature))


def read_certificate(
    wire: bytes, *, certificate_key: bytes, server: KeyDigest, other_key: bytes | None = None
) -> Certificate:
    """Check the server's signature. Time and number are `check_fresh`'s and `check_number`'s part.

    Args:
        wire: as it came.
        certificate_key: of the statement.
        server: digest of the server's long-term key.
        other_key: the statement's other certificate key, while two overlap.

    Raises:
        CertificateError: malformed, at odds with itself, or not signed by this server's certificate key.
    """
    if len(wire) > MAX_BYTES:
        raise CertificateError("a sender certificate has at most 512 bytes")
    try:
        outer = msgspec.msgpack.decode(wire, type=_Wire)
        certificate = msgspec.msgpack.decode(outer.body, type=Certificate)
        verify(
            certificate_key,
            outer.signature,
            Purpose.CERTIFICATE,
            server=server,
            device=certificate.device,
            body=outer.body,
            or_by=other_key,
        )
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CertificateError("the sender certificate is malformed") from error
    except SignatureError as error:
        raise CertificateError("the sender certificate is not signed by the server") from error
    if certificate.epoch != certificate.token[0]:
        raise CertificateError("the sender certificate names one epoch, its token another")
    return certificate


def check_fresh(certificate: Certificate, *, sent_at: int, now: int) -> None:
    """Refuse a certificate that did not hold when the message was sent.

    A message may wait for its whole TTL, so the certificate is measured at the time that the sender states; that time
    cannot lie further back than a TTL.

    Args:
        certificate: already checked by `read_certificate`.
        sent_at: Unix seconds, from inside the message.
        now: Unix seconds.

    Raises:
        CertificateError: expired.
    """
    if sent_at > certificate.expires or now > certificate.expires + LIMITS.ttl_max_s:
        raise CertificateError("the sender certificate had expired")


def check_number(certificate: Certificate, *, salt: bytes, number: PhoneNumber) -> None:
    """Check that the certificate is about this number.

    Raises:
        CertificateError: it is about another one.
    """
    if not same(certificate.commitment, commitment(salt, number)):
        raise CertificateError("the sender certificate is about another number")
