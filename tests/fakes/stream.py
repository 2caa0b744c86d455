"""Streams without a network: the test plays the server."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TypeVar

from sayso.phone.errors import StreamClosedError
from sayso.phone.ports import StreamLink
from sayso.protocol.errors import SaysoError
from sayso.protocol.frames import ByeReason, ClientFrame, Frame, ServerFrame
from sayso.protocol.stream import UnknownFrame, client_frames, server_frames, write

FrameT = TypeVar("FrameT", bound=Frame)


class FakeLink:
    """The StreamLink port, with the server's end in `sent`, `say`, `hang_up`. Frames pass through the codec."""

    def __init__(self, *, lease_s: int = 72 * 3600, one_time_keys: int = 50) -> None:
        self.lease_s = lease_s
        self.one_time_keys = one_time_keys
        self.sent: list[ClientFrame | UnknownFrame] = []
        """What the phone sent, in order."""
        self.closed = False
        """Whether either side closed it."""
        self._incoming: deque[ServerFrame | UnknownFrame] = deque()
        self._changed = asyncio.Event()
        self._reason: ByeReason | None = None

    # ---- the phone's end ----

    def send(self, frames: Sequence[Frame]) -> None:
        if not self.closed:
            self.sent.extend(client_frames.read(write(frames)))
            self._wake()

    async def receive(self) -> Sequence[ServerFrame | UnknownFrame]:
        while not self._incoming:
            if self.closed:
                raise StreamClosedError("the stream ended", self._reason)
            await self._change()
        frames = tuple(self._incoming)
        self._incoming.clear()
        return frames

    async def close(self) -> None:
        self.closed = True
        self._wake()

    # ---- the server's end ----

    def say(self, *frames: ServerFrame) -> None:
        """Send frames to the phone."""
        self._incoming.extend(server_frames.read(write(frames)))
        self._wake()

    def say_unknown(self, kind: int) -> None:
        """Send a frame of a type that the phone does not know."""
        self._incoming.append(UnknownFrame(kind))
        self._wake()

    def hang_up(self, reason: ByeReason | None = None) -> None:
        """End the stream, with or without a word."""
        self._reason = reason
        self.closed = True
        self._wake()

    async def expect(self, kind: type[FrameT]) -> FrameT:
        """Wait for the next frame of a kind that the phone sends, and take it out of `sent`."""
        while True:
            for frame in self.sent:
                if isinstance(frame, kind):
                    self.sent.remove(frame)
                    return frame
            await self._change()

    def _wake(self) -> None:
        self._changed.set()

    async def _change(self) -> None:
        # A fresh event for each change: both ends may wait at the same time.
        changed = self._changed
        await changed.wait()
        if self._changed is changed:
            self._changed = asyncio.Event()


class FakeConnector:
    """The StreamConnector port: hands out links, or raises `trouble` while it is set."""

    def __init__(self) -> None:
        self.trouble: SaysoError | None = None
        self.urls: list[str] = []
        """Every attempt, in order."""
        self.links: list[FakeLink] = []
        """Every link handed out, in order."""
        self._connected = asyncio.Event()

    async def connect(self, url: str) -> StreamLink:
        self.urls.append(url)
        if self.trouble is not None:
            raise self.trouble
        link = FakeLink()
        self.links.append(link)
        self._connected.set()
        return link

    async def next_link(self) -> FakeLink:
        """Wait for the next link that the phone is given."""
        await self._connected.wait()
        self._connected.clear()
        return self.links[-1]
