"""When keys are made, published and destroyed, and the certificate renewed (design.md §5.3, protocol/limits.py)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sayso.protocol.limits import LIMITS


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OwnEnvelopeKey:
    """One of this device's envelope keys."""

    line: bytes
    key_id: int
    created: int
    """Unix seconds."""
    private: bytes
    """96 bytes."""
    published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What is due."""

    one_time_keys: int
    """How many to make."""
    fallback: bool
    """Make a new fallback key."""
    envelope_key: bool
    """Make a new envelope key."""
    destroy: tuple[int, ...]
    """Ids of envelope keys whose private half goes."""
    certificate: bool
    """Renew the certificate."""


def due(
    *,
    now: float,
    one_time_left: int,
    fallback_at: float,
    certificate_at: float,
    envelope_keys: Sequence[OwnEnvelopeKey],
) -> Upkeep:
    """Tell what is due.

    Args:
        now: Unix seconds.
        one_time_left: one-time keys that the server still has.
        fallback_at: when the fallback key was made; 0 if there is none.
        certificate_at: when the certificate was renewed.
        envelope_keys: all that are held, in any order.
    """
    newest = max((key.created for key in envelope_keys), default=None)
    return Upkeep(
        one_time_keys=LIMITS.one_time_keys - one_time_left if one_time_left < LIMITS.one_time_keys_low else 0,
        fallback=elapsed(fallback_at, now) >= LIMITS.fallback_key_rotate_s,
        envelope_key=newest is None or elapsed(newest, now) >= LIMITS.envelope_key_rotate_s,
        destroy=tuple(
            key.key_id
            for key in envelope_keys
            if key.created != newest and elapsed(key.created, now) > LIMITS.envelope_key_destroy_s
        ),
        certificate=elapsed(certificate_at, now) >= LIMITS.lease_renew_s,
    )


def elapsed(since: float, now: float) -> float:
    """Return the time since, in seconds; a clock that was set back counts as long ago, so that nothing rots."""
    return now - since if now >= since else float("inf")
