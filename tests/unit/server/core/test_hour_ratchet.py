"""The hour key goes forward only, and is turned at the hour whatever the clocks do."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.server.core.hour_ratchet import STEPS_MAX, advance, due, hour_of, wrap_key

STATE = bytes(range(32))
FRESH = b"\xff" * 32
HOUR = 3600.0


def hkdf_sha256(key: bytes, info: bytes) -> bytes:
    """RFC 5869 with no salt and one block, by hand."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, info + b"\1", "sha256")


def test_a_step_is_hkdf_with_a_label() -> None:
    step = advance(STATE, generation=7, to=8, fresh=FRESH)
    assert step == hkdf_sha256(STATE, b"sayso/hour-state/1")
    assert wrap_key(STATE) == hkdf_sha256(STATE, b"sayso/hour-wrap/1")
    assert len({STATE, step, wrap_key(STATE), wrap_key(step)}) == 4


def test_steps_add_up() -> None:
    three = advance(STATE, generation=7, to=10, fresh=FRESH)
    assert three == advance(advance(STATE, generation=7, to=8, fresh=FRESH), generation=8, to=10, fresh=FRESH)


def test_a_jump_by_years_is_bounded_and_reseeds() -> None:
    assert advance(STATE, generation=0, to=STEPS_MAX + 1, fresh=FRESH) == FRESH
    assert advance(STATE, generation=0, to=10**15, fresh=FRESH) == FRESH
    assert hashlib.sha256(advance(STATE, generation=0, to=100, fresh=FRESH)).digest() != FRESH


@pytest.mark.parametrize("to", [7, 6, -1])
def test_it_never_goes_back(to: int) -> None:
    with pytest.raises(ValueError, match="forward"):
        advance(STATE, generation=7, to=to, fresh=FRESH)


@pytest.mark.parametrize(("state", "fresh"), [(STATE[:31], FRESH), (STATE, b""), (STATE + b"x", FRESH)])
def test_states_have_32_bytes(state: bytes, fresh: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        advance(state, generation=1, to=2, fresh=fresh)


def test_it_is_due_at_the_hour() -> None:
    assert due(100, wall=100 * HOUR, since_turn=0.0) is None
    assert due(100, wall=101 * HOUR - 0.5, since_turn=HOUR - 0.5) is None
    assert due(100, wall=101 * HOUR, since_turn=12.0) == 101
    assert due(100, wall=105 * HOUR, since_turn=12.0) == 105


def test_with_the_clock_set_back_an_hour_of_running_turns_it() -> None:
    assert due(100, wall=3 * HOUR, since_turn=HOUR - 1.0) is None
    assert due(100, wall=3 * HOUR, since_turn=HOUR) == 101


def test_at_a_start_a_key_of_another_hour_is_turned() -> None:
    assert due(100, wall=100.5 * HOUR, since_turn=None) is None
    assert due(100, wall=102.5 * HOUR, since_turn=None) == 102
    assert due(100, wall=3 * HOUR, since_turn=None) == 101


@given(
    wall=st.floats(0, 4e9),
    steps=st.lists(st.tuples(st.floats(0, 3 * HOUR), st.floats(-1e8, 1e8)), max_size=30),
)
def test_no_key_lives_longer_than_an_hour_between_two_looks(wall: float, steps: list[tuple[float, float]]) -> None:
    """Whatever the wall clock does: after an hour of running the key is due, and what is due is later."""
    generation, since = hour_of(wall), 0.0
    for passed, jump in steps:
        since += passed
        wall = max(0.0, wall + passed + jump)
        target = due(generation, wall=wall, since_turn=since)
        assert (target is not None) == (since >= HOUR or hour_of(wall) > generation)
        if target is not None:
            assert target > generation
            generation, since = target, 0.0
