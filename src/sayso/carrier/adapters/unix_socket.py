"""Unix path sockets for their owner only."""

import os
import socket
from pathlib import Path
from typing import Final

from sayso.carrier.errors import CarrierConfigError

UNIX_PATH_BYTES_MAX: Final = 107
"""Linux, unix(7): sun_path has 108 bytes, the last one zero."""


def bind_unix(path: Path) -> socket.socket:
    """Return a listening Unix socket at `path`, mode 0600; one that a killed process left there goes.

    Raises:
        CarrierConfigError: The path is too long for a Unix socket, or cannot be used.
    """
    if len(os.fsencode(path)) > UNIX_PATH_BYTES_MAX:
        raise CarrierConfigError(
            f"{path} is too long for a Unix socket ({UNIX_PATH_BYTES_MAX} bytes): choose a shorter data directory"
        )
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen()
    except OSError as error:
        listening.close()
        raise CarrierConfigError(f"cannot listen at {path}: {error.strerror}") from error
    listening.setblocking(False)
    return listening
