"""The machine's own clock and randomness serve the ports."""

import time

from sayso.phone.adapters.system import SystemClock, SystemRandom
from sayso.phone.ports import Clock, Random
from tests.aio import run


def test_the_clock_is_the_machines() -> None:
    clock: Clock = SystemClock()
    before = time.time()
    assert before <= clock.wall() <= time.time()
    first = clock.monotonic()
    run(clock.sleep(0))
    assert clock.monotonic() >= first


def test_random_bytes() -> None:
    random: Random = SystemRandom()
    assert len(random.token_bytes(32)) == 32
    assert random.token_bytes(32) != random.token_bytes(32)
