"""WebSocket frames after an upgrade (RFC 6455), inflated where both sides agreed to it (RFC 7692)."""

import zlib
from collections.abc import Iterator

MAX_MESSAGE = 16 * 1024 * 1024
_TAIL = b"\x00\x00\xff\xff"
_CONTROL = 0x8


class Frames:
    """One direction."""

    def __init__(self) -> None:
        self._buffer = b""
        self._message = b""
        self._packed = False
        self._inflater = zlib.decompressobj(-15)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are whole; what is too long comes in pieces."""
        self._buffer += data
        while (frame := self._frame()) is not None:
            first, payload = frame
            if first & 0xF >= _CONTROL:
                continue
            if first & 0xF:
                self._message, self._packed = b"", bool(first & 0x40)
            self._message += payload
            if first & 0x80 or len(self._message) > MAX_MESSAGE:
                yield self._inflated(self._message) if self._packed else self._message
                self._message = b""

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._buffer
        if len(data) < 2:  # noqa: PLR2004  the shortest header
            return None
        size, at = data[1] & 0x7F, 2
        if size >= 126:  # noqa: PLR2004  RFC 6455, 5.2: the length follows
            wide = 2 if size == 126 else 8  # noqa: PLR2004  the same
            size, at = int.from_bytes(data[2 : 2 + wide]), 2 + wide
        mask = b""
        if data[1] & 0x80:
            mask, at = data[at : at + 4], at + 4
        have = len(data) - at
        if have < min(size, MAX_MESSAGE):
            return None
        size = min(size, MAX_MESSAGE)
        payload, self._buffer = data[at : at + size], data[at + size :]
        if mask and payload:
            key = (mask * (len(payload) // 4 + 1))[: len(payload)]
            payload = (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(len(payload))
        return data[0], payload

    def _inflated(self, message: bytes) -> bytes:
        try:
            return self._inflater.decompress(message + _TAIL, MAX_MESSAGE)
        except zlib.error:
            # The context is lost: what follows may still begin anew.
            self._inflater = zlib.decompressobj(-15)
            return message
