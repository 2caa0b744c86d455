"""Parts as processes of their own."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Self

import msgspec

from sayso.demo.errors import DemoError

_START_S: Final = 60.0
_STOP_S: Final = 20.0
_KEEP_LINES: Final = 20


class Part:
    """One running `sayso` command that serves. Its output is JSON lines on stdout; stderr is kept for when it fails."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        start: Sequence[str] = (sys.executable, "-m", "sayso"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Take the words after `sayso`; `--json` is added.

        Args:
            name: for errors.
            arguments: the words.
            start: the words before them: another environment's Python, or a program that enters a namespace.
            environment: variables beside those of this process.
        """
        self.name: Final = name
        self._start: Final = start
        self._environment: Final = environment
        self._arguments: Final = [*arguments, "--json"]
        self._process: Process | None = None
        self._complaints: deque[str] = deque(maxlen=_KEEP_LINES)
        self._readers: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, tasks: asyncio.TaskGroup) -> dict[str, str]:
        """Start, and return what the part says when it is ready.

        Raises:
            DemoError: it ended, or took too long.
        """
        process = await asyncio.create_subprocess_exec(
            *self._start,
            *self._arguments,
            stdout=PIPE,
            stderr=PIPE,
            env=os.environ | dict(self._environment or {}),
            start_new_session=True,
        )
        self._process = process
        if process.stdout is None or process.stderr is None:
            raise DemoError(f"the {self.name} has no output")
        tasks.create_task(self._keep(process.stderr))
        try:
            async with asyncio.timeout(_START_S):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise DemoError(f"the {self.name} did not start within {_START_S:.0f} s{self._said()}") from error
        try:
            said = msgspec.json.decode(line, type=dict[str, str | None])
        except msgspec.MsgspecError as error:
            await self.stop()  # it has failed and says why, or it runs and says something else
            raise DemoError(f"the {self.name} did not start{self._said()}") from error
        ready = {name: value for name, value in said.items() if value is not None}
        if "error" in ready:
            raise DemoError(f"the {self.name} did not start: {ready['error']}")
        tasks.create_task(self._drain(process.stdout))
        return ready

    async def stop(self) -> None:
        """Stop gracefully; kill what does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _said(self) -> str:
        return (": " + " | ".join(self._complaints)) if self._complaints else ""

    async def _keep(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self._complaints.append(line.decode("utf-8", "replace").rstrip())

    async def _drain(self, stream: asyncio.StreamReader) -> None:
        while await stream.readline():
            pass
