"""X-Wing (ML-KEM-768 with X25519) keys on the wire, and single-shot HPKE with them (RFC 9180, kem id 0x647A).

`cryptography` has the KEM but no serialisation of its composite keys. Ours: public = ML-KEM-768 (1,184 bytes) ‖ X25519
(32); private = ML-KEM seed (64) ‖ X25519 (32), which is not X-Wing's own 32-byte seed. Suite: MLKEM768_X25519,
HKDF-SHA256, ChaCha20-Poly1305, base mode; a ciphertext is enc (1,120) ‖ AEAD ciphertext (plaintext + 16).
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

from sayso.protocol.errors import EnvelopeError

PUBLIC_BYTES: Final = 1184 + 32
PRIVATE_BYTES: Final = 64 + 32
OVERHEAD: Final = 1120 + 16
"""A ciphertext is longer than its plaintext by this many bytes."""

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class SealPublicKey:
    """The public half: whoever has it can seal."""

    __slots__ = ("_key", "raw")

    def __init__(self, raw: bytes) -> None:
        """Read a public key.

        Raises:
            EnvelopeError: not 1,216 bytes, or no key of this kind.
        """
        if len(raw) != PUBLIC_BYTES:
            raise EnvelopeError("an X-Wing public key has 1,216 bytes")
        try:
            self._key = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(raw[:1184]), X25519PublicKey.from_public_bytes(raw[1184:])
            )
        except ValueError as error:
            raise EnvelopeError("these bytes are no X-Wing public key") from error
        self.raw: Final = raw

    def seal(self, plaintext: bytes, *, info: bytes) -> bytes:
        """Seal to this key; only the same `info` opens it again.

        Raises:
            EnvelopeError: the X25519 part is a point of small order.
        """
        try:
            return _SUITE.encrypt(plaintext, self._key, info=info)
        except ValueError as error:
            raise EnvelopeError("this X-Wing public key cannot be sealed to") from error


class SealPrivateKey:
    """The private half."""

    __slots__ = ("_key", "_raw")

    def __init__(self, raw: bytes) -> None:
        """Read a private key.

        Args:
            raw: ML-KEM seed (64 bytes) ‖ X25519 private key (32 bytes); 96 random bytes make a new key.

        Raises:
            EnvelopeError: not 96 bytes.
        """
        if len(raw) != PRIVATE_BYTES:
            raise EnvelopeError("an X-Wing private key has 96 bytes")
        self._raw: Final = raw
        self._key: Final = MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(raw[:64]), X25519PrivateKey.from_private_bytes(raw[64:])
        )

    def secret_bytes(self) -> bytes:
        """Return the 96 bytes for a keyring or an encrypted store."""
        return self._raw

    def public_bytes(self) -> bytes:
        """Return the 1,216 bytes that others seal to."""
        mlkem = MLKEM768PrivateKey.from_seed_bytes(self._raw[:64]).public_key().public_bytes_raw()
        return mlkem + X25519PrivateKey.from_private_bytes(self._raw[64:]).public_key().public_bytes_raw()

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """Open what was sealed to this key under `info`.

        Raises:
            EnvelopeError: damaged, for another key, or under another `info`.
        """
        try:
            return _SUITE.decrypt(sealed, self._key, info=info)
        except (InvalidTag, ValueError) as error:
            raise EnvelopeError("this cannot be opened with this key and context") from error

    def __repr__(self) -> str:
        return "SealPrivateKey(…)"
