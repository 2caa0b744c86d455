"""Nonces of signed requests (RFC 8555, section 6.5): random, good once, for five minutes, in bounded memory.

A nonce carries its own time, encrypted and authenticated (AES-256-GCM, RFC 5116), so handing one out costs no memory,
nobody can push out another's by asking for many, and nobody who sees two of them can tell whether they were made at the
same time, or how long the server has run. Only nonces that were used, each under a valid signature, are remembered,
until they would be too old anyway. When more are used than fit, the older half is forgotten together with every nonce
of that age: a shorter life under load, never a second use.
"""

import base64
import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sayso.protocol.api import ProblemType
from sayso.protocol.limits import LIMITS
from sayso.server.errors import Refused

RANDOM_BYTES: Final = 12
"""The nonce of the encryption. A key of this process encrypts far fewer than 2^32 of them (NIST SP 800-38D, 8.3)."""
_TIME: Final = struct.Struct(">Q")
_TEXT_LENGTH: Final = 48
"""base64url of 36 bytes: no padding, and no bit that decodes to nothing."""


class Nonces:
    """Issues nonces and takes each back once."""

    def __init__(self, *, key: bytes, capacity: int = 200_000) -> None:
        """Begin with nothing used.

        Args:
            key: 32 random bytes of this process: nonces of an earlier one are not accepted.
            capacity: how many used nonces are remembered at most.
        """
        self._aead = AESGCM(key)
        self._capacity = capacity
        self._used: dict[str, int] = {}
        self._floor_ms = 0
        """Nonces up to this age are refused: their use is no longer remembered."""

    def issue(self, *, now: float, randomness: bytes) -> str:
        """Return a fresh nonce.

        Args:
            now: monotonic seconds.
            randomness: 12 random bytes.
        """
        sealed = self._aead.encrypt(randomness, _TIME.pack(_milliseconds(now)), None)
        return base64.urlsafe_b64encode(randomness + sealed).decode()

    def check(self, nonce: str, *, now: float) -> None:
        """Check a nonce without using it up.

        Raises:
            Refused: not of this server, too old, or used.
        """
        self._issued_ms(nonce, now)

    def use(self, nonce: str, *, now: float) -> None:
        """Use a nonce up, once its request has been found to be signed rightly.

        Raises:
            Refused: as `check`; of two that use the same one, the second.
        """
        self._used[nonce] = self._issued_ms(nonce, now)
        if len(self._used) > self._capacity:
            self._forget(now)

    def _issued_ms(self, nonce: str, now: float) -> int:
        issued_ms = self._opened(nonce)
        if issued_ms <= self._oldest_ms(now) or nonce in self._used:
            raise _refusal()
        return issued_ms

    def _opened(self, nonce: str) -> int:
        # A nonce has one name only: the other alphabet of base64, which decodes to the same, would be a second use.
        if len(nonce) != _TEXT_LENGTH or "+" in nonce or "/" in nonce:
            raise _refusal()
        try:
            raw = base64.b64decode(nonce, altchars=b"-_", validate=True)
            time: int = _TIME.unpack(self._aead.decrypt(raw[:RANDOM_BYTES], raw[RANDOM_BYTES:], None))[0]
        except (ValueError, InvalidTag):
            raise _refusal() from None
        return time

    def _oldest_ms(self, now: float) -> int:
        return max(self._floor_ms, _milliseconds(now) - LIMITS.nonce_s * 1000)

    def _forget(self, now: float) -> None:
        oldest = self._oldest_ms(now)
        alive = sorted(issued for issued in self._used.values() if issued > oldest)
        if len(alive) > self._capacity // 2:
            oldest = self._floor_ms = alive[len(alive) // 2]
        self._used = {nonce: issued for nonce, issued in self._used.items() if issued > oldest}


def _milliseconds(now: float) -> int:
    return int(now * 1000)


def _refusal() -> Refused:
    return Refused(ProblemType.BAD_NONCE, "Sign again with the nonce of this answer.")
