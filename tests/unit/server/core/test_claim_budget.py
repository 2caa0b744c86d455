"""The budget of claims."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.api import ProblemType
from sayso.protocol.limits import DAY
from sayso.server.core.claim_budget import ClaimBudget, spend
from sayso.server.errors import Refused


def test_a_day_begins_with_its_first_claim() -> None:
    first = spend(None, 3, now=50.0, per_day=5)
    assert first == ClaimBudget(since=50.0, spent=3)
    assert spend(first, 2, now=60.0, per_day=5) == ClaimBudget(since=50.0, spent=5)


def test_more_than_is_left_is_refused_with_the_seconds_to_wait() -> None:
    with pytest.raises(Refused) as refused:
        spend(ClaimBudget(since=50.0, spent=4), 2, now=60.5, per_day=5)
    assert refused.value.problem is ProblemType.LIMIT
    assert refused.value.retry_after_s == DAY - 10


def test_the_next_day_begins_anew() -> None:
    spent = ClaimBudget(since=50.0, spent=5)
    assert spend(spent, 1, now=50.0 + DAY, per_day=5) == ClaimBudget(since=50.0 + DAY, spent=1)


@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0, DAY / 10)), max_size=60))
def test_no_day_sees_more_than_its_budget(claims: list[tuple[int, float]]) -> None:
    budget: ClaimBudget | None = None
    now = 0.0
    days: dict[float, int] = {}
    for lines, pause in claims:
        now += pause
        if budget is not None and now < budget.since + DAY and budget.spent + lines > 20:
            with pytest.raises(Refused) as refused:
                spend(budget, lines, now=now, per_day=20)
            assert budget.since + DAY <= now + (refused.value.retry_after_s or 0)
            continue
        budget = spend(budget, lines, now=now, per_day=20)
        days[budget.since] = days.get(budget.since, 0) + lines
    assert all(spent <= 20 for spent in days.values())
