"""Which numbers a line asks the server for, how many at once, and when (design.md §5.2).

Nothing here happens because the owner looked at somebody: the clock alone asks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sayso.protocol.errors import NumberError
from sayso.protocol.limits import HOUR, LIMITS, MINUTE
from sayso.protocol.numbers import PhoneNumber

FIRST_S: Final = 30 * MINUTE
"""A line that is new, or was away, asks at some moment in so many seconds: an opt-in is not to be seen by it."""
SPREAD_S: Final = HOUR
SMALLEST_BATCH: Final = 64
"""A budget with less than this left is kept for first texts to new numbers."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KnownNumber:
    """A contact of the phone."""

    number: str
    line: bytes | None
    """The one line that knows it; None: it stands in the phone's address book, for all of them."""


def to_ask(
    contacts: Iterable[KnownNumber],
    *,
    line: bytes,
    own_number: str | None,
    epoch: int,
    tokens: Mapping[str, bytes],
) -> list[PhoneNumber]:
    """Choose the numbers whose tokens a line does not have yet.

    Args:
        contacts: all of the phone's.
        line: who asks. A contact that only another line knows is left out: asking for it would tie the two together.
        own_number: of the line.
        epoch: the server's current one.
        tokens: what the line has, by number. Those of the current epoch are not asked for again.
    """
    chosen: dict[str, PhoneNumber] = {}
    for contact in contacts:
        token = tokens.get(contact.number)
        if contact.line not in {None, line} or contact.number == own_number or (token and token[0] == epoch):
            continue
        try:
            chosen[contact.number] = PhoneNumber(contact.number)
        except NumberError:
            continue  # a short code: no such number ever reaches discovery
    return [chosen[number] for number in sorted(chosen)]


def batch_size(limits: Mapping[str, int]) -> int:
    """Return how many numbers to ask for at once, by the statement's limits."""
    per_request = limits.get("evaluations_per_request", LIMITS.evaluations_per_request)
    bucket = limits.get("discovery_bucket", LIMITS.discovery_bucket)
    return max(1, min(LIMITS.evaluations_per_request, per_request, bucket))


def smaller(batch: int) -> int | None:
    """Return the size to try once a batch was over the budget; None to wait for the next time."""
    return batch // 2 if batch // 2 >= SMALLEST_BATCH else None


def wait_s(last: float | None, now: float, chance: float) -> float:
    """Return how long to wait until the next refresh.

    Args:
        last: when the set was last fetched, Unix seconds; None for never.
        now: Unix seconds. A clock that was set back counts as long ago.
        chance: uniform in [0, 1).
    """
    if last is None or now < last:
        return chance * FIRST_S
    return max(last + LIMITS.set_build_s - now, 0.0) + chance * (
        SPREAD_S if now - last < LIMITS.set_build_s else FIRST_S
    )
