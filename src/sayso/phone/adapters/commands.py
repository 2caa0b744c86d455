"""The command socket: how the owner's other programs (`sayso phone ...`, the demo) talk to the phone's daemon.

A Unix path socket for its owner only. The daemon runs `serve_commands`; `ask` and `watching` are the other end. What is
said is in `sayso.phone.command_types`.
"""

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from sayso.phone.command_types import Answer, Command, CommandHandler, Event, Failed, Watch, Watching
from sayso.phone.errors import CommandError
from sayso.protocol.errors import SaysoError
from sayso.protocol.limits import KIB

SOCKET_NAME: Final = "phone.sock"
"""Below the phone's data directory."""
COMMAND_BYTES: Final = 512 * KIB
"""Longest line of a command: the longest text, all of it characters that JSON writes in six bytes."""
ANSWER_BYTES: Final = 512 * 1024 * KIB
"""Longest line of an answer: a thousand such texts."""
PATIENCE_S: Final = 120.0
"""How long `ask` waits; opting in talks to a server that may be slow."""
_PATH_BYTES: Final = 107
"""Linux, unix(7): sun_path has 108 bytes, the last one zero."""
_FRESH: Final = ".new"
_SOL_SOCKET, _SO_PEERCRED = 1, 17
"""Linux, asm-generic/socket.h; `socket` itself may not be imported on the phone's side (scripts/check_gate.py)."""
_UCRED: Final = struct.Struct("=iII")
"""pid, uid, gid."""

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_commands: Final = msgspec.json.Decoder(Command | Watch)
_answers: Final = msgspec.json.Decoder(Answer)
_events: Final = msgspec.json.Decoder(Event)


async def serve_commands(
    path: Path, handler: CommandHandler, *, ready: asyncio.Event | None = None, owner: int | None = None
) -> None:
    """Serve until cancelled. One daemon per data directory: the store's lock sees to that.

    Args:
        path: the socket; one that a killed daemon left there is replaced.
        handler: does what is asked.
        ready: set as soon as somebody can connect.
        owner: uid of who may ask; the daemon's own where it is None.

    Raises:
        CommandError: the socket cannot be made there.
    """
    server = _Server(handler, os.getuid() if owner is None else owner)
    _check_path(path)
    group = asyncio.TaskGroup()
    listening = await _listen(path, group, server)
    try:
        async with group:
            await listening.start_serving()
            if ready is not None:
                ready.set()
            try:
                await asyncio.Event().wait()
            finally:
                listening.close()
    finally:
        _remove(path)


async def ask(path: Path, command: Command) -> Answer:
    """Give one command to the daemon and return its answer; never a `Failed`.

    Raises:
        CommandError: no daemon answers, or it says why it could not be done.
    """
    async with _connected(path) as (reader, writer):
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await _exchange(path, reader, writer, command)
        except TimeoutError as error:
            raise CommandError("the phone takes too long; ask for its status to see what became of it") from error


@asynccontextmanager
async def watching(path: Path) -> AsyncIterator[AsyncIterator[Event]]:
    """Hear what happens on the phone, from entering on; ends when the daemon stops or this side reads too slowly.

    Raises:
        CommandError: no daemon answers.
    """
    async with _connected(path) as (reader, writer):
        answer = await _exchange(path, reader, writer, Watch())
        if not isinstance(answer, Watching):
            raise _other_version()
        yield _heard(reader)


class _Server:
    def __init__(self, handler: CommandHandler, owner: int) -> None:
        self._handler = handler
        self._owner = owner

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _uid(writer) != self._owner:
                await _write(writer, Failed(error="this phone belongs to another user of this machine"))
                return
            while (line := await _command_line(reader, writer)).endswith(b"\n"):
                if not await self._do(line, reader, writer):
                    return
        except ConnectionError:
            pass  # whoever asked has gone
        finally:
            writer.close()

    async def _do(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            command = _commands.decode(line)
        except _UNREADABLE as error:
            await _write(writer, Failed(error=f"not a command: {error}"))
            return True
        if isinstance(command, Watch):
            await self._watch(reader, writer)
            return False
        try:
            answer = await self._handler.handle(command)
        except SaysoError as error:
            answer = Failed(error=str(error))
        await _write(writer, answer)
        return True

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._handler.watch() as events, asyncio.TaskGroup() as group:
            await _write(writer, Watching())
            telling = group.create_task(_tell(events, writer))
            # Nothing more is expected: whatever comes, its end, or an event that met nobody is a hang-up.
            with contextlib.suppress(ConnectionError):
                await reader.read(1)
            telling.cancel()


async def _command_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # StreamReader's word for a line above the limit
        await _write(writer, Failed(error="a command has at most 512 KiB"))
        return b""


async def _listen(path: Path, group: asyncio.TaskGroup, server: _Server) -> asyncio.Server:
    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        group.create_task(server.serve(reader, writer))

    fresh = path.with_name(path.name + _FRESH)
    try:
        listening = await asyncio.start_unix_server(greet, fresh, limit=COMMAND_BYTES, start_serving=False)
        # Only a socket that is its owner's already gets the name that others know.
        fresh.chmod(0o600)
        fresh.replace(path)
    except OSError as error:
        raise CommandError(f"cannot listen at {path}: {error.strerror}") from error
    return listening


async def _tell(events: AsyncIterator[Event], writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        async for event in events:
            await _write(writer, event)
    writer.close()


async def _heard(reader: asyncio.StreamReader) -> AsyncIterator[Event]:
    while (line := await reader.readline()).endswith(b"\n"):
        try:
            yield _events.decode(line)
        except _UNREADABLE as error:
            raise _other_version() from error


async def _exchange(
    path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: Command | Watch
) -> Answer:
    try:
        await _write(writer, command)
        line = await reader.readline()
    except UnicodeEncodeError as error:  # a lone surrogate: how Python hands on arguments that are no UTF-8
        raise CommandError("what you wrote is not valid UTF-8") from error
    except ConnectionError as error:
        raise _no_daemon(path) from error
    if not line.endswith(b"\n"):
        raise CommandError("the phone stopped before it answered; start it and ask for its status")
    try:
        answer: Answer = _answers.decode(line)
    except _UNREADABLE as error:
        raise _other_version() from error
    if isinstance(answer, Failed):
        raise CommandError(answer.error)
    return answer


@asynccontextmanager
async def _connected(path: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    _check_path(path)
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=ANSWER_BYTES)
    except OSError as error:
        raise _no_daemon(path) from error
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _write(writer: asyncio.StreamWriter, said: msgspec.Struct) -> None:
    if writer.is_closing():  # uvloop raises a RuntimeError of its own then
        raise ConnectionResetError
    writer.write(msgspec.json.encode(said) + b"\n")
    await writer.drain()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _uid(writer: asyncio.StreamWriter) -> int:
    credentials = writer.get_extra_info("socket").getsockopt(_SOL_SOCKET, _SO_PEERCRED, _UCRED.size)
    uid: int = _UCRED.unpack(credentials)[1]
    return uid


def _check_path(path: Path) -> None:
    if len(os.fsencode(path)) + len(_FRESH) > _PATH_BYTES:
        raise CommandError("the data directory's path is too long for a socket in it; choose a shorter --data")


def _no_daemon(path: Path) -> CommandError:
    return CommandError(f"no phone answers at {path}; start it with: sayso phone run --data {path.parent}")


def _other_version() -> CommandError:
    return CommandError("the phone that runs is of another version of Sayso; restart it")
