"""The phones' ways to their modems: a Unix path socket each, for its owner only.

A path socket, not an abstract one: it can be reached from another network namespace, where the silence test puts the
phone, and its file permissions say who may use it.
"""

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sayso.carrier.adapters.unix_socket import UNIX_PATH_BYTES_MAX, bind_unix
from sayso.carrier.core.events import Event, PhoneAsked, PhoneAttached, PhoneDetached
from sayso.carrier.errors import BadValueError
from sayso.protocol.modem import (
    MODEM_PROTOCOL_VERSION,
    Attach,
    ErrorCode,
    ModemError,
    ModemFrame,
    ModemProtocolError,
    PhoneFrame,
    encode,
    modem_side_framer,
)

READ_BYTES: Final = 64 * 1024
UNREAD_BYTES_MAX: Final = 16 * 1024 * 1024
"""A phone that leaves more than this unread is hung up; a full SIM's announcement is about a quarter of it."""


class ModemListener:
    """PhoneLinks over Unix sockets `directory/NAME.sock`."""

    def __init__(self, directory: Path, group: asyncio.TaskGroup, act: Callable[[Event], None]) -> None:
        """Serve on tasks of `group`, and tell `act` what phones do."""
        self._directory = directory
        self._group = group
        self._act = act
        self._doors: dict[str, asyncio.Task[None]] = {}
        self._callers: defaultdict[str, set[asyncio.StreamWriter]] = defaultdict(set)
        self._attached: dict[str, asyncio.StreamWriter] = {}

    def path(self, modem: str) -> Path:
        """Return where a modem's socket is."""
        return self._directory / f"{modem}.sock"

    def check(self, modem: str) -> None:
        """Raise BadValueError if the socket's path would be too long."""
        if len(os.fsencode(self.path(modem))) > UNIX_PATH_BYTES_MAX:
            raise BadValueError(
                "the modem's socket would have too long a path: choose a shorter name or data directory"
            )

    def open(self, modem: str) -> None:
        """Let phones attach to a modem."""
        self._doors[modem] = self._group.create_task(self._listen(modem, bind_unix(self.path(modem))))

    def close(self, modem: str) -> None:
        """Hang up and let nobody attach any more."""
        self._doors.pop(modem).cancel()
        self.path(modem).unlink(missing_ok=True)
        self._hang_up(modem, "removed", "this modem was taken away")

    def send(self, modem: str, frame: ModemFrame) -> None:
        """Send a frame to the phone at a modem."""
        if (writer := self._attached.get(modem)) is not None:
            _write(writer, frame)

    def stop(self) -> None:
        """Hang up everybody."""
        for modem in list(self._callers):
            self._hang_up(modem, "stopping", "the carrier stops")

    def _hang_up(self, modem: str, code: ErrorCode, detail: str) -> None:
        for writer in self._callers.pop(modem, ()):
            _write(writer, ModemError(code, detail))
            writer.close()

    async def _listen(self, modem: str, listening: socket.socket) -> None:
        def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._callers[modem].add(writer)
            self._group.create_task(self._serve(modem, reader, writer))

        with listening:
            server = await asyncio.start_unix_server(greet, sock=listening)
            async with server:
                await server.serve_forever()

    async def _serve(self, modem: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = modem_side_framer()
        try:
            while data := await reader.read(READ_BYTES):
                for frame in framer.feed(data):
                    if not self._take(modem, writer, frame):
                        return
                    # After each frame, not each read: one read full of ListSms would announce gigabytes.
                    await writer.drain()
        except ModemProtocolError as error:
            _write(writer, ModemError("bad-frame", str(error)))
        except ConnectionError:
            pass  # the phone died: what it had not read, it is told when it attaches again
        finally:
            self._callers[modem].discard(writer)
            if self._attached.get(modem) is writer:
                del self._attached[modem]
                self._act(PhoneDetached(modem))
            writer.close()

    def _take(self, modem: str, writer: asyncio.StreamWriter, frame: PhoneFrame) -> bool:
        if writer.is_closing():
            return False
        if isinstance(frame, Attach):
            return self._attach(modem, writer, frame.version)
        if self._attached.get(modem) is not writer:
            _write(writer, ModemError("not-attached", "the first frame is Attach"))
            return False
        self._act(PhoneAsked(modem, frame))
        return True

    def _attach(self, modem: str, writer: asyncio.StreamWriter, version: int) -> bool:
        if version != MODEM_PROTOCOL_VERSION:
            _write(writer, ModemError("version", f"this modem speaks version {MODEM_PROTOCOL_VERSION}"))
            return False
        before = self._attached.get(modem)
        if before is not None and before is not writer:
            _write(before, ModemError("replaced", "another phone has attached to this modem"))
            before.close()
        self._attached[modem] = writer
        self._act(PhoneAttached(modem))
        return True


def _write(writer: asyncio.StreamWriter, frame: ModemFrame) -> None:
    if writer.is_closing():
        return
    writer.write(encode(frame))
    if writer.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
        writer.transport.abort()
