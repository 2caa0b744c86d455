"""The process that reads one capture, started by `capture`.

It holds no seed. Whatever the bytes of a capture make of the parsers, it has the memory and the time that its limits
allow, writes no file, and says everything through one pipe.
"""

import importlib
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from sayso.audit.adapters import event_wire as wire
from sayso.audit.adapters.readers import formats
from sayso.audit.core.model import Event
from sayso.audit.errors import CorruptCaptureError, UnknownFormatError

BATCH = 256 * 1024
"""Bytes of messages that go into the pipe at once."""
STEP = 1024 * 1024
"""Bytes between two words about the progress."""
Reader = Callable[[Callable[[int], bytes], str], Iterator[Event]]
_READERS: Final = {kind: f"sayso.audit.adapters.readers.{kind.value}" for kind in formats.Format}
"""Each is loaded when a capture needs it: starting is to be quick."""


class Task(msgspec.Struct, forbid_unknown_fields=True):
    """What to read, and within which limits."""

    path: str
    name: str
    format: str = ""
    """A `formats.Format`; empty lets the bytes decide."""
    keylog: str = ""
    memory_bytes: int = 400 * 1024 * 1024
    cpu_seconds: int = 3600


class _Pipe:
    """Messages out, several at a time."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._waiting: list[bytes] = []
        self._size = 0

    def say(self, message: bytes) -> None:
        self._waiting.append(message)
        self._size += len(message)
        if self._size >= BATCH:
            self.flush()

    def flush(self) -> None:
        # In one write: without a buffer, `writelines` is a call of the system for each message.
        self._out.write(b"".join(self._waiting))
        self._out.flush()
        self._waiting, self._size = [], 0


class _Counted:
    """A file that tells how far it was read."""

    def __init__(self, file: BufferedReader, head: bytes, pipe: _Pipe) -> None:
        self._file = file
        self._head = head
        self._pipe = pipe
        self._read = self._told = 0

    def tell(self) -> None:
        """Say how far it is."""
        if self._read > self._told:
            self._pipe.say(wire.said(wire.PROGRESS, self._read - self._told))
            self._pipe.flush()
            self._told = self._read

    def __call__(self, size: int) -> bytes:
        data, self._head = self._head, b""
        if not data:
            data = self._file.read1(size)  # what is there: a pipe gives it as it comes
        self._read += len(data)
        if self._read - self._told >= STEP or not data:
            self.tell()
        return data


def _limit(task: Task) -> None:
    for what, most in (
        (resource.RLIMIT_AS, task.memory_bytes),
        (resource.RLIMIT_CPU, task.cpu_seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (soft, hard))


def _events(task: Task, file: BufferedReader, pipe: _Pipe) -> Iterator[Event]:
    head = file.read(formats.HEAD_BYTES)
    kind = formats.Format(task.format) if task.format else formats.detect(head, task.name)
    source = _Counted(file, head, pipe)
    module = importlib.import_module(_READERS[kind])
    if kind is not formats.Format.PCAP:
        read: Reader = module.read
        yield from read(source, task.name)
        source.tell()
        return
    yield from module.read(source, task.name, path=Path(task.path), keylog=Path(task.keylog) if task.keylog else None)


def serve(task: Task, out: BinaryIO) -> None:
    """Read the capture and say what it holds; every failure becomes a message."""
    pipe = _Pipe(out)
    end = wire.said(wire.END, "")
    try:
        with Path(task.path).open("rb") as file:
            for event in _events(task, file, pipe):
                pipe.say(wire.event(event))
    except CorruptCaptureError as error:
        pipe.say(wire.said(wire.CORRUPT, str(error)))
    except (UnknownFormatError, OSError) as error:
        reason = error.strerror or "cannot be read" if isinstance(error, OSError) else str(error)
        pipe.say(wire.said(wire.UNKNOWN, reason if task.name in reason else f"{task.name}: {reason}"))
    except MemoryError:
        pipe.say(wire.said(wire.CORRUPT, f"{task.name}: reading it needs more memory than it may have"))
    except Exception as error:  # noqa: BLE001  a parser that hostile bytes broke: say so, never what the bytes were
        pipe.say(wire.said(wire.CORRUPT, f"{task.name}: its reader failed ({type(error).__name__})"))
    pipe.say(end)
    pipe.flush()


def main() -> None:
    """Take a task from the command line's one argument."""
    task = msgspec.json.decode(sys.argv[1], type=Task)
    _limit(task)
    with suppress(BrokenPipeError):  # nobody listens any more
        serve(task, os.fdopen(1, "wb", buffering=0))
