"""Leases and TTLs grow old only while the server runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.server.core.running_clock import Heartbeat, RunningClock, stood_still

GAP_MAX = 600.0


def started_again(gap: float, *, floor: float = 0.0) -> float:
    """Return the running time right after a stop of `gap` seconds at 5,000 running seconds."""
    last = Heartbeat(running=5_000.0, wall=1_000_000.0)
    return RunningClock(last, wall=1_000_000.0 + gap, monotonic=77.0, floor=floor).now(77.0)


@pytest.mark.parametrize("gap", [0.0, 0.5, 59.0, GAP_MAX])
def test_a_short_stop_counts_as_running(gap: float) -> None:
    assert started_again(gap) == 5_000.0 + gap


@pytest.mark.parametrize("gap", [GAP_MAX + 0.001, 86_400.0, -0.001, -1e9])
def test_a_long_stop_and_a_clock_set_back_do_not(gap: float) -> None:
    assert started_again(gap) == 5_000.0


def test_the_first_start_is_zero() -> None:
    assert RunningClock(None, wall=1_800_000_000.0, monotonic=5.0).now(5.0) == 0.0


def test_time_runs_with_the_monotonic_clock_only() -> None:
    clock = RunningClock(None, wall=1_000.0, monotonic=50.0)
    assert clock.now(80.0) == 30.0
    assert clock.heartbeat(wall=9e9, monotonic=90.0) == Heartbeat(running=40.0, wall=9e9)
    assert clock.now(95.0) == 45.0


def test_a_lost_heartbeat_never_takes_time_below_what_the_stores_hold() -> None:
    assert RunningClock(None, wall=0.0, monotonic=0.0, floor=9_000.0).now(1.0) == 9_001.0
    assert started_again(10.0, floor=9_000.0) == 9_000.0
    assert started_again(10.0, floor=4_000.0) == 5_010.0


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e5), st.booleans()),
        max_size=20,
    )
)
def test_running_time_never_goes_back(steps: list[tuple[float, float, bool]]) -> None:
    """Whatever the wall clock does, and however often the server is started again."""
    wall, monotonic = 1e9, 0.0
    clock = RunningClock(None, wall=wall, monotonic=monotonic)
    before = 0.0
    for jump, passed, restart in steps:
        wall += passed
        monotonic += passed
        heartbeat = clock.heartbeat(wall=wall, monotonic=monotonic)
        wall += jump
        if restart:
            monotonic = 0.0
            clock = RunningClock(heartbeat, wall=wall, monotonic=monotonic)
        now = clock.now(monotonic)
        assert before <= now
        before = now


@pytest.mark.parametrize(("gap", "still"), [(0.0, False), (599.0, False), (601.0, True), (-1.0, True)])
def test_a_long_absence_may_be_a_copy(gap: float, *, still: bool) -> None:
    last = Heartbeat(running=5.0, wall=1000.0)
    assert stood_still(last, wall=1000.0 + gap) is still
    assert not stood_still(None, wall=0.0)
