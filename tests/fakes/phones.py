"""Phones in memory: real line services over a store in memory, fake ports, one honest server, one network."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sayso.phone.adapters.command_feed import CommandFeed
from sayso.phone.adapters.store import Store
from sayso.phone.app import line_of
from sayso.phone.core.lines import LineState
from sayso.phone.core.texts import Text
from sayso.phone.line.owner import Owner
from sayso.phone.line.restored import follow_mark
from sayso.phone.line.service import LineService
from sayso.phone.line.world import World
from sayso.phone.ports import Ratchet
from sayso.protocol.passphrase import CHEAPEST
from sayso.protocol.pin import prove
from tests.fakes.honest_server import POLICY, URL, HonestServer
from tests.fakes.mark import MemoryMark
from tests.fakes.modem import FakeModem, FakeNetwork
from tests.fakes.phone_clock import FakeClock, SeededRandom
from tests.fakes.ratchet import FakeRatchet
from tests.fakes.set_cache import MemorySetCache

ALICE = "+447700900101"
BOB = "+447700900102"
CAROL = "+447700900103"
STORE_KEY = bytes(range(32))


async def harden_cheaply(output: bytes, salt: bytes) -> bytes:
    """A PIN's proof at once, and weak."""
    return prove(output, salt, CHEAPEST)


class Phone:
    """One phone with one line; `start` and `stop` are its power switch, the store is what stays."""

    def __init__(
        self,
        town: "Town",
        number: str,
        *,
        path: Path | None = None,
        ratchet: Ratchet | None = None,
        boundary: Callable[[str, str], None] | None = None,
    ) -> None:
        self.town = town
        self.number = number
        self.modem: FakeModem = town.network.modem(number)
        self.path = path
        self.boundary = boundary
        self.policy = POLICY
        """The text in the package that this phone has installed."""
        self.random = SeededRandom(int(number[-6:]))
        self.ratchet: Ratchet = ratchet or FakeRatchet(seed=int(number[-6:]))
        self.sets = MemorySetCache()
        self.mark = MemoryMark()
        self.store = self._open()
        self.line = line_of(self.store, self.random, "sim1")
        self.owner: Owner
        self.service: LineService

    def _open(self) -> Store:
        return Store(self.path, STORE_KEY, boundary=self._boundary)

    def _boundary(self, name: str, side: str) -> None:
        if self.boundary is not None:
            self.boundary(name, side)

    def boot(self) -> None:
        """Make what runs out of what is stored."""
        self.owner = Owner(self.store, CommandFeed())
        world = World(
            store=self.store,
            clock=self.town.clock,
            random=self.random,
            ratchet=self.ratchet,
            sets=self.sets,
            open_reach=self.town.server.open_reach,
            news=self.owner,
            policy=self.policy,
            harden=harden_cheaply,
        )
        follow_mark(world, self.mark)
        self.service = LineService(world, self.line, self.modem)
        self.owner.serve(self.service)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Phone"]:
        """Run until the block is left."""
        self.boot()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.service.run())
            try:
                await self.town.settle()
                yield self
            finally:
                task.cancel()

    async def opt_in(self, *, findable: str = "everyone") -> None:
        """Say yes, and let the code come by SMS."""
        server = self.town.server
        await self.service.opt_in(server=URL, server_key=server.digest, number=None, findable=findable, method="test")
        await self.town.until(lambda: self.state is LineState.ON and self.service.connected)

    @property
    def state(self) -> LineState:
        """Of its line."""
        return self.store.lines.get(self.line).state

    def send(self, to: str, text: str) -> Text:
        """Write a text."""
        return self.service.send(to, text)

    def texts(self, number: str | None = None) -> list[Text]:
        """All rows, oldest first."""
        return self.store.texts.newest(line=self.line, number=number, limit=1000)

    def said(self, number: str) -> list[tuple[str, str, str, str]]:
        """Direction, channel, text and state of a thread's rows."""
        return [(t.direction.value, t.channel.value, t.text, t.state) for t in self.texts(number)]

    def text(self, sent: Text) -> Text:
        """A text as it stands now."""
        found = self.store.texts.get(sent.id)
        assert found is not None
        return found

    def state_of(self, sent: Text) -> str:
        """The state of a text now."""
        return self.text(sent).state


class Town:
    """A clock, a network, a server."""

    def __init__(self, server: type[HonestServer] = HonestServer) -> None:
        self.clock = FakeClock()
        self.network = FakeNetwork(now=self.clock.wall())
        self.server = server(self.clock, self.network)

    def phone(self, number: str, **more: object) -> Phone:
        """Make a phone."""
        return Phone(self, number, **more)  # type: ignore[arg-type]  # keyword arguments of Phone

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(400):
            await asyncio.sleep(0)

    async def until(self, done: Callable[[], bool]) -> None:
        """Let things happen until `done`; without time passing."""
        for _ in range(4000):
            if done():
                return
            await asyncio.sleep(0)
        raise AssertionError("it does not happen without time passing")

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and what it brings happen."""
        await self.clock.advance(seconds)
        await self.settle()
