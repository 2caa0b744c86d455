"""All of a world: clock, server, carrier, phones."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sayso.phone.core.lines import LineState
from sayso.phone.core.sms.alphabet import Tables, fits_sms, segments
from sayso.phone.errors import SmsFormatError
from sayso.phone.line.service import LineService
from tests.fakes.phone_clock import FakeClock
from tests.fakes.relay_server import RelayServer
from tests.fakes.set_publisher import Publisher
from tests.fakes.world.air import Carrier, cut
from tests.fakes.world.log import Log
from tests.fakes.world.phone import SimPhone
from tests.fakes.world.stations import STATIONS, Card, Station

PHONES: Final = (("+447700900101",), ("+447700900102", "+447700900103"), ("+447700900104",))
NUMBERS: Final = tuple(number for numbers in PHONES for number in numbers)
FOREIGN: Final = "+447700900199"
"""Of a SIM that belongs to nobody here."""
_QUIET: Final = frozenset({LineState.OFF, LineState.PAUSED, LineState.POLICY_CHANGED})
_REST_S: Final = (5, 30, 120, 600, 1000, 1000, 1000, 1000, 1000)
"""A stranger hears after ten minutes that its text could not be opened, asks each quarter, tries three times."""


class World:
    """All of it."""

    def __init__(self) -> None:
        self.clock = FakeClock(turns=12)
        self.log = Log()
        self.steps = 0
        """How many were taken."""
        self.network = Carrier(self.log, wall=self.clock.wall)
        self.server = RelayServer(self.clock, self.network)
        self.server.on_traffic = self._traffic
        self.server.cut_off = lambda device: self._number_of(device) in self.cut_off
        self.publisher = Publisher(self.server, strangers=20)
        self.cut_off: set[str] = set()
        """Numbers whose phone has no data connection."""
        self.phones = [SimPhone(self, index, self._stations(numbers)) for index, numbers in enumerate(PHONES)]
        self._of = {number: phone for phone in self.phones for number in phone.stations}

    def _stations(self, numbers: tuple[str, ...]) -> dict[str, Station]:
        places = {number: NUMBERS.index(number) for number in numbers}
        return {number: STATIONS[at](self.network, Card(number, at + 1)) for number, at in places.items()}

    def phone(self, number: str) -> SimPhone:
        """The phone with a number."""
        return self._of[number]

    def station(self, number: str) -> Station:
        """The modem of the line with a number."""
        return self._of[number].stations[number]

    def service(self, number: str) -> LineService | None:
        """The line of a number, while its phone runs."""
        phone = self._of[number]
        return phone.services[number] if phone.on else None

    async def settle(self, turns: int = 80) -> None:
        """Let everything happen that needs no time."""
        for _ in range(turns):
            await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.advance(seconds)
        self.server.sweep()
        await self.settle()

    def judge_count(self, text: str, *, languages: Sequence[int]) -> None:
        """Whether a text is as many SMS as its pieces are, and fits if it can be counted.

        Raises:
            SmsFormatError: it cannot go by SMS.
        """
        try:
            counted = segments(text, languages=languages)
        except SmsFormatError:
            if text.isprintable() and not languages and fits_sms(text):
                self.log.wrongs.append(f"fits into SMS, and does not: {len(text)} of {set(text)}")
            raise
        if counted.tables == Tables() and counted.parts != len(cut(text)[0]):
            self.log.wrongs.append(f"counted as {counted.parts} SMS: {len(text)} of {set(text)}")

    async def heal(self) -> None:
        """Everything works again; then enough time for all that can still happen."""
        self.network.holds = False
        self.server.refuses = None
        self.server.faces.clear()
        self.cut_off.clear()
        self.server.start()
        for phone in self.phones:
            phone.dies_in = None
            for station in phone.stations.values():
                station.come_back()
                station.fill(on=False)
                station.cover(on=True)
                station.put(station.own)
            await phone.boot()
        for stream in list(self.server.streams.values()):
            stream.stall(on=False)
        self.network.settle()
        for seconds in _REST_S:
            await self.wait(seconds)
            self.network.settle()

    async def close(self) -> None:
        """End all that runs."""
        for phone in self.phones:
            await phone.crash()
            phone.store.close()
        ticking = self.server._ticking
        if ticking is not None:
            ticking.cancel()

    def _number_of(self, device: bytes) -> str | None:
        for number, phone in self._of.items():
            known = phone.store.lines.device(phone.lines[number])
            if known is not None and known.device == device:
                return number
        return None

    def _traffic(self, device: bytes) -> None:
        number = self._number_of(device)
        if number is None:
            self.log.wrongs.append("cloud traffic of a line that is off")
        elif self._of[number].line_state(number) in _QUIET:
            self.log.wrongs.append("cloud traffic of a line without consent, or paused")
