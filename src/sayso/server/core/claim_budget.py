"""How many lines a device may claim keys of: a fixed number in any day that begins with a claim, failing closed."""

import math
from dataclasses import dataclass
from typing import Final

from sayso.protocol.api import ProblemType
from sayso.protocol.limits import DAY
from sayso.server.errors import Refused

LINES_PER_DAY: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBudget:
    """What a device has spent."""

    since: float
    """Running seconds at which the day began."""
    spent: int


def spend(budget: ClaimBudget | None, lines: int, *, now: float, per_day: int = LINES_PER_DAY) -> ClaimBudget:
    """Take `lines` out of the budget.

    Args:
        budget: what has been spent; None for a device that has claimed nothing yet.
        lines: how many lines are claimed.
        now: running seconds.
        per_day: the budget of a day.

    Raises:
        Refused: more than is left; nothing is taken.
    """
    if budget is None or now >= budget.since + DAY:
        budget = ClaimBudget(since=now, spent=0)
    if budget.spent + lines > per_day:
        wait = max(1, math.ceil(budget.since + DAY - now))
        raise Refused(ProblemType.LIMIT, "No more keys can be claimed for now.", retry_after_s=wait)
    return ClaimBudget(since=budget.since, spent=budget.spent + lines)
