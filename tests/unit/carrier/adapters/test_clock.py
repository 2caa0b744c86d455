"""The system's clock: Unix time in seconds."""

import time

from sayso.carrier.adapters.clock import SystemClock


def test_it_is_the_systems() -> None:
    before = time.time()
    assert before <= SystemClock().now() <= time.time()
