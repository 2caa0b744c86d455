"""What is queued for one connection: frames that leave together, once per turn of the event loop."""

from typing import Final, Protocol

from sayso.protocol.frames import Frame
from sayso.protocol.limits import LIMITS

_ROOM: Final = LIMITS.message_bytes - 1024
"""Encoded bytes of frames that are put into one WebSocket message."""


class Outlet(Protocol):
    """The connection whose frames these are."""

    def stir(self) -> None:
        """Something is queued that was not: send it, or close, at the end of this turn of the loop."""
        ...

    def send(self) -> None:
        """Send what is queued now: the next frame has no room in the same message."""
        ...


class Outbox:
    """A `Link` for the relay, in front of a connection."""

    __slots__ = ("_bytes", "_outlet", "closed", "congested", "ended", "frames")

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._bytes = 0
        self.frames: list[Frame] = []
        """What is queued; `take` takes it."""
        self.congested = False
        self.ended = False
        """Nothing more is read; what is queued still leaves."""
        self.closed = False
        """Nothing more is sent."""

    def put(self, frame: Frame, size: int = 64) -> None:
        """Queue a frame; see `Link`."""
        if self.closed:
            return
        if not self.frames:
            self._outlet.stir()
        elif self._bytes + size > _ROOM:
            self._outlet.send()
        self.frames.append(frame)
        self._bytes += size

    def end(self) -> None:
        """Close after what is queued has left; see `Link`."""
        if not self.ended:
            self.ended = True
            if not self.frames:
                self._outlet.stir()

    def cut(self) -> None:
        """Read nothing more, and send nothing more."""
        self.ended = self.closed = True

    def take(self) -> list[Frame]:
        """Return what is queued, which is the caller's to send."""
        frames, self.frames, self._bytes = self.frames, [], 0
        return frames
