"""What the server of a canary sweep stands on: where it keeps its record, and who takes its codes.

alone    files of its own; the codes go to the SMSC by Debian's Kannel, as docs/how-to ships it
shared   PostgreSQL, as deploy/ ships it, and NATS; the codes go to the SMSC by SMPP from the server itself
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.fakes.nats_server import NatsServer
from tests.fakes.postgres_server import PostgresServer
from tests.integration.npm_smsc import NpmSmsc, npm_smsc
from tests.integration.server.kannel_boxes import boxes
from tests.integration.server.memory import fresh_pages
from tests.integration.server.shipped import DEPLOY

ALONE: Final = "alone"
SHARED: Final = "shared"


@dataclass
class Backing:
    """One server's; `options`, `gateway` and `smpp` are what it is started with."""

    smsc: NpmSmsc
    break_down: Callable[[str], Awaitable[None]]
    """Make it fail, with a number where none belongs; the next code is not sent."""
    files: Callable[[], Mapping[str, bytes]]
    """What it has written until now, by place; the first word of a place names its kind."""
    known: Callable[[bytes], Mapping[str, bytes]]
    """What stands for certain in each kind of place that depends on the backing, once this device has enrolled."""
    gateway: str = ""
    smpp: str = ""
    password: str = "secret"
    options: tuple[str, ...] = field(default=())


@asynccontextmanager
async def _alone(folder: Path) -> AsyncIterator[Backing]:
    kannel = folder / "kannel"
    kannel.mkdir()
    async with npm_smsc(receipt="delivered") as smsc, AsyncExitStack() as gateway:
        sendsms = await gateway.enter_async_context(boxes(kannel, smsc.port))

        async def break_down(number: str) -> None:
            del number  # Kannel is asked by the server only
            await gateway.aclose()

        yield Backing(
            smsc,
            break_down,
            lambda: {f"kannel {file.name}": file.read_bytes() for file in kannel.iterdir()},
            lambda device: {
                "kannel": b"bearerbox",
                "waiting": device,
                "at-rest": b"SQLite format 3",
                "stopped": b"SQLite format 3",
            },
            gateway=f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms",
            password="change-me",
        )


@asynccontextmanager
async def _shared(folder: Path) -> AsyncIterator[Backing]:
    settings = (DEPLOY / "postgresql" / "sayso.conf").read_text("utf-8")
    async with AsyncExitStack() as stack:
        # Its user could not come into a folder of ours.
        postgres = await asyncio.to_thread(PostgresServer, settings=settings)
        stack.callback(postgres.remove)
        await asyncio.to_thread(postgres.start)
        seen: set[bytes] = set()
        _written(postgres.directory, seen)
        nats_log = folder / "nats.log"
        nats = NatsServer(nats_log)
        await asyncio.to_thread(nats.start)
        stack.callback(nats.stop)
        # Two codes arrive. The third is refused at once: one that waits for an SMSC that is gone stays in memory.
        smsc = await stack.enter_async_context(npm_smsc(receipt="delivered", submits=["ok", "ok", "reject"]))

        async def break_down(number: str) -> None:
            for statement in (f"SELECT '{number}'::boolean", f"SELECT x{number[1:]}"):
                assert await asyncio.to_thread(postgres.refuses, statement)
            await asyncio.to_thread(postgres.sql, _HANG_UP)

        def files() -> Mapping[str, bytes]:
            return {**_written(postgres.directory, seen), "nats nats.log": nats_log.read_bytes()}

        yield Backing(
            smsc,
            break_down,
            files,
            lambda device: {
                "postgres": device,
                "postgres-log": b"ready to accept connections",
                "nats": b"Server is ready",
                # Of the server's own files there is the keyring only.
                **dict.fromkeys(("waiting", "at-rest", "stopped"), b"long_term"),
            },
            smpp=smsc.address,
            options=("--postgres", postgres.url, "--nats", nats.url),
        )


BACKINGS: Final[Mapping[str, Callable[[Path], AbstractAsyncContextManager[Backing]]]] = {
    ALONE: _alone,
    SHARED: _shared,
}
_HANG_UP: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sayso'"


def _written(directory: Path, seen: set[bytes]) -> dict[str, bytes]:
    """Everything in a cluster's directory, WAL included, and its log; files come and go while it runs.

    Without the pages that were `seen` before (those now returned are added): what is as it was before the server came
    holds nothing of its people, and what was swept once need not be again.
    """
    found = {}
    for file in sorted(directory.rglob("*")):
        try:
            if file.is_file():
                kind = "postgres-log" if file == directory / "log" else "postgres"
                found[f"{kind} {file.relative_to(directory)}"] = fresh_pages(file.read_bytes(), seen)
        except FileNotFoundError:
            continue
    return found
