"""One server process of a cluster, with a wall clock that a test can move.

Arguments of `python -m tests.integration.load.cluster_node`: data directory, PostgreSQL's URL, NATS' URL.
The wall clock's offset in seconds is read from DATA/offset.
"""

import asyncio
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

import uvloop

from sayso.cli.logs import configure_logs
from sayso.cli.output import tell_json
from sayso.server.app import run
from sayso.server.config import ServerConfig


class MovedClock:
    """The system's clock, moved."""

    def __init__(self, offset: Path) -> None:
        self._offset = offset

    def wall(self) -> float:
        try:
            return time.time() + float(self._offset.read_text("ascii"))
        except FileNotFoundError:
            return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


async def main(data: Path, postgres: str, nats: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = ServerConfig(
        data=data,
        http="127.0.0.1:0",
        stream="127.0.0.1:0",
        plain_keyring=True,
        debuggable=True,
        sms_gateway="http://127.0.0.1:9/cgi-bin/sendsms",
        sms_password="unused",
        postgres=postgres,
        nats=nats,
        cluster_cleartext=True,
    )
    await run(
        config,
        stop=stop,
        clock=MovedClock(data / "offset"),
        ready=lambda addresses: tell_json({"event": "ready", **asdict(addresses)}),
    )


if __name__ == "__main__":
    configure_logs()
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
