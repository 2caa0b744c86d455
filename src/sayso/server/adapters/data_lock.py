"""One process at a time works on a server's data: two would each hold half of the truth."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sayso.server.errors import ConfigError


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Hold a server's data directory; the system lets go of it when the process ends, however it ends.

    Raises:
        ConfigError: another process holds it.
    """
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(f"a server works on {data}: stop it first") from error
        yield
    finally:
        os.close(descriptor)
