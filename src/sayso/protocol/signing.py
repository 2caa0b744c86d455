"""What a signature covers, and Ed25519 itself (RFC 8032, through `cryptography`).

Each signature is over ``sayso/<purpose>/1`` ‖ 0x00 ‖ server key digest (32) ‖ device id (16) ‖ nonce length (1) ‖ nonce
‖ SHA-256(body). The purpose keeps a signature from being used for another thing, the digest from being used with
another server, the nonce from being used again. Where no device is concerned (the server's own statement) the id is 16
zero bytes.
"""

import hashlib
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sayso.protocol.errors import SignatureError

NO_DEVICE = bytes(16)


class Purpose(StrEnum):
    """What a signature is for."""

    STATEMENT = "statement"
    ENROLLED_SET = "enrolled-set"
    CONSENT = "consent"
    RECEIPT = "receipt"
    WITHDRAWAL = "withdrawal"
    WITHDRAWAL_RECEIPT = "withdrawal-receipt"
    CERTIFICATE = "certificate"
    IDENTITY_KEY = "identity-key"
    ONE_TIME_KEY = "one-time-key"
    FALLBACK_KEY = "fallback-key"
    ENVELOPE_KEY = "envelope-key"
    LOGIN = "login"


def signed_bytes(purpose: Purpose, *, server: bytes, device: bytes, body: bytes, nonce: bytes = b"") -> bytes:
    """Return the bytes that a signature covers.

    Args:
        purpose: what the signature is for.
        server: digest of the server's long-term key, 32 bytes.
        device: device id, 16 bytes (`NO_DEVICE` where there is none).
        body: what is signed, any length.
        nonce: the server's nonce where there is an exchange, at most 255 bytes.
    """
    if len(server) != 32 or len(device) != 16 or len(nonce) > 255:  # noqa: PLR2004  the layout above
        raise SignatureError("server digest, device id or nonce has the wrong length")
    head = b"sayso/" + purpose.encode() + b"/1\x00"
    return head + server + device + bytes([len(nonce)]) + nonce + hashlib.sha256(body).digest()


def sign(
    key: Ed25519PrivateKey, purpose: Purpose, *, server: bytes, device: bytes, body: bytes, nonce: bytes = b""
) -> bytes:
    """Sign `body` for `purpose`; arguments as in `signed_bytes`. Returns 64 bytes."""
    return key.sign(signed_bytes(purpose, server=server, device=device, body=body, nonce=nonce))


def verify(
    public_key: bytes,
    signature: bytes,
    purpose: Purpose,
    *,
    server: bytes,
    device: bytes,
    body: bytes,
    nonce: bytes = b"",
    or_by: bytes | None = None,
) -> None:
    """Check a signature; arguments as in `signed_bytes`.

    Args:
        public_key: Ed25519, 32 bytes.
        signature: 64 bytes.
        purpose: and the following: what is to be signed.
        server: see `signed_bytes`.
        device: see `signed_bytes`.
        body: see `signed_bytes`.
        nonce: see `signed_bytes`.
        or_by: a second key that may have signed it, while two overlap.

    Raises:
        SignatureError: the key is no Ed25519 key, or the signature is not by it over exactly this.
    """
    covered = signed_bytes(purpose, server=server, device=device, body=body, nonce=nonce)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, covered)
    except (InvalidSignature, ValueError) as error:
        if or_by is None:
            raise SignatureError(f"the signature for {purpose} does not verify") from error
        verify(or_by, signature, purpose, server=server, device=device, body=body, nonce=nonce)
