"""When the next check is: once a day or so, at a moment that says nothing about the phone.

Never because of something that the person did (a start of the phone, an unlock), and never at an even interval that
could tell one phone from another by its phase.
"""

from random import Random
from typing import Final

HOUR_S: Final = 3600.0
LEAST_S: Final = 18 * HOUR_S
MOST_S: Final = 30 * HOUR_S
RETRY_LEAST_S: Final = 1 * HOUR_S
RETRY_MOST_S: Final = 6 * HOUR_S


def next_check(*, last: float | None, now: float, failed: bool, random: Random) -> float:
    """Return when to check next, Unix seconds.

    Args:
        last: when the last check ended; None before the first.
        now: Unix seconds; a clock that was set back does not postpone checks for more than one interval.
        failed: the last check had no answer: the next one comes sooner.
        random: for the jitter.
    """
    low, high = (RETRY_LEAST_S, RETRY_MOST_S) if failed else (LEAST_S, MOST_S)
    start = now if last is None or last > now else last
    return max(now, start + random.uniform(low, high))
