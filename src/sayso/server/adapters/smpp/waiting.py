"""Who waits to be sent. No I/O: the time comes in, what is to be done goes out.

waiting ── bound, room in the window, not throttled ──▶ handed to the session
handed ── throttled ──▶ waiting again, at the front; nobody is handed over for a while
waiting ── patience over ──▶ overdue
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from sayso.protocol.numbers import PhoneNumber

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0


@dataclass(slots=True, eq=False)
class Job:
    """One SMS. Its `repr` shows neither number nor text."""

    number: PhoneNumber
    text: str = field(repr=False)
    since: float
    """Monotonic seconds."""
    deadline: float
    """Monotonic seconds; later it is not sent any more."""
    done: "asyncio.Future[None]"


class Waiting:
    """A bounded queue with a common pause."""

    def __init__(self, *, at_most: int, first_pause_s: float = _FIRST_PAUSE_S) -> None:
        """Take how many may wait, and how long the first pause of a throttling SMSC is."""
        self._at_most = at_most
        self._first_pause_s = first_pause_s
        self._jobs: deque[Job] = deque()
        self._pause_s = 0.0
        self._paused_until = 0.0

    def add(self, job: Job) -> bool:
        """Take a job. False: too many wait."""
        if len(self._jobs) >= self._at_most:
            return False
        self._jobs.append(job)
        return True

    def next(self, *, now: float) -> Job | None:
        """Hand out the job whose turn it is; nobody waits for one that is done with."""
        while self._jobs and self._jobs[0].done.done():
            self._jobs.popleft()
        return self._jobs.popleft() if self._jobs and now >= self._paused_until else None

    def throttled(self, job: Job, *, now: float) -> None:
        """Take a job back, and pause: twice as long each time."""
        self._jobs.appendleft(job)
        if now >= self._paused_until:
            self._pause_s = min(self._pause_s * 2 or self._first_pause_s, _LONGEST_PAUSE_S)
            self._paused_until = now + self._pause_s

    def went_well(self) -> None:
        """The SMSC takes SMS again: the next pause is short."""
        self._pause_s = 0.0

    def overdue(self, *, now: float) -> list[Job]:
        """Remove and return those whose time is over."""
        late = [job for job in self._jobs if job.deadline <= now]
        if late:
            self._jobs = deque(job for job in self._jobs if job.deadline > now)
        return late

    def wake_at(self, *, now: float) -> float:
        """Say when something will be due by itself, in monotonic seconds."""
        due = [job.deadline for job in self._jobs]
        if due and self._paused_until > now:
            due.append(self._paused_until)
        return min(due, default=float("inf"))
