"""The safety number of two lines: sixty digits that are the same on both phones, if nobody stands in between.

    SHA-512( "sayso/safety/1" ‖ the two sides, the smaller first )
    side: number ‖ 0 ‖ device id (16) ‖ Ed25519 key (32) ‖ Curve25519 key (32)

Twelve groups of five digits, each of five bytes of the digest modulo 100,000: some 199 bits. Both sides' keys stand
under one digest, so whoever wants to sit in between needs a second preimage, and no birthday helps.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

_PURPOSE: Final = b"sayso/safety/1"
GROUPS: Final = 12
_GROUP_BYTES: Final = 5
_GROUP_DIGITS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Side:
    """One line with its device's public keys."""

    number: str
    """E.164."""
    device: bytes
    ed25519: bytes
    curve25519: bytes

    def encode(self) -> bytes:
        """Return the side as it is hashed."""
        return self.number.encode("ascii") + b"\0" + self.device + self.ed25519 + self.curve25519


def safety_number(one: Side, other: Side) -> tuple[str, ...]:
    """Return the twelve groups of five digits; the order of the sides makes no difference."""
    digest = hashlib.sha512(_PURPOSE + b"".join(sorted((one.encode(), other.encode())))).digest()
    groups = (digest[at : at + _GROUP_BYTES] for at in range(0, GROUPS * _GROUP_BYTES, _GROUP_BYTES))
    return tuple(f"{int.from_bytes(group, 'big') % 10**_GROUP_DIGITS:0{_GROUP_DIGITS}d}" for group in groups)
