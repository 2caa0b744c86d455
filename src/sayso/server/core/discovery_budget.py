"""How many new numbers a line may ask for: a bucket that fills slowly (design.md §5.2), failing closed.

One number is enough to remember a bucket by: when it will be full again (the generic cell rate algorithm, ITU-T I.371).
It is kept under a keyed hash of the line's token and outlives the enrolment, so that leaving and coming back buys
nothing; once the bucket is full there is nothing to remember. A line that has moved to another epoch has another token,
and so a bucket of its own there: that is what evaluates its contacts anew without cost (docs/adr/0014).
"""

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sayso.protocol.api import ProblemType
from sayso.protocol.ids import Token
from sayso.protocol.limits import DAY, LIMITS
from sayso.server.errors import ConfigError, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a server allows each line."""

    bucket: int = LIMITS.discovery_bucket
    """Numbers at once."""
    per_day: int = LIMITS.discovery_per_day
    """Numbers that come back in a day."""

    def __post_init__(self) -> None:
        if self.bucket < 1 or self.per_day < 1:
            raise ConfigError("a line must be allowed to ask for one number at least: raise the discovery budget")
        if self.bucket * DAY > self.per_day * LIMITS.limiter_kept_s:
            raise ConfigError(
                "a discovery bucket must be full again within 30 days, for no record of it is kept longer: "
                "lower the bucket, or raise what comes back in a day"
            )

    @property
    def each_s(self) -> float:
        """Seconds in which one number comes back."""
        return DAY / self.per_day


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryBudget:
    """What is remembered of a line's bucket."""

    full_at: float
    """Running seconds at which it is full again."""
    last_batch: bytes
    """SHA-256 of the last batch that was paid for: the same once more teaches nothing new, and is free."""


def record_id(codes_key: bytes, token: Token) -> bytes:
    """Return the id that a line's budget is kept under: 32 bytes that mean nothing without the keyring.

    Args:
        codes_key: the keyring's key for codes; the limiter's own key is derived from it.
        token: of the line.
    """
    key = hmac.digest(codes_key, b"sayso/limiter-key/1", hashlib.sha256)
    return hmac.digest(key, b"discovery" + token, hashlib.sha256)


def batch_digest(epoch: int, elements: Sequence[bytes]) -> bytes:
    """Name a batch by its bytes, 32 bytes."""
    return hashlib.sha256(bytes([epoch]) + b"".join(elements)).digest()


def spend(
    budget: DiscoveryBudget | None, batch: bytes, elements: int, *, now: float, allowance: Allowance
) -> DiscoveryBudget:
    """Take a batch out of the bucket.

    Args:
        budget: what is remembered; None for a full bucket.
        batch: of `batch_digest`.
        elements: how many numbers are asked for.
        now: running seconds.
        allowance: of this server.

    Raises:
        Refused: more than is left; nothing is taken.
    """
    if budget is not None and budget.last_batch == batch:
        return budget
    since = now if budget is None else max(now, budget.full_at)
    full_at = since + elements * allowance.each_s
    over = full_at - now - allowance.bucket * allowance.each_s
    # A tolerance far below one number: the sums of many small spendings are rounded.
    if over > allowance.each_s / 1000:
        raise Refused(
            ProblemType.LIMIT, "No more new numbers can be asked for now.", retry_after_s=max(1, math.ceil(over))
        )
    return DiscoveryBudget(full_at=full_at, last_batch=batch)


def left(budget: DiscoveryBudget | None, *, now: float, allowance: Allowance) -> int:
    """Return how many numbers may be asked for now."""
    missing = 0.0 if budget is None else max(0.0, budget.full_at - now) / allowance.each_s
    return max(0, allowance.bucket - math.ceil(missing - 1 / 1000))
