"""What a server sends on the stream, from picows's callbacks into a bounded queue of frames.

Everything in here is the server's to choose: whatever is no list of frames in one whole binary message ends the stream.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Final

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport

from sayso.consent.gate import Connection
from sayso.phone.errors import StreamClosedError
from sayso.protocol.errors import FrameError
from sayso.protocol.frames import Bye, ByeReason, Error, ErrorCode, ServerFrame
from sayso.protocol.limits import LIMITS
from sayso.protocol.stream import UnknownFrame, server_frames, write

QUEUE_FRAMES: Final = 4 * LIMITS.unacknowledged_envelopes
"""With more than this unread, nothing more is read from the socket; a server's window of envelopes fits."""

_BYES: Final = {
    ByeReason.STOPPING: "the server stops",
    ByeReason.REPLACED: "the same device has connected again",
    ByeReason.WITHDRAWN: "the enrolment has ended",
    ByeReason.SLOW: "the server found this phone too slow in reading",
}


class StreamInbox(WSListener):
    """Listener of one stream."""

    def __init__(self, connection: Connection, *, close_s: float) -> None:
        """Make a listener.

        Args:
            connection: the gate's, which is finished when the stream is gone.
            close_s: a peer that does not finish closing within this time is cut off; picows itself would wait for it.
        """
        self._connection: Final = connection
        self._close_s: Final = close_s
        self._frames: deque[ServerFrame | UnknownFrame] = deque()
        self._news: Final = asyncio.Event()
        self._end: tuple[str, ByeReason | None] | None = None
        self._transport: WSTransport | None = None
        self._paused = False

    async def take(self) -> Sequence[ServerFrame | UnknownFrame]:
        """Wait for frames and take all that are there.

        Raises:
            StreamClosedError: the stream ended, and everything before that was taken.
        """
        await self._wait()
        frames = tuple(self._frames)
        self._frames.clear()
        self._read_on()
        return frames

    async def take_one(self) -> ServerFrame | UnknownFrame:
        """Wait for one frame, and leave what follows it; errors as in `take`."""
        await self._wait()
        frame = self._frames.popleft()
        self._read_on()
        return frame

    async def close(self) -> None:
        """Close, and wait until it is closed."""
        self._finish("the stream was closed")
        if self._transport is None:
            return
        # Unread means unacknowledged: the server keeps it. Reading has to go on, or its goodbye would not be seen.
        self._frames.clear()
        self._read_on()
        self._shut(self._transport, WSCloseCode.OK)
        await _gone(self._transport)

    async def abort(self) -> None:
        """Cut the connection off, and wait until it is."""
        self._finish("the stream was closed")
        if self._transport is not None:
            self._transport.disconnect(graceful=False)
            await _gone(self._transport)

    # ---- what picows calls ----

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Remember the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Queue what a message holds."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            return
        if frame.msg_type == WSMsgType.PONG or self._end is not None:
            return  # an unasked pong is allowed (RFC 6455, section 5.5.3); after the end nothing counts
        if frame.msg_type != WSMsgType.BINARY or not frame.fin or frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fault(transport, WSCloseCode.UNSUPPORTED_DATA, "the server sent something else than whole messages")
        elif frame.payload_size > LIMITS.message_bytes:
            # max_frame_size does not stop a frame that is in the buffer already.
            self._fault(transport, WSCloseCode.MESSAGE_TOO_BIG, "the server sent a message of more than 256 KiB")
        else:
            self._read(transport, frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  picows's signature
        """Settle the books."""
        self._finish("the connection to the server is gone")
        self._connection.finish()

    # ---- inside ----

    async def _wait(self) -> None:
        while not self._frames:
            if self._end is not None:
                raise StreamClosedError(*self._end)
            self._news.clear()
            await self._news.wait()

    def _read(self, transport: WSTransport, message: bytes) -> None:
        try:
            frames = server_frames.read(message)
        except FrameError:
            transport.send(WSMsgType.BINARY, write([Error(ErrorCode.MALFORMED, 0, "not a list of frames")]))
            self._fault(transport, WSCloseCode.PROTOCOL_ERROR, "the server sent what is no list of frames")
            return
        for frame in frames:
            if isinstance(frame, Bye):
                self._finish(_BYES[frame.reason], frame.reason)
                break
            self._frames.append(frame)
        self._news.set()
        if len(self._frames) > QUEUE_FRAMES and not self._paused and not transport.underlying_transport.is_closing():
            self._paused = True
            transport.underlying_transport.pause_reading()

    def _read_on(self) -> None:
        if self._paused and self._transport is not None and len(self._frames) <= QUEUE_FRAMES:
            self._paused = False
            if not self._transport.underlying_transport.is_closing():
                self._transport.underlying_transport.resume_reading()

    def _fault(self, transport: WSTransport, code: WSCloseCode, why: str) -> None:
        self._finish(why)
        self._shut(transport, code)

    def _shut(self, transport: WSTransport, code: WSCloseCode) -> None:
        if transport.is_disconnected:
            return
        transport.send_close(code)
        asyncio.get_running_loop().call_later(self._close_s, transport.underlying_transport.abort)

    def _finish(self, why: str, reason: ByeReason | None = None) -> None:
        if self._end is None:
            self._end = (why, reason)
        self._news.set()


async def _gone(transport: WSTransport) -> None:
    # What picows found wrong with the peer comes out here a second time; the first was in `take`.
    with contextlib.suppress(WSError):
        await transport.wait_disconnected()
