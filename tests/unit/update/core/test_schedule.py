"""Checks about once a day, at a moment that says nothing."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sayso.update.core.schedule import LEAST_S, MOST_S, RETRY_LEAST_S, RETRY_MOST_S, next_check

NOW = 1_800_000_000.0


@given(st.integers())
def test_about_once_a_day_sooner_after_a_failure(seed: int) -> None:
    good = next_check(last=NOW, now=NOW, failed=False, random=Random(seed))
    bad = next_check(last=NOW, now=NOW, failed=True, random=Random(seed))
    assert NOW + LEAST_S <= good <= NOW + MOST_S
    assert NOW + RETRY_LEAST_S <= bad <= NOW + RETRY_MOST_S


def test_a_clock_that_was_set_back_does_not_postpone_it_for_ever() -> None:
    assert next_check(last=NOW + 1e9, now=NOW, failed=False, random=Random(1)) <= NOW + MOST_S


def test_what_is_overdue_is_due_now() -> None:
    assert next_check(last=NOW - 1e6, now=NOW, failed=False, random=Random(1)) == NOW


def test_two_phones_do_not_check_together() -> None:
    assert next_check(last=None, now=NOW, failed=False, random=Random(1)) != next_check(
        last=None, now=NOW, failed=False, random=Random(2)
    )
