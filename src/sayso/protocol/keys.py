"""The keys a device publishes, each signed by its Ed25519 key for its own purpose (design.md §5.3).

Signed is: for an identity key its 32 bytes; for a one-time or fallback key its id (8 bytes, big endian) ‖ key (32);
for an envelope key its id (4 bytes) ‖ creation time (8 bytes, Unix seconds) ‖ key (1,216).
"""

from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from sayso.protocol import xwing
from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import Bytes16, Bytes32, Bytes64, DeviceId, KeyDigest, exactly
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose, sign, verify


class DeviceKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """Who a device is."""

    device: Bytes16
    ed25519: Bytes32
    curve25519: Bytes32
    signature: Bytes64
    """By `ed25519` over `curve25519`."""


class RatchetKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A one-time or fallback key of the ratchet."""

    id: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    key: Bytes32
    signature: Bytes64


class EnvelopeKey(Struct, frozen=True, forbid_unknown_fields=True):
    """An X-Wing key that envelopes to this device are sealed to."""

    id: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    created: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    """Unix seconds by the device's clock."""
    key: Annotated[bytes, exactly(xwing.PUBLIC_BYTES)]
    signature: Bytes64


def sign_identity(key: Ed25519PrivateKey, *, device: DeviceId, server: KeyDigest, curve25519: bytes) -> DeviceKeys:
    """Tie a device's Olm identity key to its signing key."""
    signature = sign(key, Purpose.IDENTITY_KEY, server=server, device=device, body=curve25519)
    return DeviceKeys(device, key.public_key().public_bytes_raw(), curve25519, signature)


def verify_identity(keys: DeviceKeys, *, server: KeyDigest) -> None:
    """Check `DeviceKeys`.

    Raises:
        SignatureError: the Olm key is not signed by the device's key.
    """
    verify(keys.ed25519, keys.signature, Purpose.IDENTITY_KEY, server=server, device=keys.device, body=keys.curve25519)


def sign_ratchet_key(
    key: Ed25519PrivateKey, purpose: Purpose, *, device: DeviceId, server: KeyDigest, key_id: int, public: bytes
) -> RatchetKey:
    """Sign a one-time key (`Purpose.ONE_TIME_KEY`) or a fallback key (`Purpose.FALLBACK_KEY`)."""
    body = key_id.to_bytes(8, "big") + public
    return RatchetKey(key_id, public, sign(key, purpose, server=server, device=device, body=body))


def verify_ratchet_key(
    ed25519: bytes, ratchet_key: RatchetKey, purpose: Purpose, *, device: DeviceId, server: KeyDigest
) -> None:
    """Check a one-time or fallback key for its purpose.

    Raises:
        SignatureError: not by this device, or published for another purpose.
    """
    body = ratchet_key.id.to_bytes(8, "big") + ratchet_key.key
    verify(ed25519, ratchet_key.signature, purpose, server=server, device=device, body=body)


def sign_envelope_key(
    key: Ed25519PrivateKey, *, device: DeviceId, server: KeyDigest, key_id: int, created: int, public: bytes
) -> EnvelopeKey:
    """Sign an envelope key with the time of its creation (Unix seconds)."""
    body = _envelope_key_body(key_id, created, public)
    return EnvelopeKey(
        key_id, created, public, sign(key, Purpose.ENVELOPE_KEY, server=server, device=device, body=body)
    )


def verify_envelope_key(
    ed25519: bytes, envelope_key: EnvelopeKey, *, device: DeviceId, server: KeyDigest, now: int
) -> None:
    """Check an envelope key before sealing to it.

    Args:
        ed25519: the device's signing key.
        envelope_key: as the server gave it.
        device: whose key it is.
        server: the server's key digest.
        now: Unix seconds. A key that is too old is refused: a server could keep serving one that has leaked. One from
            the future is not: it comes from a device whose clock is ahead, and refusing it would cut that device off.

    Raises:
        SignatureError: not by this device, or too old.
    """
    body = _envelope_key_body(envelope_key.id, envelope_key.created, envelope_key.key)
    verify(ed25519, envelope_key.signature, Purpose.ENVELOPE_KEY, server=server, device=device, body=body)
    if now > envelope_key.created + LIMITS.envelope_key_accept_s:
        raise SignatureError("the recipient's envelope key is too old to seal to")


def _envelope_key_body(key_id: int, created: int, public: bytes) -> bytes:
    return key_id.to_bytes(4, "big") + created.to_bytes(8, "big") + public
