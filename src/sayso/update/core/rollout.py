"""Staged roll-out, decided on the phone: nobody is told which cohort a phone is in.

A phone has a secret of 32 random bytes that never leaves it. Its cohort for a release is a number of 0 to 9,999 from an
HMAC over the version: another one for each release, so that it is not always the same people who try things first, and
the same each time for one release, so that raising the percentage only ever adds phones.
"""

import hashlib
import hmac
from typing import Final

COHORTS: Final = 10_000
SECRET_BYTES: Final = 32
_CONTEXT: Final = b"sayso-rollout-v1:"


def cohort(secret: bytes, version: str) -> int:
    """Return this phone's cohort for a release, 0 to 9,999, evenly spread over phones."""
    digest = hmac.new(secret, _CONTEXT + version.encode("ascii"), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") % COHORTS


def is_offered(secret: bytes, version: str, share: int) -> bool:
    """Whether a release that is offered to `share` of 10,000 phones is offered to this one."""
    return cohort(secret, version) < share
