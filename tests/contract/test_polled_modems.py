"""Android through Termux:API, and Gammu: their sources over recorded fakes pass the suite of every modem."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sayso.phone.adapters.gammu import GammuSource
from sayso.phone.adapters.polled_modem import PolledModem, Source
from sayso.phone.adapters.system import SystemClock
from sayso.phone.adapters.termux import TermuxSource
from sayso.phone.ports import Modem
from tests.contract.modem import OTHERS, OURS, ModemContract, World
from tests.fakes.gammu import FakeGammu
from tests.fakes.handed_book import FakeBook
from tests.fakes.radio import Radio, Stored
from tests.fakes.termux import FakeTermux

EVERY_S = 0.005


class RadioWorld:
    def __init__(self, radio: Radio, source: Source) -> None:
        self._radio = radio
        self.modem: Modem = PolledModem(source, book=FakeBook(), clock=SystemClock(), every_s=EVERY_S)

    async def inject(self, sender: str, text: str) -> None:
        self._radio.store(Stored(sender, text, self._radio.now))

    async def accepted(self) -> list[tuple[str, str]]:
        return self._radio.accepted

    async def eject(self) -> None:
        self._radio.present = False

    async def insert(self) -> None:
        self._radio.present, self._radio.locked = True, False

    async def lock(self) -> None:
        self._radio.locked = True

    async def cover(self, *, on: bool) -> None:
        self._radio.covered = on

    async def vanish(self) -> None:
        self._radio.gone = True

    async def come_back(self) -> None:
        self._radio.gone = False


class PolledContract(ModemContract):
    identified = False
    carries_nul = False

    def source(self, radio: Radio) -> Source:
        raise NotImplementedError

    def world(self) -> AbstractAsyncContextManager[World]:
        return self._world()

    @asynccontextmanager
    async def _world(self) -> AsyncIterator[World]:
        radio = Radio(OURS, others=(OTHERS,))
        yield RadioWorld(radio, self.source(radio))


class TestTermux(PolledContract):
    reports = False
    deletes = False

    def source(self, radio: Radio) -> Source:
        return TermuxSource(FakeTermux(radio))


class TestGammu(PolledContract):
    def source(self, radio: Radio) -> Source:
        return GammuSource(FakeGammu(radio).open)
