"""PostgreSQL and NATS for a server of several processes: started for a run, on a disk, and measured beside the server.

They are the ones that the tests start. They inherit the driver's core, so that the server has its own to itself.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.accounts import seed_into
from bench.procfs import Figures, sample
from tests.fakes.nats_server import NatsServer
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import PostgresServer, binaries_found

_DISK: Final = Path("/var/tmp")  # noqa: S108  a directory of our own is made there
"""Not below the bench's own directory: the database's user may not go in there."""


@dataclass(frozen=True, slots=True)
class Backing:
    """What the server's processes stand on."""

    postgres: PostgresServer
    nats: NatsServer
    url: str
    """Of a schema with the accounts in it."""

    @property
    def options(self) -> tuple[str, ...]:
        """How a server is told of them."""
        return ("--postgres", self.url, "--nats", self.nats.url)

    def cpu_s(self) -> tuple[float, float]:
        """Seconds of processor time that PostgreSQL, and NATS, have used."""
        return sample(self.postgres.pid).cpu_s, sample(self.nats.pid).cpu_s


class BesideMeter:
    """Processor time of PostgreSQL and NATS in a window, beside that of the server."""

    def __init__(self, backing: Backing) -> None:
        """Begin the window."""
        self._backing = backing
        self._before = backing.cpu_s()

    def add(self, figures: Figures, what: str) -> Figures:
        """End the window; returns the meter's figures of the server with the others' beside them."""
        postgres, nats = (after - before for after, before in zip(self._backing.cpu_s(), self._before, strict=True))
        server = figures["seconds"] * figures["server_cpu_pct"] / 100
        everything = server + postgres + nats
        return figures | {
            f"{what}_per_cpu_s_of_all": figures[what] / everything if everything else 0.0,
            "postgres_cpu_pct": 100 * postgres / figures["seconds"],
            "nats_cpu_pct": 100 * nats / figures["seconds"],
        }


def lacking() -> str | None:
    """Say what is not installed here; None: all is there."""
    return None if binaries_found() else "PostgreSQL is not installed (apt-get install postgresql)"


@asynccontextmanager
async def backing(accounts: int) -> AsyncIterator[Backing]:
    """Run both for the length of the block, over so many accounts."""
    place = Path(tempfile.mkdtemp(prefix="sayso-bench-", dir=_DISK))
    postgres = PostgresServer(place)
    nats = NatsServer(place / "nats.log")
    try:
        postgres.start()
        nats.start()
        url = postgres.new_schema()
        database = await open_directory(url)
        try:
            await seed_into(database, accounts)
        finally:
            await database.close()
        yield Backing(postgres, nats, url)
    finally:
        nats.stop()
        postgres.remove()
        shutil.rmtree(place, ignore_errors=True)
