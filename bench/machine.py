"""What the figures were measured on, and with."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

import apsw
from msgspec import Struct

_PACKAGES: Final = ("picows", "uvloop", "msgspec", "apsw-sqlite3mc", "cryptography", "sayso")


class Machine(Struct, frozen=True):
    """The machine and the versions."""

    cpu: str
    cores: int
    memory_mib: int
    kernel: str
    file_system: str
    """Where the server's data lay."""
    python: str
    sqlite: str
    packages: dict[str, str]
    commit: str
    """Of the tree; ends with `+` where it had changes."""
    load_before: float
    """Average over a minute when the bench began: what else was going on."""


def machine(work: Path) -> Machine:
    """Look at this machine; `work` is where the server's data will lie."""
    return Machine(
        cpu=_field(Path("/proc/cpuinfo"), "model name"),
        cores=os.cpu_count() or 1,
        memory_mib=int(_field(Path("/proc/meminfo"), "MemTotal").split()[0]) // 1024,
        kernel=platform.release(),
        file_system=_file_system(work),
        python=platform.python_version(),
        sqlite=apsw.sqlite_lib_version(),
        packages={name: version(name) for name in _PACKAGES},
        commit=_commit(),
        load_before=os.getloadavg()[0],
    )


def _field(path: Path, name: str) -> str:
    for line in path.read_text("utf-8").splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return "0"


def _file_system(work: Path) -> str:
    """Return type of the mount with the longest path above `work`."""
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text("utf-8").splitlines():
        _, mount, found, *_ = line.split()
        if str(work.resolve()).startswith(mount) and len(mount) >= len(best):
            best, kind = mount, found
    return kind


def _commit() -> str:
    try:
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        changes = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changes.stdout.strip() else "")
