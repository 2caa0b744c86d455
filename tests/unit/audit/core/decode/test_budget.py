"""The bounds of decoding."""

import zlib

import brotli
import pytest
import zstandard

from sayso.audit.core.decode import compressed
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


def test_a_spent_budget_leaves_nothing_and_not_less() -> None:
    """A negative bound means none at all to some decompressors."""
    budget = Budget(Bounds(exchange_bytes=80), Ticks())
    budget.take(200)
    assert budget.largest == 0
    packed = (zlib.compress(b"x" * 100), zstandard.compress(b"x" * 100), brotli.compress(b"x" * 100))
    for data in packed:
        for inflated in (*compressed.by_magic(data, budget.largest), *compressed.by_trial(data, budget.largest)):
            assert not inflated.data


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


def test_a_layer_too_deep_is_told() -> None:
    budget = Budget(Bounds(), Ticks())
    assert budget.take(10, 8)
    assert not budget.take(10, 9)
    assert budget.take(10, 8)
    assert budget.incomplete == "depth"
