"""One phone of a world, with its lines: what is stored outlives what runs."""

import asyncio
from contextlib import suppress
from typing import Protocol

from sayso.phone.adapters.command_feed import CommandFeed
from sayso.phone.adapters.store import Store
from sayso.phone.app import line_of
from sayso.phone.core.fallback import When
from sayso.phone.core.lines import LineState
from sayso.phone.core.outgoing import Reason, State
from sayso.phone.core.texts import Direction, Text
from sayso.phone.line.owner import Owner
from sayso.phone.line.service import LineService
from sayso.phone.line.world import World as Given
from tests.fakes.honest_server import POLICY
from tests.fakes.phone_clock import FakeClock, SeededRandom
from tests.fakes.phones import STORE_KEY, harden_cheaply
from tests.fakes.ratchet import FakeRatchet
from tests.fakes.relay_server import RelayServer, StreamOfDevice
from tests.fakes.set_cache import MemorySetCache
from tests.fakes.world.log import Log
from tests.fakes.world.stations import Station


class KilledError(BaseException):
    """The phone's battery fell out."""


class Surroundings(Protocol):
    """What a phone needs of its world."""

    clock: FakeClock
    log: Log
    server: RelayServer

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        ...


class Watched(Owner):
    """An owner's side that checks each text as it changes."""

    def __init__(self, phone: "SimPhone") -> None:
        super().__init__(phone.store, CommandFeed())
        self._phone = phone

    def text_changed(self, text: Text) -> None:
        super().text_changed(text)
        if text.direction is Direction.OUT and text.state == State.SMS_SENDING and text.sms_sim is None:
            self._phone.judge_sms(text)


class SimPhone:
    """One phone with its lines; the store is what stays."""

    def __init__(self, world: Surroundings, index: int, stations: dict[str, Station]) -> None:
        self.world = world
        self.index = index
        self.random = SeededRandom(index)
        self.ratchet = FakeRatchet(seed=index)
        self.sets = MemorySetCache()
        self.dies_in: int | None = None
        """Boundaries until the battery falls out."""
        self._dead = False
        self._life: asyncio.Task[None] | None = None
        self.store = Store(None, STORE_KEY, boundary=self._boundary)
        self.stations = stations
        """The lines' modems, by number."""
        self.lines = {
            number: line_of(self.store, self.random, f"sim{slot}") for slot, number in enumerate(stations, start=1)
        }
        self.services: dict[str, LineService] = {}
        self.owner: Owner

    @property
    def on(self) -> bool:
        """Whether it runs."""
        return self._life is not None and not self._life.done()

    async def boot(self) -> None:
        """Make what runs out of what is stored."""
        if self.on:
            return
        self._dead = False
        self.owner = Watched(self)
        given = Given(
            store=self.store,
            clock=self.world.clock,
            random=self.random,
            ratchet=self.ratchet,
            sets=self.sets,
            open_reach=self.world.server.open_reach,
            news=self.owner,
            policy=POLICY,
            harden=harden_cheaply,
        )
        self.services = {
            number: LineService(given, line, self.stations[number].port(self.store.handed(line), self.world.clock))
            for number, line in self.lines.items()
        }
        for service in self.services.values():
            self.owner.serve(service)
        self._life = asyncio.get_running_loop().create_task(self._live(list(self.services.values())))
        await self.world.settle()

    async def bury(self) -> None:
        """If the battery fell out, nothing of it runs on."""
        if self._dead and self.on:
            await self.crash()

    async def crash(self) -> None:
        """Die here and now."""
        self._dead = True
        if self._life is not None:
            self._life.cancel()
            with suppress(asyncio.CancelledError):
                await self._life
        self._fall()

    def line_state(self, number: str) -> LineState:
        """How a line stands."""
        return self.store.lines.get(self.lines[number]).state

    def stream(self, number: str) -> StreamOfDevice | None:
        """The stream of a line, if it has one."""
        device = self.store.lines.device(self.lines[number])
        return None if device is None else self.world.server.streams.get(device.device)

    def being_given(self, ref: int) -> bool:
        """Whether a modem is just being given the SMS with this reference."""
        text = self.store.texts.by_sms_ref(ref)
        return text is not None and text.state == State.SMS_SENDING

    def judge_sms(self, text: Text) -> None:
        """No SMS against the policy."""
        policy = self.store.fallbacks.get(text.line, text.number)
        peer = self.store.peers.get(text.line, text.number)
        pushed = text.message_id in self.world.log.pushed
        fine = {
            Reason.OWNER_CHOSE: pushed,
            Reason.OWNER_DOUBTED: text.message_id in self.world.log.doubted,
            Reason.NOT_FETCHED: policy.undelivered is When.AFTER,
            Reason.LEFT_CLOUD: policy.undelivered is When.AFTER,
            Reason.SERVER_AWAY: policy.unreachable is When.AFTER,
            Reason.LINE_OFF: not peer.ever_in_cloud or policy.undelivered is When.AFTER,
            Reason.NOT_IN_CLOUD: not peer.ever_in_cloud,
            Reason.NO_CLOUD_NUMBER: True,
        }
        if text.reason is not None and not fine.get(Reason(text.reason), False):
            self.world.log.wrongs.append(f"an SMS against the policy: {text.text}, {text.reason}")

    async def _live(self, services: list[LineService]) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for service in services:
                    tasks.create_task(service.run())
        except* KilledError:
            self._fall()

    def _fall(self) -> None:
        self.dies_in = None
        for service in self.services.values():
            reach = service._reach
            if reach is not None:
                reach.gate.shut()

    def _boundary(self, name: str, side: str) -> None:
        del name, side
        if self._dead:
            raise KilledError
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self._dead = True
                raise KilledError
