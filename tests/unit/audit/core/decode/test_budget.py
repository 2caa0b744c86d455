"""The bounds of decoding."""

import pytest

from sayso.audit.core.decode.budget import Bounds, Budget
from tests.fakes.audit_world import Ticks


@pytest.mark.parametrize(
    ("bounds", "why"),
    [
        (Bounds(exchange_bytes=100), "size"),
        (Bounds(exchange_views=3), "number of layers"),
    ],
)
def test_a_bound_stops_the_decoding_and_says_which(bounds: Bounds, why: str) -> None:
    budget = Budget(bounds, Ticks())
    assert budget.take(40)
    while budget.take(30):
        pass
    assert budget.exhausted == why
    assert not budget.take(0)


def test_time_stops_it_too() -> None:
    budget = Budget(Bounds(exchange_seconds=2), Ticks(step=1))
    assert any(not budget.take(1) for _ in range(200))
    assert budget.exhausted == "time"


def test_the_next_view_is_bounded_by_what_is_left() -> None:
    budget = Budget(Bounds(view_bytes=50, exchange_bytes=80), Ticks())
    assert budget.largest == 50
    budget.take(45)
    assert budget.largest == 35


def test_a_cut_view_does_not_stop_the_rest() -> None:
    budget = Budget(Bounds(), Ticks())
    budget.was_cut = True
    assert budget.take(10)
    assert budget.incomplete == "size"


def test_the_next_window_begins_anew_and_nothing_is_forgotten() -> None:
    budget = Budget(Bounds(exchange_views=1), Ticks())
    while budget.take(1):
        pass
    budget.renew()
    assert budget.take(1)
    assert budget.incomplete == "number of layers"
