"""The heartbeat's file: where the server's running time stood, and when (design.md §5.3).

It is replaced as a whole each minute; one that is damaged counts as none. That never turns time back below what the
stores already hold: the mailbox store keeps the latest running time with each commit and gives it as `floor` to
`core.running_clock`. A second file or table would be one more thing that could disagree.
"""

import errno
import hashlib
import math
import struct
from pathlib import Path
from typing import Final

from sayso.server.adapters.private_file import read_private, write_atomically
from sayso.server.core.running_clock import Heartbeat
from sayso.server.errors import NoSpaceError, StoreError

_MAGIC: Final = b"sayso-heartbeat1"
_BODY: Final = struct.Struct(f">{len(_MAGIC)}sdd")
_DIGEST_BYTES: Final = 32


class HeartbeatFile:
    """Keeps one heartbeat."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Heartbeat | None:
        """Return the last heartbeat; None when there is none, or when it is damaged.

        Raises:
            ConfigError: others can read or write the file.
            StoreError: it cannot be read.
        """
        try:
            content = read_private(self._path, _BODY.size + _DIGEST_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read the heartbeat {self._path}: {error.strerror}") from error
        body, digest = content[: _BODY.size], content[_BODY.size :]
        if len(body) != _BODY.size or digest != hashlib.sha256(body).digest():
            return None
        magic, running, wall = _BODY.unpack(body)
        if magic != _MAGIC or not (math.isfinite(running) and math.isfinite(wall) and running >= 0):
            return None
        return Heartbeat(running=running, wall=wall)

    def write(self, heartbeat: Heartbeat) -> None:
        """Keep a heartbeat, durably.

        Raises:
            NoSpaceError: the disk is full; the old one is still there.
            StoreError: it could not be written; the old one is still there.
        """
        body = _BODY.pack(_MAGIC, heartbeat.running, heartbeat.wall)
        try:
            write_atomically(self._path, body + hashlib.sha256(body).digest())
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            kind = NoSpaceError if full else StoreError
            raise kind(f"cannot write the heartbeat {self._path}: {error.strerror}") from error
