"""The SMS budget: leaky buckets, and the breaker against SMS pumping. Which buckets there are: `sms_caps`.

A bucket is known by a keyed hash: its row does not tell whose it is, but to who holds the keyring.

    open ── one SMS more than the budget ──▶ refused, for as long as the bucket is full
    open ── the same, of a cap with a pause ──▶ shut (the breaker has tripped)
    shut ── the pause is over, or confirmations have halved what is in it ──▶ open
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NewType

from sayso.server.core.sms_caps import Cap, Charge

BucketKey = NewType("BucketKey", bytes)
"""16 bytes."""

_KEY_BYTES: Final = 16
_DOMAIN: Final = b"sayso/sms-bucket/1"
_ALMOST: Final = 1e-6
"""What rounding may have left of an SMS: less than that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What is in a bucket, and how fast it leaks."""

    level: float = 0.0
    """SMS in it at `at`."""
    at: float
    """Running seconds."""
    per_second: float = 0.0
    shut_until: float = 0.0
    """Running seconds; the breaker has tripped until then."""
    reopens_below: float = 0.0
    """Confirmations that bring the level below this open it at once."""

    @property
    def empty_at(self) -> float:
        """Running seconds at which nothing is left to remember."""
        drained = self.at + self.level / self.per_second if self.per_second else self.at
        return max(drained, self.shut_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether an SMS may be sent."""

    changed: Mapping[BucketKey, Bucket]
    """Buckets to be kept, also where it may not: a breaker that tripped."""
    full: Cap | None = None
    """The cap that stands in the way; None: it may be sent, and is counted."""
    tripped: bool = False
    """Whether a breaker tripped just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketCharge:
    """A cap and the key of the bucket that it bounds."""

    key: BucketKey
    cap: Cap


def bucket_key(secret: bytes, charge: Charge) -> BucketKey:
    """Name a bucket: a keyed hash of the cap's name and whose it is.

    Args:
        secret: 32 bytes from the keyring.
        charge: the bucket.
    """
    text = f"{charge.cap.name}\0{charge.of}".encode()
    return BucketKey(hmac.digest(secret, _DOMAIN + text, hashlib.sha256)[:_KEY_BYTES])


def spend(held: Mapping[BucketKey, Bucket], charges: Sequence[BucketCharge], *, now: float) -> Decision:
    """Take one SMS out of each bucket, or out of none.

    Args:
        held: the buckets that are known; a missing one is empty.
        charges: the buckets, narrowest first.
        now: running seconds.
    """
    taken: dict[BucketKey, Bucket] = {}
    for charge in charges:
        bucket = _leaked(held.get(charge.key, Bucket(at=now)), now)
        if bucket.shut_until > now:
            return Decision(changed={}, full=charge.cap)
        if bucket.level + 1 > charge.cap.budget + _ALMOST:
            return _refused(charge, bucket, now)
        taken[charge.key] = Bucket(
            level=bucket.level + 1,
            at=now,
            per_second=charge.cap.per_second,
            reopens_below=charge.cap.budget / 2 if charge.cap.pause_s else 0.0,
        )
    return Decision(changed=taken)


def give_back(bucket: Bucket, *, now: float) -> Bucket:
    """Put one SMS back: its code was confirmed, or it was surely not sent."""
    leaked = _leaked(bucket, now)
    level = max(0.0, leaked.level - 1)
    return Bucket(
        level=level,
        at=now,
        per_second=bucket.per_second,
        shut_until=0.0 if level < bucket.reopens_below else bucket.shut_until,
        reopens_below=bucket.reopens_below,
    )


def _refused(charge: BucketCharge, bucket: Bucket, now: float) -> Decision:
    cap = charge.cap
    if not cap.pause_s or not cap.budget:
        return Decision(changed={}, full=cap)
    shut = Bucket(
        level=bucket.level,
        at=now,
        per_second=cap.per_second,
        shut_until=now + cap.pause_s,
        reopens_below=cap.budget / 2,
    )
    return Decision(changed={charge.key: shut}, full=cap, tripped=True)


def _leaked(bucket: Bucket, now: float) -> Bucket:
    # Time that runs backwards leaks nothing.
    passed = max(0.0, now - bucket.at)
    return Bucket(
        level=max(0.0, bucket.level - passed * bucket.per_second),
        at=max(now, bucket.at),
        per_second=bucket.per_second,
        shut_until=bucket.shut_until,
        reopens_below=bucket.reopens_below,
    )
