"""What this process lets the system do with its memory: no core dump, and no other process reads it.

RLIMIT_CORE keeps the kernel from writing core files, but not from piping a dump to a crash handler. PR_SET_DUMPABLE
forbids that too, and with it ptrace and /proc/PID/mem by the same user (prctl(2), ptrace(2)). Root can still look.
"""

import ctypes
import os
import resource
import signal
from typing import Final

from sayso.server.errors import ConfigError

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_NOT_DUMPABLE: Final = 0
_NO_CORE: Final = (0, 0)


def forbid_dumps() -> None:
    """Forbid core dumps and debuggers, for this process and, by the limit, for those that it starts.

    Raises:
        ConfigError: the system does not let us.
    """
    resource.setrlimit(resource.RLIMIT_CORE, _NO_CORE)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, _NOT_DUMPABLE, 0, 0, 0) != 0:
        raise ConfigError(
            f"the system does not let the server forbid dumps of its memory ({os.strerror(ctypes.get_errno())}): "
            "allow prctl in its sandbox"
        )


def allow_open_files() -> int:
    """Raise the bound on open files as far as the system lets us; each stream is one. Returns the bound."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def forbid_dumps_as_parent() -> None:
    """Forbid them in a worker whose server has: `execve` makes a process dumpable again, the limit is inherited."""
    if resource.getrlimit(resource.RLIMIT_CORE) == _NO_CORE:
        forbid_dumps()


def end_with_parent() -> None:
    """Have this process ended when the one that has started it dies: a worker that nobody watches is no use."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
