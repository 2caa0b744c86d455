"""Budgets: so much at once, so much with time, and no fuller for connecting again."""

from sayso.protocol.ids import DeviceId
from sayso.server.core.budgets import Bucket, LineBudgets
from sayso.server.core.limits import FloodLimits

ONE, TWO = DeviceId(b"1" * 16), DeviceId(b"2" * 16)


def taken(bucket: Bucket, *, now: float, tries: int = 1000) -> int:
    return sum(bucket.take(now=now) for _ in range(tries))


def test_a_bucket_gives_what_it_has_and_fills_with_time() -> None:
    bucket = Bucket(10, 2.0, now=0.0)
    assert taken(bucket, now=0.0) == 10
    assert taken(bucket, now=1.0) == 2
    assert taken(bucket, now=1.25) == 0
    assert taken(bucket, now=1.5) == 1
    assert taken(bucket, now=1000.0) == 10


def test_a_line_finds_its_budget_again_until_it_is_full() -> None:
    budgets = LineBudgets(FloodLimits(line_deposits=5, line_deposits_per_s=1.0))
    assert taken(budgets.of(ONE, now=0.0).deposits, now=0.0) == 5
    assert taken(budgets.of(ONE, now=1.0).deposits, now=1.0) == 1
    assert taken(budgets.of(TWO, now=1.0).deposits, now=1.0) == 5
    budgets.sweep(now=3.0)
    assert len(budgets) == 2
    budgets.sweep(now=100.0)
    assert len(budgets) == 0


def test_of_too_many_the_fullest_is_forgotten() -> None:
    budgets = LineBudgets(FloodLimits(line_deposits=5, line_deposits_per_s=0.0, remembered_lines=1))
    taken(budgets.of(ONE, now=0.0).deposits, now=0.0)
    budgets.of(TWO, now=0.0).deposits.take(now=0.0)
    budgets.sweep(now=0.0)
    assert taken(budgets.of(ONE, now=0.0).deposits, now=0.0) == 0
    assert taken(budgets.of(TWO, now=0.0).deposits, now=0.0) == 5
