"""What must not tell a stranger whether a phone is on.

A sender without the grant may know the fate of an envelope 10 minutes after its deposit, and not before. Until then:

- It is answered on a fixed grid, no earlier than `stranger_answer_ms` after the deposit.
- What the answer waits for is written when the 250 ms of the live try are over, be it the envelope (the phone is off,
  congested, or did not acknowledge) or the outcome (it did): one row, in the same batch, so that a slow disk delays all
  alike.
- An envelope that is gone leaves an *echo*: its share of the mailbox, its handle and its id stay taken, as they would
  if the phone were off. Otherwise a quota, a second deposit under the same handle, or a repeated one would tell.
- A full disk refuses every deposit without the grant before it looks at the phone (`Ledger.no_space_until`); those
  that were taken already are kept and tried again, never refused.

What remains: a mailbox that contacts have filled is full for strangers too; a restart of the server forgets echoes; and
where a commit takes longer than the grid, the marks and acknowledgements of a phone that is on take turns with the
stranger's own writes.
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
        self._answers: deque[Ticket] = deque()
        self._late: list[Ticket] = []
        self._next_look = 0.0
        self._later: deque[tuple[float, Callable[[], None]]] = deque()

    def add(self, ticket: Ticket) -> None:
        """Hold the answer to a deposit; deposits come in the order of their due times."""
        self._answers.append(ticket)

    def at_next_tick(self, now: float, action: Callable[[], None]) -> None:
        """Do something at the next point of the grid; `now` never goes back."""
        self._later.append((next_tick(now), action))

    @property
    def next_due(self) -> float | None:
        """When `release` has something to do, in running seconds."""
        times = []
        if self._later:
            times.append(self._later[0][0])
        if self._answers:
            times.append(self._answers[0].due)
        if self._late:
            times.append(self._next_look)
        return min(times, default=None)

    def release(self, now: float) -> list[Ticket]:
        """Return the deposits to answer now, and run what was due.

        A deposit that is due but not durable yet (the disk is slow) is looked at again at each later point of the grid.
        """
        looked_at: list[Ticket] = []
        if self._late and now >= self._next_look:
            looked_at, self._late = self._late, []
        while self._answers and self._answers[0].due <= now:
            looked_at.append(self._answers.popleft())
        if looked_at:
            self._late += [ticket for ticket in looked_at if ticket.open_parts > 0]
            self._next_look = next_tick(now)
        while self._later and self._later[0][0] <= now:
            self._later.popleft()[1]()
        return [ticket for ticket in looked_at if ticket.open_parts == 0]
