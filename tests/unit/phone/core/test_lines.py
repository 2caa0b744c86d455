"""The states of a line; nothing but a yes leads out of off."""

import itertools

import pytest

from sayso.phone.core.lines import LineEvent, LineState, SimSeen, after_sim, move
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
    (LineState.LEAVING, LineEvent.LEFT, LineState.OFF),
    (LineState.ON, LineEvent.ENDED_BY_SERVER, LineState.OFF),
    (LineState.ON, LineEvent.POLICY_CHANGED, LineState.POLICY_CHANGED),
    (LineState.PAUSED, LineEvent.POLICY_CHANGED, LineState.POLICY_CHANGED),
    (LineState.POLICY_CHANGED, LineEvent.AGREED, LineState.ON),
    (LineState.POLICY_CHANGED, LineEvent.OPT_OUT, LineState.LEAVING),
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


@pytest.mark.parametrize(
    ("state", "seen", "event"),
    [
        (LineState.ON, SimSeen.ANOTHER, LineEvent.SIM_GONE),
        (LineState.ON, SimSeen.NONE, LineEvent.SIM_GONE),
        (LineState.ON, SimSeen.OURS, None),
        (LineState.ON, SimSeen.LOCKED, None),
        (LineState.PAUSED, SimSeen.OURS, LineEvent.SIM_BACK),
        (LineState.PAUSED, SimSeen.ANOTHER, None),
        (LineState.OFF, SimSeen.ANOTHER, None),
        (LineState.ENROLLING, SimSeen.NONE, None),
    ],
)
def test_what_a_look_at_the_sim_means(state: LineState, seen: SimSeen, event: LineEvent | None) -> None:
    assert after_sim(state, seen) is event
