"""Ids, digests and secrets of design.md §3 as distinct types, so that mypy keeps them apart."""

import hashlib
import hmac
from enum import Enum
from typing import Annotated, Any, Final, NewType

from msgspec import Meta, Struct

Token = NewType("Token", bytes)
"""A line's address: epoch byte ‖ first 32 bytes of the VOPRF output. 33 bytes."""
DeviceId = NewType("DeviceId", bytes)
"""One line's installation: 16 random bytes."""
EnvelopeId = NewType("EnvelopeId", bytes)
"""SHA-256(envelope)[:16]."""
MessageId = NewType("MessageId", bytes)
"""16 random bytes, inside the content."""
EnrolmentId = NewType("EnrolmentId", bytes)
"""16 random bytes that the phone draws for one attempt to enrol."""
Handle = NewType("Handle", bytes)
"""A sender's secret for one envelope: 32 random bytes."""
HandleHash = NewType("HandleHash", bytes)
"""SHA-256(handle), all that the server holds of it."""
Grant = NewType("Grant", bytes)
"""A line's secret for its contacts: 32 random bytes."""
GrantHash = NewType("GrantHash", bytes)
"""SHA-256(grant), all that the server holds of it."""
KeyDigest = NewType("KeyDigest", bytes)
"""SHA-256 of a server's long-term Ed25519 public key: 32 bytes, what a phone pins."""

_SIGN: Final = "[A-Za-z0-9+/]"
_ENDS: Final = ("", "[AQgw]==", "[AEIMQUYcgkosw048]=")
"""How base64 ends by how many bytes are over after the last three: the unused bits are zero (RFC 4648, section 3.5)."""


def exactly(count: int) -> Meta:
    """Bind a field to a length in bytes; JSON Schema, where a length counts characters, learns the base64 of it."""
    ends = _ENDS[count % 3]
    whole = count // 3 * 4 + max(0, count % 3)
    return Meta(min_length=count, max_length=count, extra_json_schema={"pattern": f"^{_SIGN}{{{whole}}}{ends}$"})


Bytes16 = Annotated[bytes, exactly(16)]
Bytes32 = Annotated[bytes, exactly(32)]
Bytes33 = Annotated[bytes, exactly(33)]
Bytes64 = Annotated[bytes, exactly(64)]


def envelope_id(envelope: bytes) -> EnvelopeId:
    """Name an envelope by its own bytes, so that nobody can squat on the id of another."""
    digest: Any = hashlib.sha256(envelope).digest()
    named: EnvelopeId = digest[:16]  # a NewType is called like any function, and this runs for every message
    return named


def handle_hash(handle: bytes) -> HandleHash:
    """Return what the server may know of a handle."""
    return HandleHash(hashlib.sha256(handle).digest())


def grant_hash(grant: bytes) -> GrantHash:
    """Return what the server may know of a grant."""
    digest: Any = hashlib.sha256(grant).digest()
    hashed: GrantHash = digest  # as above
    return hashed


def key_digest(public_key: bytes) -> KeyDigest:
    """Return the digest by which a server's long-term key is pinned (32 bytes of Ed25519 in, 32 bytes out)."""
    return KeyDigest(hashlib.sha256(public_key).digest())


def same(one: bytes, other: bytes) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest(one, other)


def outline(struct: Struct) -> str:
    """Return a `repr` for structs that hold a number, key or text: only numerals, flags and enums are shown."""
    fields = ((name, getattr(struct, name)) for name in struct.__struct_fields__)
    shown = (f"{name}={value!r}" if isinstance(value, int | Enum | None) else f"{name}=…" for name, value in fields)
    return f"{type(struct).__name__}({', '.join(shown)})"
