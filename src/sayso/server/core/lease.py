"""The lease: how long an enrolment lives without contact (design.md §3). All times are the server's running seconds."""

from sayso.protocol.limits import LIMITS


def lease_from(now: float) -> float:
    """Return when a lease that is renewed now ends."""
    return now + LIMITS.lease_s


def lapsed(lease_ends: float, now: float) -> bool:
    """Whether the line looks, to everybody, as if it had never enrolled."""
    return now >= lease_ends


def lapse_of_expired(now: float) -> float:
    """Return the lease end up to which, by now, an enrolment is to be erased: 28 days after its last contact."""
    return now - LIMITS.enrolment_expiry_s + LIMITS.lease_s
