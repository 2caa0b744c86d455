"""WebSocket messages of the stream: a message is a MessagePack array of frames, at most 256 KiB.

The decoders take the fast way when every frame is known and well formed, and only otherwise look at each frame by
itself, to tell an unknown type (the connection stays) from a malformed frame (it ends).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar, cast

import msgspec
from msgspec import Meta

from sayso.protocol.errors import FrameError
from sayso.protocol.frames import ClientFrame, Frame, ServerFrame
from sayso.protocol.limits import LIMITS

FRAMES_PER_MESSAGE: Final = 4096
"""A list of more frames than this is refused, so that a message of tiny frames cannot hold up a turn of the loop."""


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A frame of a type that this version does not know. Answered with an error frame; the connection stays."""

    type: int


FrameT = TypeVar("FrameT")


class Reader(Generic[FrameT]):
    """Decodes the messages of one direction."""

    def __init__(self, frames: Any) -> None:
        """Take the union of frames of this direction."""
        self._all: Final = msgspec.msgpack.Decoder(Annotated[list[frames], Meta(max_length=FRAMES_PER_MESSAGE)])
        self._one: Final = msgspec.msgpack.Decoder(frames)
        self._raw: Final = msgspec.msgpack.Decoder(list[msgspec.Raw])
        self._type: Final = msgspec.msgpack.Decoder(int)
        self._known: Final = frozenset(
            member.__struct_config__.tag for member in getattr(frames, "__args__", (frames,))
        )

    def read(self, message: bytes | memoryview) -> list[FrameT | UnknownFrame]:
        """Decode one WebSocket message.

        Raises:
            FrameError: too long, not a list of frames, or a frame of a known type is malformed.
        """
        if len(message) > LIMITS.message_bytes:
            raise FrameError("a message of the stream has at most 256 KiB")
        try:
            return cast("list[FrameT | UnknownFrame]", self._all.decode(message))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # Bad UTF-8 inside a string is an error of Python's own, not of msgspec's family.
            return self._read_slowly(message)
        except RecursionError:
            raise FrameError("nested too deeply") from None

    def _read_slowly(self, message: bytes | memoryview) -> list[FrameT | UnknownFrame]:
        try:
            raws = self._raw.decode(message)
        except (msgspec.MsgspecError, RecursionError):
            raise FrameError("a message of the stream is a MessagePack array of frames") from None
        if len(raws) > FRAMES_PER_MESSAGE:
            raise FrameError("too many frames in one message")
        return [self._read_one(raw) for raw in raws]

    def _read_one(self, raw: msgspec.Raw) -> FrameT | UnknownFrame:
        try:
            return cast("FrameT", self._one.decode(raw))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        try:
            # The elements of an unknown frame are skipped, not decoded: they may be anything that MessagePack knows.
            kind = self._type.decode(self._raw.decode(raw)[0])
        except (msgspec.MsgspecError, RecursionError, IndexError):
            raise FrameError("a frame is a MessagePack array that begins with its type") from None
        if kind in self._known:
            raise FrameError("a frame of a known type is malformed")
        return UnknownFrame(kind)


client_frames: Final[Reader[ClientFrame]] = Reader(ClientFrame)
"""Reads what clients send."""
server_frames: Final[Reader[ServerFrame]] = Reader(ServerFrame)
"""Reads what servers send."""

_ENCODER: Final = msgspec.msgpack.Encoder()


def write(frames: Sequence[Frame]) -> bytes:
    """Encode frames into one WebSocket message. Keeping it below 256 KiB is the caller's part: see `batches`."""
    return _ENCODER.encode(frames)


def batches(frames: Sequence[Frame], sizes: Sequence[int]) -> list[Sequence[Frame]]:
    """Cut a queue of frames so that each message stays within the limit.

    Args:
        frames: in order.
        sizes: an upper bound of each frame's encoded size, in bytes.
    """
    room = LIMITS.message_bytes - 8
    cut: list[Sequence[Frame]] = []
    start = used = 0
    for index, size in enumerate(sizes):
        if (used + size > room or index - start == FRAMES_PER_MESSAGE) and index > start:
            cut.append(frames[start:index])
            start, used = index, 0
        used += size
    if start < len(frames):
        cut.append(frames[start:])
    return cut
