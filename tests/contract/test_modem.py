"""The simulated carrier's modem, through its socket, and the fake pass the same suite."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.app import CarrierConfig
from sayso.carrier.control import ListSent
from sayso.carrier.core.events import AddSim, Inject, InsertSim, LockSim, RemoveSim, SetCoverage
from sayso.phone.adapters.carrier_modem import CarrierModem
from sayso.phone.ports import Modem
from tests.contract.modem import OTHERS, OURS, ModemContract, World
from tests.fakes.carrier_phone import running_carrier
from tests.fakes.modem import FakeNetwork

SIM = "ours"


class FakeWorld:
    def __init__(self) -> None:
        self.network = FakeNetwork()
        self.fake = self.network.modem(OURS)
        self.network.modem(OTHERS)
        self.modem: Modem = self.fake

    async def inject(self, sender: str, text: str) -> None:
        self.network.inject(sender, OURS, text)

    async def accepted(self) -> list[tuple[str, str]]:
        return [(sms.to, sms.text) for sms in self.network.accepted if sms.sender == OURS]

    async def eject(self) -> None:
        self.fake.eject()

    async def insert(self) -> None:
        self.fake.insert()

    async def lock(self) -> None:
        self.fake.lock()

    async def cover(self, *, on: bool) -> None:
        self.fake.cover(on=on)

    async def vanish(self) -> None:
        self.fake.vanish()

    async def come_back(self) -> None:
        self.fake.come_back()


class CarrierWorld:
    """A real carrier in this loop, reached through its sockets."""

    def __init__(self, data: Path, running: AsyncExitStack) -> None:
        self._config = CarrierConfig(data=data, seed=1)
        self._running = running
        self._control: AsyncControlClient
        self.modem: Modem

    async def start(self) -> None:
        addresses = await self._running.enter_async_context(running_carrier(self._config))
        self._control = await self._running.enter_async_context(AsyncControlClient(addresses.control))
        self.modem = CarrierModem(addresses.modems / f"{SIM}.sock")

    async def add_sims(self) -> None:
        await self._control.call(AddSim(name=SIM, number=OURS))
        await self._control.call(AddSim(name="others", number=OTHERS))

    async def inject(self, sender: str, text: str) -> None:
        await self._control.call(Inject(sender=sender, to=OURS, text=text))

    async def accepted(self) -> list[tuple[str, str]]:
        reply = await self._control.call(ListSent())
        assert reply.sent is not None
        return [(sms.to, sms.text) for sms in reply.sent if sms.sender == OURS]

    async def eject(self) -> None:
        await self._control.call(RemoveSim(name=SIM))

    async def insert(self) -> None:
        await self._control.call(InsertSim(name=SIM))

    async def lock(self) -> None:
        await self._control.call(LockSim(name=SIM, on=True))

    async def cover(self, *, on: bool) -> None:
        await self._control.call(SetCoverage(name=SIM, on=on))

    async def vanish(self) -> None:
        await self._running.aclose()

    async def come_back(self) -> None:
        before = self.modem
        await self.start()
        self.modem = before  # the same object has to find it again


class TestFake(ModemContract):
    def world(self) -> AbstractAsyncContextManager[World]:
        return self._world()

    @asynccontextmanager
    async def _world(self) -> AsyncIterator[World]:
        yield FakeWorld()


class TestCarrier(ModemContract):
    def world(self) -> AbstractAsyncContextManager[World]:
        return self._world()

    @asynccontextmanager
    async def _world(self) -> AsyncIterator[World]:
        with TemporaryDirectory() as data:
            async with AsyncExitStack() as running:
                world = CarrierWorld(Path(data) / "carrier", running)
                await world.start()
                await world.add_sims()
                yield world
                await asyncio.sleep(0)
