"""A device's connection that keeps what is put on it."""

from collections.abc import Callable
from typing import TypeVar

from sayso.protocol.frames import Bye, CaughtUp, Deliver, Frame, ServerFrame, Withdraw
from sayso.protocol.stream import server_frames, write

FrameT = TypeVar("FrameT", bound=Frame)


class RecordingLink:
    """The Link of the relay. Every frame is one that a phone can read, and within the size that was said of it."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.frames: list[Frame] = []
        self.times: list[float] = []
        """When each frame was put, by the clock."""
        self.congested = False
        self.ended = False
        """Nothing is put on a connection after its end, unless it is news that crossed it: that is dropped."""
        self._clock = clock

    def put(self, frame: Frame, size: int = 64) -> None:
        if self.ended:
            return
        encoded = write([frame])
        assert len(encoded) - 1 <= size
        (read,) = server_frames.read(encoded)
        assert isinstance(read, ServerFrame)
        self.frames.append(frame)
        self.times.append(self._clock())

    def end(self) -> None:
        self.ended = True

    def all(self, kind: type[FrameT]) -> list[FrameT]:
        """Return all frames of a kind, in order."""
        return [frame for frame in self.frames if isinstance(frame, kind)]

    @property
    def transcript(self) -> list[tuple[float, Frame]]:
        """Frames with their times, to the millisecond."""
        return [(round(when, 3), frame) for when, frame in zip(self.times, self.frames, strict=True)]

    @property
    def delivered(self) -> list[bytes]:
        """Envelopes, in order."""
        return [frame.envelope for frame in self.all(Deliver)]

    @property
    def withdrawn(self) -> list[bytes]:
        """Ids of envelopes that the device is asked about, in order."""
        return [frame.envelope_id for frame in self.all(Withdraw)]

    @property
    def caught_up(self) -> int:
        """How often catch-up was said to be over."""
        return len(self.all(CaughtUp))

    @property
    def byes(self) -> list[Bye]:
        return self.all(Bye)
