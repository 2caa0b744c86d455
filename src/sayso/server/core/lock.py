"""The registration lock (design.md §5.1): who may have a number under which another device is enrolled, and when.

A device that confirms the number's code is a newcomer. It comes in at once with the PIN; else it waits, and comes in
with another code once the wait is over:

    no newcomer ─ right code ─▶ waits 7 days ─────────────────────────────▶ may come in, for 7 days ─▶ begins anew
                                  │   └ the holder's PIN, once ─▶ 37 in all ─▶┘
                                  └ a fresh code on the holder's device, cancelled, or another newcomer ─▶ gone

There is one newcomer, the last to prove that the number reaches it. Whoever holds the number for a moment only, and
does not hold it again a week later, gets nothing; and an old phone can delay a number's new owner, not stop him.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import LIMITS

LONGEST_S: Final = LIMITS.lock_wait_s + LIMITS.lock_pin_wait_s + LIMITS.lock_kept_s
"""No newcomer is kept longer, come what may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A device that has confirmed the code of a number under which another one is enrolled. Times: running seconds."""

    device: DeviceId
    ed25519: bytes
    since: float
    until: float
    """From then on it may come in."""


def arrive(before: Newcomer | None, device: DeviceId, ed25519: bytes, *, now: float) -> Newcomer:
    """Return the newcomer after a right code: the one that waits already, or one whose wait begins."""
    if before is not None and _is(before, device, ed25519) and not over(before, now=now):
        return before
    return Newcomer(device=device, ed25519=ed25519, since=now, until=now + LIMITS.lock_wait_s)


def may_come_in(newcomer: Newcomer | None, device: DeviceId, ed25519: bytes, *, now: float) -> bool:
    """Whether this device has waited long enough for the number."""
    return (
        newcomer is not None
        and _is(newcomer, device, ed25519)
        and newcomer.until <= now
        and not over(newcomer, now=now)
    )


def over(newcomer: Newcomer, *, now: float) -> bool:
    """Whether a newcomer did not come in when it might have."""
    return now >= newcomer.until + LIMITS.lock_kept_s


def delayed(newcomer: Newcomer) -> Newcomer:
    """Let a newcomer wait as long as the PIN can make it; again changes nothing."""
    return replace(newcomer, until=newcomer.since + LIMITS.lock_wait_s + LIMITS.lock_pin_wait_s)


def wait_s(newcomer: Newcomer | None, *, now: float) -> int:
    """Return the seconds that a newcomer has still to wait, rounded up."""
    return 0 if newcomer is None else max(0, math.ceil(newcomer.until - now))


def _is(newcomer: Newcomer, device: DeviceId, ed25519: bytes) -> bool:
    return newcomer.device == device and newcomer.ed25519 == ed25519
