"""A fair chance."""

from sayso.phone.line.chance import chance
from tests.fakes.phone_clock import SeededRandom


def test_it_stays_within_bounds_and_spreads() -> None:
    random = SeededRandom(1)
    draws = [chance(random) for _ in range(1000)]
    assert all(0 <= draw < 1 for draw in draws)
    assert 450 < sum(draw < 0.5 for draw in draws) < 550
