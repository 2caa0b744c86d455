"""The states of a line; nothing but a yes leads out of off."""

import itertools
from dataclasses import replace

import pytest

from sayso.phone.core.lines import (
    PAUSE_AFTER_S,
    RELEASE_AFTER_S,
    Line,
    LineEvent,
    LineState,
    SimSeen,
    SimVerdict,
    after_sim,
    move,
    released_at,
)
from sayso.phone.errors import CommandError

WAY = [
    (LineState.OFF, LineEvent.OPT_IN, LineState.ENROLLING),
    (LineState.ENROLLING, LineEvent.ENROLLED, LineState.ON),
    (LineState.ENROLLING, LineEvent.ENROLMENT_FAILED, LineState.OFF),
    (LineState.ENROLLING, LineEvent.OPT_OUT, LineState.LEAVING),
    (LineState.ON, LineEvent.SIM_GONE, LineState.PAUSED),
    (LineState.PAUSED, LineEvent.SIM_BACK, LineState.ON),
    (LineState.PAUSED, LineEvent.OPT_OUT, LineState.LEAVING),
    (LineState.ON, LineEvent.OPT_OUT, LineState.LEAVING),
    (LineState.ON, LineEvent.OLDER_COPY, LineState.LEAVING),
    (LineState.LEAVING, LineEvent.LEFT, LineState.OFF),
    (LineState.ON, LineEvent.ENDED_BY_SERVER, LineState.OFF),
    (LineState.ON, LineEvent.POLICY_CHANGED, LineState.POLICY_CHANGED),
    (LineState.PAUSED, LineEvent.POLICY_CHANGED, LineState.POLICY_CHANGED),
    (LineState.POLICY_CHANGED, LineEvent.AGREED, LineState.ON),
    (LineState.POLICY_CHANGED, LineEvent.OPT_OUT, LineState.LEAVING),
    (LineState.POLICY_CHANGED, LineEvent.SIM_GONE, LineState.PAUSED),
    (LineState.ON, LineEvent.SIM_RELEASED, LineState.OFF),
    (LineState.PAUSED, LineEvent.SIM_RELEASED, LineState.OFF),
    (LineState.POLICY_CHANGED, LineEvent.SIM_RELEASED, LineState.OFF),
]


@pytest.mark.parametrize(("before", "event", "after"), WAY)
def test_the_way(before: LineState, event: LineEvent, after: LineState) -> None:
    assert move(before, event) is after


def test_nothing_else_moves_a_line() -> None:
    for before, event in itertools.product(LineState, LineEvent):
        if (before, event) not in {(b, e) for b, e, _ in WAY}:
            with pytest.raises(CommandError):
                move(before, event)


def test_nothing_leads_on_without_an_opt_in() -> None:
    """Whatever happens, a line that is off stays off until its owner says yes."""
    for event in LineEvent:
        if event is not LineEvent.OPT_IN:
            with pytest.raises(CommandError):
                move(LineState.OFF, event)


ON = Line(id=b"l" * 16, name="sim1", state=LineState.ON)
NOW = 1_800_000_000.0


def _look(line: Line, seen: SimSeen, seen_for_s: float, *, from_start: bool = False, now: float = NOW) -> SimVerdict:
    return after_sim(line, seen, seen_for_s=seen_for_s, from_start=from_start, now=now)


@pytest.mark.parametrize("seen", [SimSeen.NONE, SimSeen.ANOTHER])
def test_a_sim_that_is_gone_for_ten_minutes_pauses_the_line_and_a_day_releases_it(seen: SimSeen) -> None:
    first = _look(ON, seen, 0)
    assert first == SimVerdict(gone_since=NOW, look_again_s=PAUSE_AFTER_S)
    gone = replace(ON, sim_gone_since=NOW)
    paused = _look(gone, seen, PAUSE_AFTER_S, now=NOW + PAUSE_AFTER_S)
    assert (paused.event, paused.look_again_s) == (LineEvent.SIM_GONE, RELEASE_AFTER_S - PAUSE_AFTER_S)
    silent = replace(gone, state=LineState.PAUSED)
    assert _look(silent, seen, PAUSE_AFTER_S + 1, now=NOW + PAUSE_AFTER_S + 1).event is None
    assert _look(silent, seen, RELEASE_AFTER_S, now=NOW + RELEASE_AFTER_S).event is LineEvent.SIM_RELEASED
    assert released_at(silent) == NOW + RELEASE_AFTER_S


def test_a_sim_that_is_back_within_the_day_goes_on() -> None:
    silent = replace(ON, state=LineState.PAUSED, sim_gone_since=NOW)
    assert _look(silent, SimSeen.OURS, 0, now=NOW + RELEASE_AFTER_S - 1) == SimVerdict(event=LineEvent.SIM_BACK)
    assert released_at(ON) is None


@pytest.mark.parametrize("seen", [SimSeen.LOCKED, SimSeen.UNKNOWN])
def test_a_sim_that_nobody_can_see_means_nothing(seen: SimSeen) -> None:
    """A PIN at boot, a modem that starts anew, airplane mode: however long it takes."""
    assert _look(ON, seen, 10 * RELEASE_AFTER_S) == SimVerdict()
    silent = replace(ON, state=LineState.PAUSED, sim_gone_since=1.0)
    assert _look(silent, seen, 10 * RELEASE_AFTER_S) == SimVerdict(gone_since=1.0)


def test_a_phone_that_was_off_for_days_releases_nothing_at_its_first_look() -> None:
    silent = replace(ON, state=LineState.PAUSED, sim_gone_since=NOW - 5 * RELEASE_AFTER_S)
    assert _look(silent, SimSeen.NONE, 0, from_start=True).event is None
    assert _look(silent, SimSeen.NONE, PAUSE_AFTER_S).event is LineEvent.SIM_RELEASED


def test_a_phone_that_starts_with_another_sim_pauses_at_once() -> None:
    assert _look(ON, SimSeen.ANOTHER, 0, from_start=True).event is LineEvent.SIM_GONE
    assert _look(ON, SimSeen.NONE, 0, from_start=True).event is None


@pytest.mark.parametrize("state", [LineState.OFF, LineState.ENROLLING, LineState.LEAVING])
@pytest.mark.parametrize("seen", [SimSeen.NONE, SimSeen.ANOTHER, SimSeen.OURS])
def test_a_line_that_is_not_on_does_not_mind(state: LineState, seen: SimSeen) -> None:
    off = replace(ON, state=state)
    assert _look(off, seen, 10 * RELEASE_AFTER_S, from_start=True) == SimVerdict()
    assert released_at(replace(off, sim_gone_since=1.0)) is None
