"""What /proc says of a process and its children, and the meter around a measured window."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

Figures: TypeAlias = dict[str, float]
"""What a run measured, by name; names carry their units."""
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_NS: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Sums over a process and all its descendants, since their start."""

    cpu_s: float
    """User and system time."""
    waited_s: float
    """Time in the run queue: ready to run, while something else had the core."""
    write_bytes: int
    """Bytes that were handed to the block layer."""
    wchar: int
    """Bytes given to write(2) and its kin; sockets written by send(2) are not among them."""
    syscw: int
    """Such calls."""
    rss_kib: int
    peak_kib: int


def tree(pid: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    yield pid
    for thread in _threads(pid):
        try:
            children = (thread / "children").read_text("ascii").split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            yield from tree(int(child))


def sample(pid: int) -> Sample:
    """Read the counters of a process and its descendants."""
    one = [_sample_one(member) for member in tree(pid)]
    return Sample(
        cpu_s=sum(s.cpu_s for s in one),
        waited_s=sum(s.waited_s for s in one),
        write_bytes=sum(s.write_bytes for s in one),
        wchar=sum(s.wchar for s in one),
        syscw=sum(s.syscw for s in one),
        rss_kib=sum(s.rss_kib for s in one),
        peak_kib=sum(s.peak_kib for s in one),
    )


def _sample_one(pid: int) -> Sample:
    proc = Path("/proc") / str(pid)
    fields = (proc / "stat").read_text("utf-8").rsplit(")", 1)[1].split()
    waited = 0
    for thread in _threads(pid):
        try:
            waited += int((thread / "schedstat").read_text("ascii").split()[1])
        except (FileNotFoundError, ProcessLookupError):  # a thread that ended, or a kernel without the file
            continue
    io = _colon_table(proc / "io")
    status = _colon_table(proc / "status")
    return Sample(
        cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS_PER_S,
        waited_s=waited * _NS,
        write_bytes=int(io["write_bytes"]),
        wchar=int(io["wchar"]),
        syscw=int(io["syscw"]),
        rss_kib=int(status["VmRSS"].split()[0]),
        peak_kib=int(status["VmHWM"].split()[0]),
    )


def _threads(pid: int) -> Sequence[Path]:
    try:
        return list((Path("/proc") / str(pid) / "task").iterdir())
    except FileNotFoundError:
        return []


def _colon_table(path: Path) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in path.read_text("utf-8").splitlines())
    return {name: value.strip() for name, value in pairs}


class Meter:
    """Counters of the server and of the driver between `start` and `stop`."""

    def __init__(self, pid: int) -> None:
        """Measure the server with this process id; the driver is the process that calls."""
        self._pid = pid
        self._wall = self._own_cpu = 0.0
        self._before: Sample | None = None

    def start(self) -> None:
        """Begin the window."""
        self._before = sample(self._pid)
        self._own_cpu = time.process_time()
        self._wall = time.perf_counter()

    def stop(self, count: int, what: str) -> Figures:
        """End the window.

        Args:
            count: how many of `what` were done in it.
            what: the unit, as in `msgs`.
        """
        wall = time.perf_counter() - self._wall
        own = time.process_time() - self._own_cpu
        before, after = self._before, sample(self._pid)
        if before is None:
            raise RuntimeError("the meter was not started")
        cpu = after.cpu_s - before.cpu_s
        return {
            what: count,
            "seconds": wall,
            f"{what}_per_s": count / wall,
            f"{what}_per_server_cpu_s": count / cpu if cpu else 0.0,
            "server_cpu_pct": 100 * cpu / wall,
            "server_waited_pct": 100 * (after.waited_s - before.waited_s) / wall,
            "driver_cpu_pct": 100 * own / wall,
            "disk_write_bytes": after.write_bytes - before.write_bytes,
            "write_calls": after.syscw - before.syscw,
            "written_chars": after.wchar - before.wchar,
            "server_rss_mib": after.rss_kib / 1024,
            "server_peak_mib": after.peak_kib / 1024,
        }
