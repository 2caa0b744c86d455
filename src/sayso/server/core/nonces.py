"""Nonces of signed requests (RFC 8555, section 6.5): random, good once, for five minutes, in bounded memory.

A nonce carries its own time under a MAC, so handing one out costs no memory and nobody can push out another's by asking
for many. Only nonces that were used, each under a valid signature, are remembered, until they would be too old anyway.
When more are used than fit, the older half is forgotten together with every nonce of that age: a shorter life under
load, never a second use.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from typing import Final

from sayso.protocol.api import ProblemType
from sayso.protocol.limits import LIMITS
from sayso.server.errors import Refused

RANDOM_BYTES: Final = 16
_HEAD: Final = struct.Struct(f">Q{RANDOM_BYTES}s")
_MAC_BYTES: Final = 16
_TEXT_LENGTH: Final = 54
"""base64url of 40 bytes, without padding."""


class Nonces:
    """Issues nonces and takes each back once."""

    def __init__(self, *, key: bytes, offset_ms: int, capacity: int = 200_000) -> None:
        """Begin with nothing used.

        Args:
            key: 32 random bytes of this process: nonces of an earlier one are not accepted.
            offset_ms: random, added to the time inside, so that a nonce does not tell how long the server has run.
            capacity: how many used nonces are remembered at most.
        """
        self._key = key
        self._offset_ms = offset_ms
        self._capacity = capacity
        self._used: dict[str, int] = {}
        self._floor_ms = 0
        """Nonces up to this age are refused: their use is no longer remembered."""

    def issue(self, *, now: float, randomness: bytes) -> str:
        """Return a fresh nonce.

        Args:
            now: monotonic seconds.
            randomness: 16 random bytes.
        """
        head = _HEAD.pack(self._milliseconds(now), randomness)
        return base64.urlsafe_b64encode(head + self._mac(head)).rstrip(b"=").decode()

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
        try:
            raw = base64.urlsafe_b64decode(nonce + "==") if len(nonce) == _TEXT_LENGTH else b""
        except (binascii.Error, ValueError):
            raw = b""
        head, mac = raw[: _HEAD.size], raw[_HEAD.size :]
        # The last of the characters carries bits that decode to nothing: without this, one nonce would have four names.
        exact = base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == nonce
        if not exact or len(raw) != _HEAD.size + _MAC_BYTES or not hmac.compare_digest(mac, self._mac(head)):
            raise _refusal()
        issued_ms: int = _HEAD.unpack(head)[0]
        if issued_ms <= self._oldest_ms(now) or nonce in self._used:
            raise _refusal()
        return issued_ms

    def _oldest_ms(self, now: float) -> int:
        return max(self._floor_ms, self._milliseconds(now) - LIMITS.nonce_s * 1000)

    def _forget(self, now: float) -> None:
        oldest = self._oldest_ms(now)
        alive = sorted(issued for issued in self._used.values() if issued > oldest)
        if len(alive) > self._capacity // 2:
            oldest = self._floor_ms = alive[len(alive) // 2]
        self._used = {nonce: issued for nonce, issued in self._used.items() if issued > oldest}

    def _milliseconds(self, now: float) -> int:
        return int(now * 1000) + self._offset_ms

    def _mac(self, head: bytes) -> bytes:
        return hmac.digest(self._key, head, hashlib.sha256)[:_MAC_BYTES]


def _refusal() -> Refused:
    return Refused(ProblemType.BAD_NONCE, "Sign again with the nonce of this answer.")
