"""Three server processes, PostgreSQL and NATS, each where it can be cut off; phones on all three; a log of it all."""

import asyncio
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bench.accounts import seed_into
from sayso.protocol.ids import KeyDigest
from tests.fakes.nats_server import NatsServer
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import PostgresServer
from tests.integration.load.cluster_phones import Door, Phone
from tests.integration.load.cluster_wire import NATS, POSTGRES, Namespaces
from tests.integration.load.history import History

ROOT: Final = Path(__file__).resolve().parents[3]
PHONES: Final = 12
NODES: Final = 3
_START_S: Final = 40.0
_SETTLE_S: Final = 60.0
_PAUSE_S: Final = 0.01
"""Between two messages of the load: it keeps all three processes busy and leaves the machine to others."""


class _Ready(msgspec.Struct):
    stream: str
    key: str


@dataclass
class Process:
    """One server process; it is started anew when it ends, as a supervisor would."""

    number: int
    data: Path
    namespace: str
    postgres: str
    nats: str
    port: int = 0
    key: str = ""
    starts: int = 0
    wanted: bool = True
    up: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None

    async def supervise(self) -> None:
        """Keep it running."""
        while self.wanted:
            with (self.data.parent / f"node{self.number}.log").open("ab") as log:
                self.process = process = await asyncio.create_subprocess_exec(
                    "ip", "netns", "exec", self.namespace,
                    sys.executable, "-m", "tests.integration.load.cluster_node",
                    str(self.data), self.postgres, self.nats,
                    stdout=asyncio.subprocess.PIPE, stderr=log, cwd=ROOT,
                )  # fmt: skip
            line = await process.stdout.readline() if process.stdout is not None else b""
            with suppress(msgspec.MsgspecError):
                ready = msgspec.json.decode(line, type=_Ready)
                self.port, self.key = urlsplit(ready.stream).port or 0, ready.key
                self.starts += 1
                self.up.set()
            await process.wait()
            self.up.clear()
            await asyncio.sleep(0.5)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    def move_clock(self, seconds: float) -> None:
        """Have its wall clock jump."""
        (self.data / "offset").write_text(str(seconds), "ascii")

    async def end(self) -> None:
        """Stop it for good."""
        self.wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        if self.process is not None:
            await self.process.wait()


@dataclass
class World:
    """Everything."""

    namespaces: Namespaces
    postgres: PostgresServer
    nats: NatsServer
    nodes: Sequence[Process]
    phones: Sequence[Phone]
    history: History

    @asynccontextmanager
    async def load(self, *, seed: int) -> AsyncIterator[None]:
        """Send messages while the block runs; afterwards wait until everything is told and shown."""
        source = random.Random(seed)

        async def send() -> None:
            while True:
                source.choice(self.phones).send(source.randrange(PHONES))
                if source.random() < 0.02:
                    phone = source.choice(self.phones)
                    phone.online = not phone.online
                await asyncio.sleep(_PAUSE_S)

        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(send())
            yield
            sending.cancel()
        for phone in self.phones:
            phone.online = True
        await self.settled()

    async def settled(self) -> None:
        """Wait until nothing is under way any more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _SETTLE_S
        while not self._is_settled() and loop.time() < until:  # noqa: ASYNC110  any of many things may be missing
            await asyncio.sleep(0.2)

    def _is_settled(self) -> bool:
        if not all(phone.settled for phone in self.phones):
            return False
        return not any(one.startswith("lost") for one in self.history.violations())


@asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    """Start everything."""
    with Namespaces(NODES) as namespaces:
        for wire in namespaces.wires:
            wire.run()
        prefix = ("ip", "netns", "exec", namespaces.hub)
        postgres = PostgresServer(listen=POSTGRES)
        nats = NatsServer(directory / "nats.log", host=NATS, port=4222, prefix=prefix)
        nodes: list[Process] = []
        try:
            await asyncio.to_thread(postgres.start, prefix=prefix)
            await asyncio.to_thread(nats.start)
            database = await open_directory(postgres.url)
            await seed_into(database, PHONES)
            await database.close()
            url = f"postgresql://sayso@{POSTGRES}:{postgres.port}/postgres"
            nodes = [
                Process(number, directory / f"node{number}", namespace, url, nats.url)
                for number, namespace in enumerate(namespaces.nodes)
            ]
            async with asyncio.TaskGroup() as tasks:
                watching = []
                for node in nodes:
                    if node.number:
                        shutil.copytree(nodes[0].data / "keyring", node.data / "keyring")
                        node.data.chmod(0o700)
                    watching.append(tasks.create_task(node.supervise()))
                    async with asyncio.timeout(_START_S):
                        await node.up.wait()
                history = History()
                doors = [_door(namespaces, node) for node in nodes]
                key = KeyDigest(bytes.fromhex(nodes[0].key))
                phones = [Phone(place, doors, history, key, seed=1) for place in range(PHONES)]
                running = [tasks.create_task(phone.run()) for phone in phones]
                yield World(namespaces, postgres, nats, nodes, phones, history)
                for task in (*running, *watching):
                    task.cancel()
        finally:
            for node in nodes:
                await node.end()
            nats.stop()
            postgres.remove()


def _door(namespaces: Namespaces, node: Process) -> Door:
    return Door("ws://127.0.0.1/v1/stream", lambda: namespaces.dial(node.number, node.port))
