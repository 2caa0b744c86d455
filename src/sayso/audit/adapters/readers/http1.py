"""HTTP/1 in a stream (RFC 9112), read as leniently as servers do: what is broken is searched all the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sayso.audit.adapters.readers.message import Header, value_of

MAX_HEAD = 256 * 1024
MAX_METHOD = 20
MAX_BODY = 8 * 1024 * 1024
"""A longer body comes in pieces of this size."""
_REQUEST = re.compile(rb"([A-Z][A-Z_-]{1,20}) (\S{1,65536}) HTTP/1\.([01])\r?\n")
_ANSWER = re.compile(rb"HTTP/1\.([01]) ([0-9]{3}) ?([^\r\n]{0,1024})\r?\n")
_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"(?:\r?\n)?([0-9A-Fa-f]{1,8})[^\r\n]{0,256}\r?\n")


def begins(data: bytes) -> bool:
    """Whether a client's first bytes are a request."""
    # Only of the line: behind a short head a body of bytes begins at once.
    return re.match(rb"[A-Z][A-Z_-]{1,20} \S", data) is not None and b"\0" not in data[:64].partition(b"\n")[0]


@dataclass(slots=True)
class Message:
    """A request or an answer; a long body's first pieces come as messages that are not `whole`."""

    method: str = ""
    target: bytes = b""
    status: int = 0
    reason: bytes = b""
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    whole: bool = True
    first: bool = True
    """Whether it has the head; of a long body's later pieces, no."""


class BrokenStreamError(Exception):
    """What follows is no HTTP; `rest` is what was not understood."""

    def __init__(self, rest: bytes) -> None:
        super().__init__("not HTTP/1")
        self.rest = rest


class Half:
    """One direction of a connection."""

    def __init__(self, *, requests: bool) -> None:
        self._requests = requests
        self._buffer = b""
        self._message: Message | None = None
        self._left: int | None = 0
        """Bytes of the body still to come; None: until the end; -1: chunked."""
        self._body: list[bytes] = []
        self._size = 0
        self._bodiless: list[bool] = []

    def no_body(self, *, bodiless: bool) -> None:
        """Tell whether the answer to the next request can have no body (to HEAD, RFC 9112, 6.3)."""
        self._bodiless.append(bodiless)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield messages as they become whole.

        Raises:
            BrokenStreamError: this is no HTTP any more.
        """
        self._buffer += data
        while True:
            if self._message is None:
                if not self._head():
                    return
            elif self._left == -1:
                if not self._chunk():
                    return
            else:
                self._plain()
            if self._message is not None and self._left == 0:
                yield self._finish()
            elif self._size >= MAX_BODY:
                yield self._piece()
            elif self._message is not None and self._left != -1 and not self._buffer:
                return

    def _head(self) -> bool:
        start = self._buffer.lstrip(b"\r\n")
        self._buffer = start
        end = _END.search(start)
        if end is None:
            if len(start) > MAX_HEAD or (
                len(start) > MAX_METHOD and not (begins(start) if self._requests else start.startswith(b"HTTP/1."))
            ):
                raise BrokenStreamError(self._drop())
            return False
        head, self._buffer = start[: end.start()] + b"\r\n", start[end.end() :]
        found = (_REQUEST if self._requests else _ANSWER).match(head)
        if found is None:
            raise BrokenStreamError(head + self._drop())
        headers = [_header(line) for line in head[found.end() :].split(b"\n") if b":" in line]
        if self._requests:
            self._message = Message(method=found[1].decode("ascii"), target=found[2], headers=headers)
        else:
            self._message = Message(status=int(found[2]), reason=found[3], headers=headers)
        self._left = self._length(self._message)
        return True

    def _drop(self) -> bytes:
        rest, self._buffer = self._buffer, b""
        return rest

    def _length(self, message: Message) -> int | None:
        """RFC 9112, 6.3."""
        if not self._requests:
            interim = 100 <= message.status < 200  # noqa: PLR2004  informational
            bodiless = self._bodiless.pop(0) if self._bodiless and not interim else False
            if bodiless or interim or message.status in {204, 304}:
                return 0
        if b"chunked" in value_of(message.headers, b"transfer-encoding").lower():
            return -1
        length = value_of(message.headers, b"content-length").strip()
        if length.isdigit() and len(length) < 16:  # noqa: PLR2004  no file is longer
            return int(length)
        return 0 if self._requests else None

    def _plain(self) -> None:
        room = MAX_BODY - self._size
        take = min(len(self._buffer), room if self._left is None else min(self._left, room))
        self._keep(self._buffer[:take])
        self._buffer = self._buffer[take:]
        if self._left is not None:
            self._left -= take

    def _chunk(self) -> bool:
        """Take one chunk (RFC 9112, 7.1); False where bytes are missing."""
        found = _CHUNK.match(self._buffer)
        if found is None:
            if len(self._buffer) > 300:  # noqa: PLR2004  longer than a line of a chunk
                raise BrokenStreamError(self._drop())
            return False
        size = int(found[1], 16)
        if size == 0:
            end = re.compile(rb"\r?\n").match(self._buffer, found.end())
            if end is None and _END.search(self._buffer, found.start()) is None:
                return False
            close = end or _END.search(self._buffer, found.start())
            self._buffer = self._buffer[close.end() :] if close else b""
            self._left = 0
            return True
        if len(self._buffer) < found.end() + size and len(self._buffer) < MAX_BODY:
            return False
        data = self._buffer[found.end() : found.end() + size]
        self._keep(data)
        rest = self._buffer[found.end() + len(data) :]
        missing = size - len(data)
        # Of a chunk longer than we keep, the rest is a chunk of its own.
        self._buffer = b"%x\r\n" % missing + rest if missing else rest
        return True

    def _keep(self, data: bytes) -> None:
        self._body.append(data)
        self._size += len(data)

    def _piece(self) -> Message:
        message = self._message or Message()
        piece = Message(
            message.method,
            message.target,
            message.status,
            message.reason,
            message.headers,
            b"".join(self._body),
            whole=False,
            first=message.first,
        )
        message.first = False
        self._body, self._size = [], 0
        return piece

    def _finish(self) -> Message:
        piece = self._piece()
        piece.whole = True
        self._message = None
        return piece

    def end(self) -> Iterator[Message]:
        """What is there when the connection ends."""
        if self._message is not None:
            self._keep(self._drop())
            yield self._finish()

    @property
    def rest(self) -> bytes:
        """What no message has."""
        return self._buffer


def _header(line: bytes) -> Header:
    name, _, value = line.partition(b":")
    return name.strip(), value.strip()
