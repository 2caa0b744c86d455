"""The PIN of a registration lock on the server: a key for each salt, and two stocks of tries.

A key of its own for each PIN's salt, which the server draws: nobody's evaluations, of their own PIN or of guesses at
another, say anything about a PIN under another salt, so a stolen database is of no use at any other line's desk either.
Newcomers and the enrolled device have separate tries, or a thief could use up those that the owner needs to delay him.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from sayso.protocol.ids import same
from sayso.protocol.pin import verifier_of

_KEY: Final = b"sayso/pin-key/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPin:
    """A line's PIN, as the directory holds it."""

    salt: bytes
    verifier: bytes
    tries_left: int
    """Of newcomers."""
    own_tries_left: int
    """Of the enrolled device."""


def pin_key(secret: bytes, salt: bytes) -> bytes:
    """Return the VOPRF seed (32 bytes) under which the PIN of this salt is evaluated.

    Args:
        secret: the keyring's, 32 bytes.
        salt: the PIN's, 16 bytes.
    """
    return hmac.digest(secret, _KEY + salt, hashlib.sha256)


def pin_fits(proof: bytes, verifier: bytes) -> bool:
    """Compare in constant time."""
    return same(verifier_of(proof), verifier)
