"""A capture in a file, read by a process of its own with limits."""

import fcntl
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from sayso.audit.adapters import event_wire as wire
from sayso.audit.adapters.reader_process import Task, main
from sayso.audit.core.model import Event
from sayso.audit.errors import CaptureError, CorruptCaptureError, UnknownFormatError
from sayso.audit.ports import Progress

READ = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading a capture may cost."""

    memory_bytes: int = 400 * 1024 * 1024
    """Address space of the reader."""
    silent_seconds: float = 60.0
    """Without a word for so long, the reader is taken to hang."""
    cpu_seconds_per_mib: float = 2.0
    """Of processor time, beside `cpu_seconds`."""
    cpu_seconds: float = 120.0
    output_ratio: int = 64
    """Bytes of events for each byte of the file, beside `output_bytes`."""
    output_bytes: int = 1024 * 1024 * 1024


USUAL_LIMITS = Limits()


class FileCapture:
    """One file."""

    def __init__(
        self, path: Path, *, kind: str = "", keylog: Path | None = None, limits: Limits = USUAL_LIMITS
    ) -> None:
        self._path = path
        self._format = kind
        self._keylog = keylog
        self._limits = limits
        self._reader: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The file's name, without the folders: a report is shown to others."""
        return self._path.name

    @property
    def size(self) -> int:
        """Bytes of the file; 0 where it is not there."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def events(self, progress: Progress) -> Iterator[Event]:
        """Yield what the file holds.

        Raises:
            UnknownFormatError: it is missing, or no reader knows it.
            CorruptCaptureError: it breaks off, or reading it cost more than it may.
            CaptureError: the reader could not be started, or said nonsense.
        """
        self.start()
        reader, self._reader = self._reader, None
        if reader is None:  # pragma: no cover  it was started
            raise CaptureError(f"{self.name}: its reader cannot be started")
        try:
            yield from self._listen(reader, progress)
        finally:
            _ended(reader)

    def close(self) -> None:
        """End a reader that was started and that nobody listens to."""
        if self._reader is not None:
            _ended(self._reader)
            self._reader = None

    def start(self) -> None:
        """Start the reader, which reads ahead as far as its pipe holds, if that was not done.

        Raises:
            CaptureError: it cannot be started.
        """
        if self._reader is not None:
            return
        task = Task(
            path=str(self._path.absolute()),
            name=self.name,
            format=self._format,
            keylog=str(self._keylog.absolute()) if self._keylog else "",
            memory_bytes=self._limits.memory_bytes,
            cpu_seconds=int(self._limits.cpu_seconds + self.size / 2**20 * self._limits.cpu_seconds_per_mib),
        )
        command = [
            sys.executable,
            "-P",
            "-c",  # not -m, whose machinery takes as long to load as a reader
            f"from {main.__module__} import main; main()",
            msgspec.json.encode(task).decode(),
        ]
        try:
            # A session of its own: Ctrl-C is for us, and we end it.
            self._reader = subprocess.Popen(  # noqa: S603  our own module, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise CaptureError(f"{self.name}: its reader cannot be started ({error.strerror})") from error
        if self._reader.stdout is not None:
            # Linux alone has it, and a user may have used up what pipes may hold; then it is as it was.
            with suppress(OSError, AttributeError):
                fcntl.fcntl(self._reader.stdout, fcntl.F_SETPIPE_SZ, READ)

    def _listen(self, reader: "subprocess.Popen[bytes]", progress: Progress) -> Iterator[Event]:
        if reader.stdout is None:  # pragma: no cover  we asked for a pipe
            raise CaptureError(f"{self.name}: its reader has no voice")
        parser = wire.Parser()
        left = self._limits.output_bytes + self.size * self._limits.output_ratio
        while data := self._hear(reader.stdout):
            left -= len(data)
            if left < 0:
                raise CorruptCaptureError(f"{self.name}: it unpacks to more than it may; the rest was left out")
            for kind, said in parser.feed(data):
                match kind:
                    case wire.PROGRESS:
                        progress.advance(max(said, 0))
                    case wire.CORRUPT:
                        raise CorruptCaptureError(said)
                    case wire.UNKNOWN:
                        raise UnknownFormatError(said)
                    case wire.END:
                        return
                    case _:
                        yield said
        raise CorruptCaptureError(f"{self.name}: its reader ended early; what came before was searched")

    def _hear(self, pipe: IO[bytes]) -> bytes:
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN | select.POLLHUP)
        if not waiting.poll(self._limits.silent_seconds * 1000):
            raise CorruptCaptureError(f"{self.name}: its reader hangs; what came before was searched")
        return os.read(pipe.fileno(), READ)


def _ended(reader: "subprocess.Popen[bytes]") -> None:
    reader.kill()
    reader.wait()
    if reader.stdout is not None:
        reader.stdout.close()


class MonotonicClock:
    """The machine's."""

    @staticmethod
    def monotonic() -> float:
        """Return seconds."""
        return time.monotonic()
