"""The memory of a running process, as a core dump would hold it (gcore does the same): needs root."""

from pathlib import Path
from typing import Final

_OF_THE_KERNEL: Final = frozenset({"[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]"})


def image(pid: int) -> bytes:
    """Return every mapping that a process can write or that no file is behind, one after the other."""
    mappings = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines():
            place, rights, _, _, inode, *name = line.split(maxsplit=5)
            if "r" not in rights or (name and name[0] in _OF_THE_KERNEL) or (inode != "0" and "w" not in rights):
                continue
            start, end = (int(one, 16) for one in place.split("-"))
            memory.seek(start)
            mappings.append(memory.read(end - start))
    return b"\n".join(mappings)


def family(pid: int) -> list[int]:
    """Return a process and all that it has started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text("ascii").split():
            found += family(int(child))
    return found
