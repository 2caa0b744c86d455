"""Starts watched `sayso` parts by forking them from one process that has imported everything (see armed.py)."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from tests.integration.arming import Ended, Start, Started

ROOT: Final = Path(__file__).resolve().parents[2]
_MESSAGE_BYTES: Final = 65536
_PATIENCE_S: Final = 60.0

_decoder: Final = msgspec.json.Decoder(Started | Ended)


class Born:
    """A process that the nursery started."""

    def __init__(self, pid: int) -> None:
        self.pid: Final = pid
        self._ended: Final = asyncio.Event()
        self._code: int | None = None

    @property
    def code(self) -> int | None:
        """Its exit code, or minus the signal; None while it runs."""
        return self._code

    def end(self, code: int) -> None:
        """Note its end."""
        self._code = code
        self._ended.set()

    async def wait(self) -> int:
        """Wait for its end; returns the code."""
        await self._ended.wait()
        assert self._code is not None
        return self._code


@dataclass(frozen=True)
class Finished:
    """A command that ran to its end."""

    code: int
    stdout: str
    stderr: str


class Nursery:
    """One process that forks; shared by all tests of a worker, used by one event loop at a time."""

    def __init__(self) -> None:
        """Start it."""
        self._control, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.armed", "--nursery", str(inside.fileno())],
            pass_fds=[inside.fileno()],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )
        inside.close()
        self._control.settimeout(_PATIENCE_S)
        assert self._control.recv(_MESSAGE_BYTES), "the nursery did not start"
        self._control.setblocking(False)
        self._children: dict[int, Born] = {}
        self._starting: list[asyncio.Future[Born]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._control.close()
        self._process.wait(_PATIENCE_S)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen to it from this event loop; kills what still runs at the end."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._control, self._read)
        try:
            yield
        finally:
            for child in list(self._children.values()):
                os.kill(child.pid, 9)
                await child.wait()
            loop.remove_reader(self._control)

    async def start(self, words: Sequence[str], environment: Mapping[str, str], *, stdout: int, stderr: int) -> Born:
        """Start a `sayso` command."""
        future: asyncio.Future[Born] = asyncio.get_running_loop().create_future()
        self._starting.append(future)
        message = msgspec.json.encode(Start(words=list(words), environment=dict(environment)))
        socket.send_fds(self._control, [message], [stdout, stderr])
        return await future

    async def call(self, *words: str, **environment: str) -> Finished:
        """Run a `sayso` command to its end."""
        files = [os.memfd_create(name) for name in ("stdout", "stderr")]
        try:
            born = await self.start(words, environment, stdout=files[0], stderr=files[1])
            async with asyncio.timeout(_PATIENCE_S):
                code = await born.wait()
            said = [os.pread(file, os.fstat(file).st_size, 0).decode() for file in files]
        finally:
            for file in files:
                os.close(file)
        return Finished(code, *said)

    def _read(self) -> None:
        try:
            heard = self._control.recv(_MESSAGE_BYTES)
        except BlockingIOError:
            return
        if not heard:
            asyncio.get_running_loop().remove_reader(self._control)
            for waiting in self._starting:
                waiting.set_exception(RuntimeError("the nursery died"))
            return
        message = _decoder.decode(heard)
        if isinstance(message, Started):
            born = self._children[message.pid] = Born(message.pid)
            self._starting.pop(0).set_result(born)
        else:
            self._children.pop(message.pid).end(message.code)
