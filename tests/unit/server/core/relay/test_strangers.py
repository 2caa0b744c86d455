"""The grid on which strangers are answered."""

from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.limits import LIMITS
from sayso.server.core.relay.entries import REFUSED, Sender, Ticket
from sayso.server.core.relay.strangers import Strangers, due, next_tick
from tests.fakes.link import RecordingLink

TICK = LIMITS.stranger_tick_ms / 1000
WAIT = LIMITS.stranger_answer_ms / 1000


def ticket(now: float, *, open_parts: int = 1) -> Ticket:
    return Ticket(sender=Sender(RecordingLink()), ref=1, granted=False, open_parts=open_parts, due=due(now))


def on_grid(moment: float) -> bool:
    return abs(moment / TICK - round(moment / TICK)) < 1e-4


@given(st.floats(0, 1e8))
def test_an_answer_is_due_on_the_grid_and_late_enough(now: float) -> None:
    assert on_grid(due(now))
    assert WAIT - 1e-6 <= due(now) - now < WAIT + TICK + 1e-6


@given(st.floats(0, 1e8))
def test_the_next_point_of_the_grid_is_later_and_near(now: float) -> None:
    assert on_grid(next_tick(now))
    assert now < next_tick(now) + 1e-6
    assert next_tick(now) - now <= TICK + 1e-6


def test_an_answer_waits_for_its_time() -> None:
    strangers = Strangers()
    due_times = [strangers.next_due]
    one = ticket(10.0, open_parts=0)
    strangers.add(one)
    due_times.append(strangers.next_due)
    assert due_times == [None, one.due]
    assert strangers.release(one.due - 0.001) == []
    assert strangers.release(one.due) == [one]
    assert strangers.release(one.due + 1) == []
    assert strangers.next_due is None


def test_an_answer_that_is_not_durable_in_time_is_looked_at_on_the_grid_only() -> None:
    """Between the points of the grid, ticks come for the live tries of others: they must not tell the disk's pace."""
    strangers = Strangers()
    one = ticket(10.0)
    strangers.add(one)
    assert strangers.release(one.due) == []
    one.open_parts = 0
    look = strangers.next_due
    assert look is not None
    assert on_grid(look)
    assert look > one.due
    assert strangers.release(look - 0.01) == []
    assert strangers.release(look) == [one]


def test_a_refused_deposit_is_not_answered_again() -> None:
    strangers = Strangers()
    one = ticket(10.0)
    strangers.add(one)
    one.open_parts = REFUSED
    assert strangers.release(one.due) == []
    assert strangers.next_due is None


def test_replies_leave_at_the_next_point_of_the_grid_in_order() -> None:
    strangers = Strangers()
    said: list[int] = []
    strangers.at_next_tick(10.01, lambda: said.append(1))
    strangers.at_next_tick(10.02, lambda: said.append(2))
    strangers.at_next_tick(10.06, lambda: said.append(3))
    when = strangers.next_due
    assert when == next_tick(10.01)
    assert strangers.release(when - 0.001) == []
    assert said == []
    strangers.release(when)
    assert said == [1, 2]
    strangers.release(next_tick(10.06))
    assert said == [1, 2, 3]
