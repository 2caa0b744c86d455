"""The other end of the control socket, for the demo, the tests and the command line.

    with ControlClient(directory / "control.sock") as carrier:
        carrier.call(AddSim(name="alice", number="+447700900001"))
        carrier.call(ListSent()).sent

Both clients have one method, `call`; the requests are in `carrier.control` and `carrier.core.events`.
"""

import asyncio
import socket
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from sayso.carrier.control import Reply, Request, encode_line, reply_decoder
from sayso.carrier.errors import (
    BadValueError,
    ControlUnavailableError,
    NameTakenError,
    NoSuchModemError,
    NoSuchSimError,
    NumberTakenError,
    QueueFullError,
    RefusedError,
)

TIMEOUT_S: Final = 30.0

_refusals: Final[dict[str, type[RefusedError]]] = {
    kind.code: kind
    for kind in (
        NoSuchSimError,
        NoSuchModemError,
        NameTakenError,
        NumberTakenError,
        BadValueError,
        QueueFullError,
    )
}


class ControlClient:
    """Blocking; one request at a time."""

    def __init__(self, path: Path) -> None:
        """Connect to the control socket at `path`. Raises ControlUnavailableError."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise _unavailable(path) from error
        self._lines = self._socket.makefile("rb")

    def call(self, request: Request) -> Reply:
        """Ask, and return the answer.

        Raises:
            RefusedError: The carrier refused; nothing has changed there.
            ControlUnavailableError: It does not answer.
        """
        try:
            self._socket.sendall(encode_line(request))
            line = self._lines.readline()
        except OSError as error:
            raise _unavailable(self._path) from error
        return _read_reply(self._path, line)

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncControlClient:
    """For an event loop; calls from several tasks are answered one after the other."""

    def __init__(self, path: Path) -> None:
        """Connect at the first call."""
        self._path = path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def call(self, request: Request) -> Reply:
        """Ask, and return the answer.

        Raises:
            RefusedError: The carrier refused; nothing has changed there.
            ControlUnavailableError: It does not answer; the next call connects anew.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    line = await self._exchange(encode_line(request))
            except (OSError, ValueError) as error:
                await self.close()
                raise _unavailable(self._path) from error
            except asyncio.CancelledError:
                # The answer is still to come and would be taken for that of the next request.
                await self.close()
                raise
            if not line.endswith(b"\n"):
                await self.close()
            return _read_reply(self._path, line)

    async def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _exchange(self, request: bytes) -> bytes:
        if self._streams is None:
            # A thousand of the longest texts: what a reply to `sent` can hold at most.
            self._streams = await asyncio.open_unix_connection(self._path, limit=256 * 1024 * 1024)
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        return await reader.readline()


def _read_reply(path: Path, line: bytes) -> Reply:
    if not line.endswith(b"\n"):
        raise _unavailable(path)
    try:
        reply = reply_decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise _unavailable(path) from error
    if not reply.ok:
        raise _refusals.get(reply.error or "", RefusedError)(reply.message or "refused without a reason")
    return reply


def _unavailable(path: Path) -> ControlUnavailableError:
    return ControlUnavailableError(f"no carrier answers at {path}; is `sayso carrier run` running with this directory?")
