"""Ports on loopback for programs that cannot let the system choose, or that come back to the same one."""

import contextlib
import os
import socket
from random import Random
from typing import Final

_PORTS: Final = range(20_000, 32_000)
"""Below those that the system gives to whoever asks for any: a connection of another test may take one of these."""


def free_ports(count: int) -> list[int]:
    """Find ports that nobody holds; tests that run beside each other find others."""
    found: list[int] = []
    for port in Random(os.urandom(8)).sample(_PORTS, 200):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports on this machine")
