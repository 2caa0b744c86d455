"""Waiting grows, is bounded, and spreads."""

from hypothesis import given
from hypothesis import strategies as st

from sayso.phone.core.reconnect import FIRST_S, MOST_S, wait_s


@given(st.integers(-3, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_bounded_and_never_none(failures: int, chance: float) -> None:
    assert FIRST_S / 2 <= wait_s(failures, chance) <= MOST_S


@given(st.floats(0, 1, exclude_max=True))
def test_it_doubles_up_to_the_most(chance: float) -> None:
    waits = [wait_s(failures, chance) for failures in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[1] == 2 * waits[0]
    assert waits[-1] == waits[-2]


def test_chance_spreads_over_half_of_it() -> None:
    assert wait_s(3, 0.0) == 2.0
    assert wait_s(3, 0.5) == 3.0
