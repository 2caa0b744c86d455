"""What looking into one exchange may cost: a hostile capture must not stall the run."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits for decoding; what lies beyond is listed as not seen into."""

    depth: int = 8
    """Layers of encoding."""
    view_bytes: int = 16 * 1024 * 1024
    """The largest decoded view."""
    exchange_bytes: int = 64 * 1024 * 1024
    """All decoded views of one exchange together."""
    exchange_views: int = 20_000
    exchange_seconds: float = 10.0


class Budget:
    """What is left of the bounds for one exchange."""

    def __init__(self, bounds: Bounds, monotonic: Callable[[], float]) -> None:
        self.bounds = bounds
        self._monotonic = monotonic
        self._deadline = monotonic() + bounds.exchange_seconds
        self.left_bytes = bounds.exchange_bytes
        self._left_views = bounds.exchange_views
        self.exhausted = ""
        """Empty, or which bound stopped the decoding."""
        self.was_cut = False
        self.stopped = ""
        """Whether a view was cut at its bound; what lies before was searched."""
        self.was_too_deep = False
        """Whether something packed, or without pattern, lay deeper than the last layer that is undone."""

    @property
    def largest(self) -> int:
        """Bytes that the next view may have; none when the bounds are spent."""
        return max(0, min(self.bounds.view_bytes, self.left_bytes))

    def take(self, size: int) -> bool:
        """Pay for a view of `size` bytes; False when there is nothing left to pay with."""
        if self.exhausted:
            return False
        self._left_views -= 1
        self.left_bytes -= size
        if self.left_bytes < 0:
            self.exhausted = "size"
        elif self._left_views < 0:
            self.exhausted = "number of layers"
        elif self._left_views % 16 == 0 and self._monotonic() > self._deadline:
            self.exhausted = "time"
        return not self.exhausted

    def renew(self) -> None:
        """Begin anew for the next window of an exchange too large for one; what went wrong before stays known."""
        self._deadline = self._monotonic() + self.bounds.exchange_seconds
        self.left_bytes = self.bounds.exchange_bytes
        self._left_views = self.bounds.exchange_views
        self.stopped = self.stopped or self.exhausted
        self.exhausted = ""

    @property
    def incomplete(self) -> str:
        """Empty, or which bound left something unseen."""
        return self.exhausted or self.stopped or ("size" if self.was_cut else "depth" if self.was_too_deep else "")
