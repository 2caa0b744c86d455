"""Events on their way from the process that reads a capture to the one that searches it.

A message is its length (four bytes), a sign for its kind, and MessagePack. The receiver takes nothing for granted: the
sender has read hostile bytes and may no longer be itself.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from sayso.audit.core.model import Chunk, Event, Exchange, Mark, NotSeen
from sayso.audit.errors import CaptureError

HEAD: Final = struct.Struct("!Ic")
MAX_MESSAGE = 160 * 1024 * 1024
PROGRESS, CORRUPT, UNKNOWN, END = b"p", b"c", b"u", b"."
"""Bytes read since the last; the file broke off; nobody can read it; all was said."""
_KINDS: Final[dict[bytes, type]] = {b"x": Exchange, b"k": Chunk, b"s": NotSeen, b"m": Mark}
_SIGNS: Final = {kind: sign for sign, kind in _KINDS.items()}
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODERS: Final[dict[bytes, msgspec.msgpack.Decoder[Any]]] = {
    **{sign: msgspec.msgpack.Decoder(kind) for sign, kind in _KINDS.items()},
    PROGRESS: msgspec.msgpack.Decoder(int),
    **{sign: msgspec.msgpack.Decoder(str) for sign in (CORRUPT, UNKNOWN, END)},
}
Message = tuple[bytes, Any]
"""(kind, what it says); an event has the kind of one of `_KINDS`."""


def event(one: Event) -> bytes:
    """A message that carries an event."""
    return said(_SIGNS[type(one)], one)


def said(kind: bytes, value: object) -> bytes:
    """A message of any kind."""
    body = _ENCODER.encode(value)
    return HEAD.pack(len(body), kind) + body


class Parser:
    """Bytes in, messages out."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._have = 0
        self._need = HEAD.size

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take what arrived; yield the messages that are whole.

        Raises:
            CaptureError: no message of ours.
        """
        self._pieces.append(data)
        self._have += len(data)
        if self._have < self._need:
            return
        buffer, at = b"".join(self._pieces), 0
        while True:
            if len(buffer) - at < HEAD.size:
                self._need = HEAD.size
                break
            size, kind = HEAD.unpack_from(buffer, at)
            if size > MAX_MESSAGE or kind not in _DECODERS:
                raise CaptureError("the reader of the capture said something that no reader says")
            end = at + HEAD.size + size
            if end > len(buffer):
                self._need = HEAD.size + size
                break
            try:
                yield kind, _DECODERS[kind].decode(memoryview(buffer)[at + HEAD.size : end])
            except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
                raise CaptureError("the reader of the capture said something that no reader says") from None
            at = end
        rest = buffer[at:]
        self._pieces, self._have = [rest], len(rest)
