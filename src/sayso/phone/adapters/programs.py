"""Programs of the system that a modem needs: the one place on the phone's side that starts any.

Another program could do what the gate forbids. So this is a short list of names; each gets no shell, and its text by
standard input, where the list of processes does not show it. The rule `network` (scripts/rules) lets no other file
start a program.
"""

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from sayso.phone.errors import ModemGoneError

ALLOWED: Final = frozenset({"termux-sms-list", "termux-sms-send", "termux-telephony-deviceinfo"})
"""Every program that may be run."""
_WORKER: Final = Path(__file__).parent / "gammu" / "worker.py"
_RUN_S: Final = 60.0
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Of an answer: ten megabytes of SMS in JSON, and then some."""


class Programs(Protocol):
    """Runs programs."""

    async def run(self, name: str, *arguments: str, given: bytes = b"") -> bytes:
        """Run one of `ALLOWED` to its end and return what it printed.

        Raises:
            ModemGoneError: it is not installed, failed, or took too long.
        """
        ...


class SystemPrograms:
    """Programs of this machine."""

    async def run(self, name: str, *arguments: str, given: bytes = b"") -> bytes:
        """Run a program; see `Programs`."""
        path = shutil.which(name) if name in ALLOWED else None
        if path is None:
            raise ModemGoneError(
                f"the program {name} is not there; install the package termux-api and the app Termux:API"
            )
        try:
            process = await asyncio.create_subprocess_exec(
                path,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise ModemGoneError(f"the program {name} cannot be started") from error
        try:
            async with asyncio.timeout(_RUN_S):
                printed, _ = await process.communicate(given)
        except TimeoutError:
            raise ModemGoneError(f"the program {name} did not end") from None
        finally:
            await _end(process)
        if process.returncode != 0:
            raise ModemGoneError(f"the program {name} failed")
        return printed


class Worker:
    """A process that answers one JSON line for each that it is sent."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def ask(self, request: Mapping[str, object], *, within_s: float = _RUN_S) -> dict[str, object]:
        """Ask, and return the answer.

        Raises:
            ModemGoneError: it died, or does not answer; it is ended then: a late answer would be taken for the next.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(within_s):
                    return await self._exchange(request)
            except (TimeoutError, OSError, ValueError) as error:
                raise ModemGoneError("the process that serves the modem does not answer") from error
            finally:
                if sys.exc_info()[0] is not None:
                    await _end(self._process)

    async def _exchange(self, request: Mapping[str, object]) -> dict[str, object]:
        given, printed = self._process.stdin, self._process.stdout
        if given is None or printed is None:
            raise ValueError("a worker has pipes")
        given.write(json.dumps(request).encode() + b"\n")
        await given.drain()
        line = await printed.readline()
        answer = json.loads(line) if line else None
        if not isinstance(answer, dict):
            raise ValueError("no answer")  # noqa: TRY004  of what came, not of an argument
        return answer


@asynccontextmanager
async def gammu_worker(config: str) -> AsyncIterator[Worker]:
    """Run the process that holds a modem through libGammu, for as long as the block lasts.

    Args:
        config: path of a gammurc.

    Raises:
        ModemGoneError: it cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",  # nothing of Sayso is in that process
            str(_WORKER),
            config,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_MOST_BYTES,
        )
    except OSError as error:
        raise ModemGoneError("the process that serves the modem cannot be started") from error
    try:
        yield Worker(process)
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
