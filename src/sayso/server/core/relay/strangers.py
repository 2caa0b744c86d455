"""Answers that must not tell whether a phone is on.

A sender without the grant is answered on a fixed grid, no earlier than `stranger_answer_ms` after the deposit: by then
an envelope is durable whether it went live, waited for an acknowledgement in vain, or found nobody. Both ways one
row is committed (an outcome or an envelope), so that even a slow disk delays them alike.
"""

import math
from collections import deque
from collections.abc import Callable

from sayso.protocol.limits import LIMITS
from sayso.server.core.relay.entries import Ticket

_TICK = LIMITS.stranger_tick_ms / 1000
_WAIT = LIMITS.stranger_answer_ms / 1000


def due(now: float) -> float:
    """Return when a stranger's deposit of `now` is answered at the earliest: a point of the grid."""
    return math.ceil((now + _WAIT) / _TICK) * _TICK


def next_tick(now: float) -> float:
    """Return the next point of the grid."""
    return (math.floor(now / _TICK) + 1) * _TICK


class Strangers:
    """Answers that wait for their point of the grid."""

    def __init__(self) -> None:
        self._answers: deque[tuple[float, Ticket]] = deque()
        self._held: list[Ticket] = []
        self._next_look = 0.0
        self._later: list[tuple[float, Callable[[], None]]] = []

    def add(self, ticket: Ticket) -> None:
        """Hold the answer to a deposit; deposits come in the order of their due times."""
        self._answers.append((ticket.due, ticket))

    def at_next_tick(self, now: float, action: Callable[[], None]) -> None:
        """Do something at the next point of the grid."""
        self._later.append((next_tick(now), action))

    @property
    def next_due(self) -> float | None:
        """When `release` has something to do, in running seconds."""
        times = [when for when, _ in self._later]
        if self._answers:
            times.append(self._answers[0][0])
        if self._held:
            times.append(self._next_look)
        return min(times, default=None)

    def release(self, now: float) -> list[Ticket]:
        """Return the deposits to answer now, and run what was due.

        A deposit that is due but not durable yet (the disk is slow) is looked at again at each later tick.
        """
        ready: list[Ticket] = []
        held, self._held = self._held, []
        while self._answers and self._answers[0][0] <= now:
            held.append(self._answers.popleft()[1])
        for ticket in held:
            if ticket.open_parts == 0:
                ready.append(ticket)
            elif ticket.open_parts > 0:
                self._held.append(ticket)
        self._next_look = next_tick(now)
        due_now = [action for when, action in self._later if when <= now]
        self._later = [(when, action) for when, action in self._later if when > now]
        for action in due_now:
            action()
        return ready
