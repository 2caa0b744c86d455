"""The discovery budget: a bucket of numbers, counted by element."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.api import ProblemType
from sayso.protocol.ids import Token
from sayso.protocol.limits import DAY, LIMITS
from sayso.server.core.discovery_budget import Allowance, DiscoveryBudget, batch_digest, left, record_id, spend
from sayso.server.errors import ConfigError, Refused

NOW = 1_000_000.0
USUAL = Allowance()


def take(budget: DiscoveryBudget | None, elements: int, *, now: float = NOW, batch: bytes = b"") -> DiscoveryBudget:
    return spend(budget, batch or bytes(str((now, elements, budget)), "ascii"), elements, now=now, allowance=USUAL)


def test_a_bucket_of_two_thousand_then_two_hundred_a_day() -> None:
    budget = take(take(None, 1500), 500)
    assert left(budget, now=NOW, allowance=USUAL) == 0
    with pytest.raises(Refused) as refused:
        take(budget, 1)
    assert refused.value.problem is ProblemType.LIMIT
    assert refused.value.retry_after_s == 432
    assert left(budget, now=NOW + DAY, allowance=USUAL) == 200
    budget = take(budget, 200, now=NOW + DAY)
    with pytest.raises(Refused):
        take(budget, 1, now=NOW + DAY)
    assert left(budget, now=NOW + 11 * DAY, allowance=USUAL) == 2000
    with pytest.raises(Refused):
        take(budget, 2001, now=NOW + 99 * DAY)


def test_what_is_refused_costs_nothing_and_says_how_long_to_wait() -> None:
    budget = take(None, 2000)
    with pytest.raises(Refused) as refused:
        take(budget, 50)
    wait = refused.value.retry_after_s
    assert wait == 50 * 432
    with pytest.raises(Refused):
        take(budget, 50, now=NOW + wait - 1)
    assert take(budget, 50, now=NOW + wait).full_at == budget.full_at + 50 * 432


def test_the_same_batch_once_more_is_free() -> None:
    budget = take(None, 2000, batch=b"a")
    assert take(budget, 2000, batch=b"a") == budget
    with pytest.raises(Refused):
        take(budget, 2000, batch=b"b")


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 2 * DAY)), max_size=40))
def test_no_order_of_asking_yields_more_than_the_bucket_and_what_came_back(asked: list[tuple[int, float]]) -> None:
    budget: DiscoveryBudget | None = None
    now, got = NOW, 0
    for place, (elements, pause) in enumerate(asked):
        now += pause
        before = left(budget, now=now, allowance=USUAL)
        try:
            budget = take(budget, elements, now=now, batch=str(place).encode())
        except Refused:
            assert elements > before
            continue
        assert elements <= before
        got += elements
    assert got <= 2000 + 200 * (now - NOW) / DAY + 1


def test_a_record_is_full_again_within_ten_days() -> None:
    assert take(None, 2000).full_at == NOW + 10 * DAY


@pytest.mark.parametrize(("bucket", "per_day"), [(0, 1), (1, 0), (61, 2), (2000, 66)])
def test_an_allowance_whose_record_would_be_kept_over_thirty_days_is_refused(bucket: int, per_day: int) -> None:
    with pytest.raises(ConfigError):
        Allowance(bucket=bucket, per_day=per_day)
    assert Allowance(bucket=60, per_day=2).each_s * 60 == LIMITS.limiter_kept_s


def test_a_record_names_nobody_without_the_key() -> None:
    token = Token(b"\5" * 33)
    ids = {record_id(b"k" * 32, token), record_id(b"l" * 32, token), record_id(b"k" * 32, Token(b"\6" * 33))}
    assert len(ids) == 3
    assert {len(one) for one in ids} == {32}


def test_a_batch_is_named_by_epoch_and_elements() -> None:
    one, other = b"a" * 32, b"b" * 32
    digests = {batch_digest(5, [one, other]), batch_digest(5, [other, one]), batch_digest(6, [one, other])}
    assert len(digests) == 3
