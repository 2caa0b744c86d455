r"""Bytes sealed under a passphrase: Argon2id (RFC 9106) and ChaCha20-Poly1305, for keyring and phone-store keys.

magic ``sayso-sealed-1\0`` ‖ memory KiB (4) ‖ passes (4) ‖ lanes (4) ‖ salt (16) ‖ nonce (12) ‖ ciphertext; all
before the ciphertext is authenticated. Costs are bounded on reading, so that a planted file cannot eat the machine.
"""

import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from sayso.protocol.errors import PassphraseError

SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
_MAGIC: Final = b"sayso-sealed-1\0"
_HEAD: Final = struct.Struct(f">{len(_MAGIC)}sIII{SALT_BYTES}s{NONCE_BYTES}s")
_MAX_MEMORY_KIB: Final = 1024 * 1024
_MAX_PASSES: Final = 32
_MAX_LANES: Final = 16


class Cost(tuple[int, int, int]):
    """Argon2id's memory in KiB, passes, lanes."""

    __slots__ = ()


STANDARD: Final = Cost((64 * 1024, 3, 4))
"""RFC 9106's second recommended option: 64 MiB, 3 passes, 4 lanes."""
CHEAPEST: Final = Cost((8 * 1024, 1, 1))
"""For tests, and for the demo's throw-away passphrases: no protection against guessing."""


def derive(passphrase: str, salt: bytes, cost: Cost = STANDARD) -> bytes:
    """Derive 32 bytes from a passphrase and a salt of 16 bytes."""
    memory, passes, lanes = cost
    kdf = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory)
    return kdf.derive(passphrase.encode())


class SealingKey:
    """A key that was derived from a passphrase: to seal again, as often as needed, without the passphrase."""

    __slots__ = ("_cost", "_key", "_salt")

    def __init__(self, passphrase: str, *, salt: bytes, cost: Cost = STANDARD) -> None:
        """Derive it; arguments as for `derive`. This is what takes its time."""
        self._key = derive(passphrase, salt, cost)
        self._salt = salt
        self._cost = cost

    def seal(self, plaintext: bytes, *, nonce: bytes) -> bytes:
        """Seal bytes under 12 fresh random bytes."""
        head = _HEAD.pack(_MAGIC, *self._cost, self._salt, nonce)
        return head + ChaCha20Poly1305(self._key).encrypt(nonce, plaintext, head)

    def open(self, sealed: bytes) -> bytes:
        """Open bytes sealed under this key. Raises `cryptography.exceptions.InvalidTag`."""
        nonce = _HEAD.unpack_from(sealed)[-1]
        return ChaCha20Poly1305(self._key).decrypt(nonce, sealed[_HEAD.size :], sealed[: _HEAD.size])


def seal(plaintext: bytes, passphrase: str, *, salt: bytes, nonce: bytes, cost: Cost = STANDARD) -> bytes:
    """Seal bytes under a passphrase.

    Args:
        plaintext: any length.
        passphrase: any text.
        salt: 16 fresh random bytes.
        nonce: 12 fresh random bytes.
        cost: see `Cost`.
    """
    return SealingKey(passphrase, salt=salt, cost=cost).seal(plaintext, nonce=nonce)


def open_sealed(sealed: bytes, passphrase: str) -> bytes:
    """Open bytes sealed under a passphrase; see `unseal`."""
    return unseal(sealed, passphrase)[0]


def unseal(sealed: bytes, passphrase: str) -> tuple[bytes, SealingKey]:
    """Open bytes sealed under a passphrase; returns them with the key, to seal what comes in their place.

    Raises:
        PassphraseError: wrong passphrase, damaged, or not such a file.
    """
    if len(sealed) < _HEAD.size or not sealed.startswith(_MAGIC):
        raise PassphraseError("this is not a file sealed by Sayso; it was kept plain, or is damaged")
    _, memory, passes, lanes, salt, _ = _HEAD.unpack_from(sealed)
    if not (0 < memory <= _MAX_MEMORY_KIB and 0 < passes <= _MAX_PASSES and 0 < lanes <= _MAX_LANES):
        raise PassphraseError("the sealed file asks for costs out of range: it is damaged")
    try:
        key = SealingKey(passphrase, salt=salt, cost=Cost((memory, passes, lanes)))
        return key.open(sealed), key
    except (InvalidTag, ValueError) as error:
        raise PassphraseError("wrong passphrase, or the sealed file is damaged") from error
