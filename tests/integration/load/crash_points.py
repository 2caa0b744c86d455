"""System calls of a cycle as places to die at, by `strace`: each is named, counted, and can be made the last one.

strace counts injections for each thread by itself, so it is attached to the threads that write (`cycle.py` names them)
once the process stands ready, and not to the whole program from its start.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from tests.accounting import not_tested

ROOT: Final = Path(__file__).resolve().parents[3]
Phase = Literal["open", "cycle"]
Thread = Literal["main", "commit"]
CALLS: Final = ("pwrite64", "fdatasync", "fsync", "rename", "ftruncate", "unlink")
"""What changes a file, its length or its name, or makes that durable."""
SYNCS: Final = ("fdatasync", "fsync", "sync_file_range")
_CALL: Final = re.compile(r"(?:\d+ +)?(\w+)\(")


@dataclass(frozen=True, order=True)
class Point:
    """The `nth` call (from 1) of its kind that a thread makes in a phase."""

    phase: Phase
    thread: Thread
    call: str
    nth: int

    def __str__(self) -> str:
        return f"{self.phase}-{self.thread}-{self.call}-{self.nth}"


@dataclass(frozen=True)
class Injection:
    """What strace does to a call; see `-e inject` in strace(1)."""

    calls: Sequence[str]
    what: str

    @classmethod
    def kill(cls, point: Point) -> "Injection":
        """End the process instead of the call."""
        return cls([point.call], f"signal=SIGKILL:when={point.nth}")

    @classmethod
    def failing(cls, call: str, error: str, *, nth: int) -> "Injection":
        """Fail one call."""
        return cls([call], f"error={error}:when={nth}")

    @classmethod
    def without_sync(cls) -> "Injection":
        """Say that all is durable, and make nothing so."""
        return cls(SYNCS, "retval=0")


class Played:
    """A process that plays one phase."""

    def __init__(self, data: Path, journal: Path, phase: Phase) -> None:
        data.mkdir(mode=0o700, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.load.cycle", str(data), str(journal), phase],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.threads: dict[Thread, int] = {}

    @property
    def output(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def wait_until_ready(self) -> None:
        """Wait until it stands before the first call that counts."""
        line = self.output.readline().split()
        assert line[:1] == ["THREADS"], self.errors()
        self.threads = {"main": int(line[1])}
        if line[2] != "0":
            self.threads["commit"] = int(line[2])

    def go(self) -> bool:
        """Play, to the end or to a death; returns whether it came to the end."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self.output.readline() == "END\n"

    def kill(self) -> int:
        """End it if it lives; returns its exit code."""
        self._process.kill()
        return self._process.wait()

    def died(self) -> int:
        """Wait for its end by itself; returns its exit code."""
        return self._process.wait(30)

    def errors(self) -> str:
        """Return what it said on its error output; it ends."""
        self._process.kill()
        return self._process.communicate()[1]


@contextmanager
def playing(data: Path, journal: Path, phase: Phase) -> Iterator[Played]:
    """A process that plays, ended with the block."""
    played = Played(data, journal, phase)
    try:
        played.wait_until_ready()
        yield played
    finally:
        played.kill()
        for stream in (played._process.stdin, played._process.stdout, played._process.stderr):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


@contextmanager
def traced(
    threads: Iterable[int], output: Path, injection: Injection | None = None, *, follow: bool = False
) -> Iterator[None]:
    """Trace threads for the length of the block; not tested where strace cannot.

    Args:
        threads: their ids.
        output: where the calls are written down, each with the path that it is about.
        injection: what to do to them.
        follow: all threads of the process, and those that it starts.
    """
    program = shutil.which("strace")
    if program is None:
        not_tested("strace is not installed")
    chosen = [word for thread in threads for word in ("-p", str(thread))]
    calls = dict.fromkeys([*CALLS, *(injection.calls if injection else ())])
    command = [program, *(["-f"] if follow else []), "-y", "-o", str(output), "-e", f"trace={','.join(calls)}", *chosen]
    if injection is not None:
        command += ["-e", f"inject={','.join(injection.calls)}:{injection.what}"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for _ in range(len(chosen) // 2):
            said = process.stderr.readline()
            if "attached" not in said:
                not_tested(f"strace cannot trace here: {said.strip() or 'it ended'}")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def recorded(data: Path, scratch: Path, phase: Phase) -> list[Point]:
    """Play a phase to its end and return all its points, in the order of their kinds."""
    points: list[Point] = []
    journal = scratch / f"recorded-{phase}.journal"
    with playing(data, journal, phase) as played:
        outputs: dict[Thread, Path] = {thread: scratch / f"{phase}-{thread}.strace" for thread in played.threads}
        with _all_traced(played, outputs):
            assert played.go(), played.errors()
    for thread, output in outputs.items():
        counted = Counter(_calls(output))
        points += [Point(phase, thread, call, nth) for call in CALLS for nth in range(1, counted[call] + 1)]
    return points


@contextmanager
def _all_traced(played: Played, outputs: dict[Thread, Path]) -> Iterator[None]:
    (thread, output), *rest = outputs.items()
    with traced([played.threads[thread]], output):
        if rest:
            with _all_traced(played, dict(rest)):
                yield
        else:
            yield


def _calls(output: Path) -> Iterator[str]:
    for line in output.read_text("utf-8", errors="replace").splitlines():
        match = _CALL.match(line)
        if match is not None:
            yield match[1]


def play_until(point: Point, data: Path, journal: Path) -> bool:
    """Play a phase until it dies at a point. False: that call was not made this time, and the end was reached."""
    with (
        playing(data, journal, point.phase) as played,
        traced([played.threads[point.thread]], Path(os.devnull), Injection.kill(point)),
    ):
        ended = played.go()
        if not ended:
            assert played.died() == -signal.SIGKILL, played.errors()
    return not ended
