"""What becomes of phones, their SIMs and their modems."""

from typing import Final

from tests.fakes.world.stations import Card
from tests.fakes.world.world import FOREIGN, NUMBERS, World

_FOREIGN_OPERATOR: Final = "00102"


class Machines:
    """Phones and modems."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def crash(self, number: str, b: int, _: int) -> None:
        """The phone dies, and may start again."""
        phone = self._world.phone(number)
        await phone.crash()
        if b % 2:
            await phone.boot()

    def dies(self, number: str, b: int, _: int) -> None:
        """The phone dies at a boundary soon."""
        phone = self._world.phone(number)
        if phone.on:
            phone.dies_in = b % 12

    async def boot(self, number: str, _: int, __: int) -> None:
        """Switch it on."""
        await self._world.phone(number).boot()

    def eject(self, number: str, _: int, __: int) -> None:
        """Take the SIM out."""
        self._world.station(number).put(None)

    def insert(self, number: str, _: int, __: int) -> None:
        """Put the line's own SIM in."""
        station = self._world.station(number)
        station.put(station.own)

    def other_sim(self, number: str, _: int, __: int) -> None:
        """Put another one in."""
        self._world.station(number).put(Card(FOREIGN, NUMBERS.index(number) + 1, _FOREIGN_OPERATOR))

    def lock(self, number: str, _: int, __: int) -> None:
        """The SIM wants its PIN."""
        station = self._world.station(number)
        station.put(station.own, locked=True)

    def modem_gone(self, number: str, _: int, __: int) -> None:
        """Unplug the modem."""
        self._world.station(number).vanish()

    def modem_back(self, number: str, _: int, __: int) -> None:
        """Plug it in."""
        self._world.station(number).come_back()

    def modem_full(self, number: str, _: int, __: int) -> None:
        """Another program fills its storage."""
        self._world.station(number).fill(on=True)

    def modem_has_room(self, number: str, _: int, __: int) -> None:
        """There is room again."""
        self._world.station(number).fill(on=False)

    def modem_forgets(self, number: str, _: int, __: int) -> None:
        """It forgets what it sent, or breaks off at the next one."""
        self._world.station(number).forget(self._world.phone(number).being_given)

    def coverage_off(self, number: str, _: int, __: int) -> None:
        """Lose the network."""
        self._world.station(number).cover(on=False)

    def coverage_on(self, number: str, _: int, __: int) -> None:
        """Find it."""
        self._world.station(number).cover(on=True)

    def loses_cache(self, number: str, _: int, __: int) -> None:
        """The enrolled set's files are gone."""
        self._world.phone(number).sets.shards.clear()
