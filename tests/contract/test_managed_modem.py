"""ModemManager in memory, as the simulated worlds have it, passes the suite of every modem under the real adapter.

The real daemon's stand-in on a bus of its own passes it in tests/integration/delivery/test_modem_manager.py.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sayso.phone.adapters.modem_manager import ModemManagerModem
from sayso.phone.adapters.system import SystemClock
from sayso.phone.ports import Modem
from tests.contract.modem import OTHERS, OURS, ModemContract, World
from tests.fakes.handed_book import FakeBook
from tests.fakes.modem_manager import FakeModemManager

NOW = 1_800_000_000.0


class ManagedWorld:
    def __init__(self) -> None:
        self._sent: list[tuple[str, str]] = []
        self._daemon = FakeModemManager(OURS, "001010000000001", self._send)
        self.modem: Modem = ModemManagerModem(book=FakeBook(), clock=SystemClock(), open_bus=self._daemon.open)

    def _send(self, to: str, text: str) -> int:
        self._sent.append((to, text))
        reference = len(self._sent)
        if to == OURS:
            self._daemon.receive(OURS, text, NOW)
        if to != OTHERS:
            self._daemon.report(reference, to, delivered=to == OURS)
        return reference

    async def inject(self, sender: str, text: str) -> None:
        self._daemon.receive(sender, text, NOW)

    async def accepted(self) -> list[tuple[str, str]]:
        return self._sent

    async def eject(self) -> None:
        self._daemon.present = False
        self._daemon.changed()

    async def insert(self) -> None:
        self._daemon.present, self._daemon.locked = True, False
        self._daemon.changed()

    async def lock(self) -> None:
        self._daemon.locked = True
        self._daemon.changed()

    async def cover(self, *, on: bool) -> None:
        self._daemon.covered = on
        self._daemon.changed()

    async def vanish(self) -> None:
        self._daemon.vanish()

    async def come_back(self) -> None:
        self._daemon.come_back()


class TestManaged(ModemContract):
    carries_nul = False

    def world(self) -> AbstractAsyncContextManager[World]:
        return self._world()

    @asynccontextmanager
    async def _world(self) -> AsyncIterator[World]:
        yield ManagedWorld()
