"""The system's clock and randomness are what they say."""

import time

from sayso.server.adapters.system import SystemClock, SystemRandom


def test_the_clock_is_the_systems() -> None:
    clock = SystemClock()
    wall, monotonic = time.time(), time.monotonic()
    assert clock.wall() >= wall
    assert clock.monotonic() >= monotonic
    assert clock.wall() - wall < 60


def test_random_bytes_have_the_length_asked_for_and_differ() -> None:
    random = SystemRandom()
    assert [len(random.token_bytes(count)) for count in (0, 1, 32)] == [0, 1, 32]
    assert random.token_bytes(32) != random.token_bytes(32)
