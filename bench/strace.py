"""Which system calls of a process touch a file, by `strace -f -C -y`; sockets, pipes and events are left out."""

import asyncio
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_CALLS: Final = (
    "write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,sendfile,"
    "ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,openat,open,creat,mkdir,mkdirat"
)
_ON_A_FILE: Final = re.compile(r"^(?:\d+ +)?(?P<call>\w+)\((?:AT_FDCWD|\d+)?<?(?P<path>[^>,)]*)")
_STARTS_S: Final = 10.0


@dataclass(slots=True)
class Traced:
    """What was seen."""

    file_calls: Counter[str] = field(default_factory=Counter)
    """Calls that write to a file or change a directory, by name."""
    files: Counter[str] = field(default_factory=Counter)
    """The files that they were about."""
    summary: str = ""
    """strace's own table, of all calls that were looked at."""
    refused: str = ""
    """Why it could not be measured, if so."""


@asynccontextmanager
async def traced(pid: int, output: Path) -> AsyncIterator[Traced]:
    """Trace a process and its threads for the length of the block; the result is filled in at its end."""
    found = Traced()
    program = shutil.which("strace")
    if program is None:
        found.refused = "strace is not installed"
        yield found
        return
    process = await asyncio.create_subprocess_exec(
        program, "-f", "-C", "-y", "-e", f"trace={_CALLS}", "-p", str(pid), "-o", str(output),
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if process.stderr is None:
        raise RuntimeError("strace has no error output")
    try:
        async with asyncio.timeout(_STARTS_S):
            said = (await process.stderr.readline()).decode(errors="replace").strip()
    except TimeoutError:
        said = "nothing"
    if "attached" not in said:
        found.refused = f"strace cannot trace here: {said or 'it ended'}"
    try:
        yield found
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()
    if not found.refused:
        _read(output, found)


def _read(output: Path, found: Traced) -> None:
    lines = output.read_text("utf-8", errors="replace").splitlines()
    output.unlink()
    table = next((place for place, line in enumerate(lines) if line.startswith("% time")), len(lines))
    found.summary = "\n".join(lines[table:])
    for line in lines[:table]:
        match = _ON_A_FILE.match(line)
        if match is None or not _is_file(match["path"]) or (match["call"] == "openat" and "O_RDONLY" in line):
            continue
        found.file_calls[match["call"]] += 1
        found.files[Path(match["path"].strip('"')).name] += 1


def _is_file(path: str) -> bool:
    bare = path.strip('"')
    return bare.startswith("/") and not bare.startswith(("/dev/", "/proc/", "/sys/"))
