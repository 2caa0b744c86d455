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

    __slots__ = ("_bytes", "_outlet", "congested", "ended", "frames")

    def __init__(self, outlet: Outlet) -> None:
        self._outlet: Outlet | None = outlet
        self._bytes = 0
        self.frames: list[Frame] = []
        """What is queued; `take` takes it."""
        self.congested = False
        self.ended = False
        """Nothing more is read; what is queued still leaves."""

    @property
    def closed(self) -> bool:
        """Whether nothing more is sent."""
        return self._outlet is None

    def put(self, frame: Frame, size: int = 64) -> None:
        """Queue a frame; see `Link`."""
        outlet = self._outlet
        if outlet is None:
            return
        if not self.frames:
            outlet.stir()
        elif self._bytes + size > _ROOM:
            outlet.send()
        self.frames.append(frame)
        self._bytes += size

    def end(self) -> None:
        """Close after what is queued has left; see `Link`."""
        if not self.ended:
            self.ended = True
            if not self.frames and self._outlet is not None:
                self._outlet.stir()

    def cut(self) -> None:
        """Read nothing more, and send nothing more. Lets go of the connection: each would keep the other in memory."""
        self.ended = True
        self._outlet = None

    def take(self) -> list[Frame]:
        """Return what is queued, which is the caller's to send."""
        frames, self.frames, self._bytes = self.frames, [], 0
        return frames
