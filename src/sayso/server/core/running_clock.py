"""The server's own running time: leases and TTLs grow old only while the server runs (design.md §5.3).

    heartbeat ── gap of 0..10 min ──▶ start: running = heartbeat + gap
        └─────── longer, or negative ▶ start: running = heartbeat

While it runs, the monotonic clock alone moves it, so that a jump of the wall clock expires nobody's messages.
"""

from dataclasses import dataclass

from sayso.protocol.limits import LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What is kept on disk of the running time."""

    running: float
    """Running seconds."""
    wall: float
    """Unix seconds at that moment."""


class RunningClock:
    """Running seconds since the server's first start; never goes back."""

    def __init__(self, last: Heartbeat | None, *, wall: float, monotonic: float, floor: float = 0.0) -> None:
        """Start.

        Args:
            last: the last heartbeat; None at the first start, or when it was damaged: then no gap counts.
            wall: Unix seconds now.
            monotonic: monotonic seconds now.
            floor: the latest running time found in the stores. A lost heartbeat must not turn time back below it,
                since leases and TTLs already written would grow by the difference.
        """
        running = 0.0 if last is None else last.running + _counted_gap(last.wall, wall)
        self._running_at_start = max(running, floor)
        self._started = monotonic

    def now(self, monotonic: float) -> float:
        """Return running seconds."""
        return self._running_at_start + max(0.0, monotonic - self._started)

    def catch_up(self, running: float, *, monotonic: float) -> None:
        """Come to where another process that shares the time is, if it is ahead."""
        self._running_at_start += max(0.0, running - self.now(monotonic))

    def heartbeat(self, *, wall: float, monotonic: float) -> Heartbeat:
        """Return what to keep on disk now."""
        return Heartbeat(running=self.now(monotonic), wall=wall)


def stood_still(last: Heartbeat | None, *, wall: float) -> bool:
    """Whether the server was away for so long that this may be a copy of what it was: an image, a snapshot, a backup.

    A long outage looks the same. What was handed since the copy is not marked in it, so that the marks of before count
    for nothing: see `model.all_handed`.
    """
    return last is not None and not 0.0 <= wall - last.wall <= LIMITS.clock_gap_s


def _counted_gap(then: float, now: float) -> float:
    gap = now - then
    return gap if 0.0 <= gap <= LIMITS.clock_gap_s else 0.0
