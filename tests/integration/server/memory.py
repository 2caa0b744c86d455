"""What the memory of a running process holds: read as root, and as a core file."""

import asyncio
import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

_OF_THE_KERNEL: Final = frozenset({"[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]"})
_LOOKS: Final = 50
_QUIET: Final = 20
_LOOK_S: Final = 0.05
_PAGE: Final = 4096
_EMPTY: Final = bytes(_PAGE)
HANGS_S: Final = 300.0


def image(pid: int) -> bytes:
    """Return every mapping that a process can write or that no file is behind, without empty pages.

    The process runs on meanwhile. What was marked as not to be dumped is in it, which a core leaves out.
    """
    image, before = bytearray(), 0
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines():
            place, rights, _, _, inode, *name = line.split(maxsplit=5)
            if "r" not in rights or (name and name[0] in _OF_THE_KERNEL) or (inode != "0" and "w" not in rights):
                continue
            start, end = (int(one, 16) for one in place.split("-"))
            memory.seek(start)
            image += (_EMPTY if start != before else b"") + memory.read(end - start)
            before = end
    return without_empty_pages(bytes(image))


def core(pid: int, folder: Path) -> bytes:
    """Have gdb dump a core of a process that goes on afterwards, and return the file without its empty pages.

    As root: a process that may not be dumped (PR_SET_DUMPABLE, RLIMIT_CORE) is dumped all the same. The kernel's own
    core would end the process, and go where /proc/sys/kernel/core_pattern says for the whole machine.
    """
    file = folder / f"core.{pid}"
    # No symbols: they are not needed, and the process stands still meanwhile.
    quickly = ("-nx", "-batch", "-iex", "set auto-solib-add off", "-iex", "set debuginfod enabled off")
    done = subprocess.run(
        ["gdb", *quickly, "-p", str(pid), "-ex", f"gcore {file}", "-ex", "detach"],
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )
    assert file.exists(), done.stderr
    try:
        return without_empty_pages(file.read_bytes())
    finally:
        file.unlink()


def fresh_pages(data: bytes, seen: set[bytes]) -> bytes:
    """Return the pages that were not seen before, and those beside them: what is looked for may lie across.

    Args:
        data: pages, the last may be cut.
        seen: digests of pages; the new ones are added.
    """

    def is_new(page: bytes) -> bool:
        digest = hashlib.blake2b(page, digest_size=16).digest()
        new = digest not in seen
        seen.add(digest)
        return new

    return _with_neighbours(data, is_new)


def without_empty_pages(data: bytes) -> bytes:
    """Drop pages of zeros, but for those beside others: memory is mostly of them."""
    return _with_neighbours(data, lambda page: page != _EMPTY[: len(page)])


def _with_neighbours(data: bytes, is_wanted: Callable[[bytes], bool]) -> bytes:
    pages = [data[start : start + _PAGE] for start in range(0, len(data), _PAGE)]
    wanted = [False, *map(is_wanted, pages), False]
    return b"".join(page for place, page in enumerate(pages) if any(wanted[place : place + 3]))


def family(pid: int) -> list[int]:
    """Return a process and all that it has started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text("ascii").split():
            found += family(int(child))
    return found


async def at_rest(pid: int) -> None:
    """Wait until the last request is over, the second's work is done, and no thread has had anything to do for a while.

    Two and a half seconds; longer where the machine has other work.
    """
    looks = quiet = 0
    while looks < _LOOKS or quiet < _QUIET:
        await asyncio.sleep(_LOOK_S)  # nothing announces that a process is idle
        looks, quiet = looks + 1, quiet + 1 if all(map(_sleeps, family(pid))) else 0


def _sleeps(pid: int) -> bool:
    """Whether every thread waits, and none for the processor or the disk (proc(5), /proc/pid/stat, third field)."""
    return all(
        (task / "stat").read_text("utf-8").rpartition(")")[2].split()[0] == "S"
        for task in Path(f"/proc/{pid}/task").iterdir()
    )
