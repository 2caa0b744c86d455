"""The modems of a world's lines: each a SIM in the network, and an adapter of the phone's that reads it.

Gammu, ModemManager and Termux are reached by the adapters of production, over what their programs answer; the simulated
carrier's modem is the fake that passes its contract.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sayso.phone.adapters.gammu import GammuSource
from sayso.phone.adapters.modem_manager import ModemManagerModem
from sayso.phone.adapters.polled_modem import PolledModem, Source
from sayso.phone.adapters.termux import TermuxSource
from sayso.phone.ports import Clock, HandedBook, Modem, Sim
from tests.fakes.gammu import FakeGammu
from tests.fakes.modem import FakeModem, Sms
from tests.fakes.modem_manager import FakeModemManager
from tests.fakes.radio import Radio, Stored
from tests.fakes.termux import FakeTermux
from tests.fakes.world.air import Carrier, Piece
from tests.fakes.world.strange import PLAIN, RAW, WHOLE, Strange, Stranger

EVERY_S = 300.0
"""So often a modem is looked at that does not speak by itself."""
PATIENCE_S = 3_000.0
"""So long its parts wait for the others."""
BeingGiven = Callable[[int], bool]
"""Whether an SMS with this reference is just being given to the modem."""


@dataclass(frozen=True)
class Card:
    """A SIM."""

    number: str
    serial: int
    operator_code: str = "00101"

    @property
    def imsi(self) -> str:
        """Its identity."""
        return f"{self.operator_code}{self.serial:010d}"


class Joined:
    """Parts become wholes again before a phone's programs see them: what Android, or a modem itself, does."""

    def __init__(self) -> None:
        self._sets: dict[int, dict[int, Piece]] = {}

    def add(self, piece: Piece) -> str | None:
        """Take a part; returns the text once it is whole."""
        parts = self._sets.setdefault(piece.serial, {})
        parts[piece.number] = piece
        if len(parts) < piece.total:
            return None
        del self._sets[piece.serial]
        return "".join(parts[number].text for number in sorted(parts))


class Station:
    """One line's modem, with the SIM that is in it."""

    takes: Sequence[Callable[[Stranger], Strange]] = PLAIN
    """What it gives away of what a stranger may send."""

    def __init__(self, network: Carrier, card: Card) -> None:
        self.number = card.number
        """Of the SIM that is in, or was last."""
        self.own = card
        self.network = network
        network.receivers.append(self)

    def port(self, book: HandedBook, clock: Clock) -> Modem:
        """Return what a phone that boots has of it."""
        raise NotImplementedError

    @property
    def reachable(self) -> bool:
        """Whether the network can deliver to it."""
        raise NotImplementedError

    def receive(self, piece: Piece) -> None:
        """Take an SMS, or a part of one, from the network."""
        raise NotImplementedError

    def settle(self, ref: int, state: str) -> None:
        """Take a delivery report."""
        raise NotImplementedError

    def put(self, card: Card | None, *, locked: bool = False) -> None:
        """Change the SIM; None: take it out."""
        if card is not None:
            self.number = card.number
        self._put(card, locked=locked)
        self.network.settle()

    def _put(self, card: Card | None, *, locked: bool) -> None:
        raise NotImplementedError

    def cover(self, *, on: bool) -> None:
        """Find or lose the network."""
        raise NotImplementedError

    def vanish(self) -> None:
        """Be gone; what is stored stays."""
        raise NotImplementedError

    def come_back(self) -> None:
        """Be there again."""
        raise NotImplementedError

    def fill(self, *, on: bool) -> None:
        """Have no room for SMS any more; or have room again."""

    def forget(self, being_given: BeingGiven) -> None:
        """Forget what was sent, or break off while the next SMS is sent: so that nobody can say."""
        raise NotImplementedError


class CarrierStation(Station):
    """The simulated carrier's modem."""

    def __init__(self, network: Carrier, card: Card) -> None:
        super().__init__(network, card)
        self.fake = FakeModem(network, card.number, card.serial, tells_number=True)
        self._joined = Joined()

    def port(self, book: HandedBook, clock: Clock) -> Modem:
        del book, clock
        return self.fake

    @property
    def reachable(self) -> bool:
        return self.fake.reachable

    def receive(self, piece: Piece) -> None:
        text = self._joined.add(piece)
        if text is not None:
            self.fake.store(Sms(piece.sms.sender, piece.sms.to, text), piece.at)

    def settle(self, ref: int, state: str) -> None:
        self.fake.settle(ref, state)

    def _put(self, card: Card | None, *, locked: bool) -> None:
        self.fake.number = self.number
        if card == self.own:
            if locked:
                self.fake.lock()
            else:
                self.fake.insert()
            return
        self.fake._change(
            Sim(
                present=card is not None,
                locked=locked,
                imsi="" if card is None or locked else card.imsi,
                iccid="" if card is None else f"89{card.imsi}",
                number=None if card is None or locked else card.number,
                operator="" if card is None or locked else "Fiction Mobile",
            )
        )

    def cover(self, *, on: bool) -> None:
        self.fake.cover(on=on)

    def vanish(self) -> None:
        self.fake.vanish()

    def come_back(self) -> None:
        self.fake.come_back()

    def forget(self, being_given: BeingGiven) -> None:
        """It knows nothing of what it sent; of what it was just being given it cannot say what became of it."""
        for ref in list(self.fake._refs):
            if being_given(ref):
                self.fake._refs[ref] = "cannot-say"
            else:
                del self.fake._refs[ref]


class NetworkRadio(Radio):
    """A SIM for a modem that is looked at, in the world's network."""

    def __init__(self, station: "PolledStation", card: Card) -> None:
        super().__init__(card.number)
        self.imsi = card.imsi
        self._station = station
        self._sent: Iterator[int] = iter(range(10**9))

    def send(self, to: str, text: str) -> int:
        reference = next(self._sent) % 256
        self._station.recipients[reference] = to
        self._station.network.accept(Sms(self.number, to, text), (self._station, reference))
        return reference


class PolledStation(Station):
    """A modem that is looked at."""

    def __init__(self, network: Carrier, card: Card) -> None:
        super().__init__(network, card)
        self.radio = NetworkRadio(self, card)
        self.recipients: dict[int, str] = {}
        """Of SMS that were sent, by the network's reference."""
        self._vanished = 0

    def source(self) -> Source:
        """Return what the polled modem is made of."""
        raise NotImplementedError

    def port(self, book: HandedBook, clock: Clock) -> Modem:
        return PolledModem(self.source(), book=book, clock=clock, every_s=EVERY_S, patience_s=PATIENCE_S)

    @property
    def reachable(self) -> bool:
        return self.radio.readable and self.radio.covered and not self.radio.gone and not self.radio.full

    def settle(self, ref: int, state: str) -> None:
        at = float(int(self.network.wall()))
        self.radio.store(Stored(self.recipients[ref], "", at, report_of=ref, delivered=state == "delivered"))

    def _put(self, card: Card | None, *, locked: bool) -> None:
        self.radio.present, self.radio.locked = card is not None, locked
        if card is not None:
            self.radio.number, self.radio.imsi, self.radio.operator_code = card.number, card.imsi, card.operator_code

    def cover(self, *, on: bool) -> None:
        self.radio.covered = on
        self.network.settle()

    def vanish(self) -> None:
        self._vanished += 1
        if self._vanished % 2 == 0:
            self.radio.gone = True
        else:
            self._say_nothing(on=True)

    def come_back(self) -> None:
        self.radio.gone = False
        self._say_nothing(on=False)
        self.network.settle()

    def _say_nothing(self, *, on: bool) -> None:
        """Answer what nobody can use; or answer properly."""
        raise NotImplementedError

    def fill(self, *, on: bool) -> None:
        self.radio.full = on
        self.network.settle()


class GammuStation(PolledStation):
    """An old modem through Gammu: it shows each part by itself."""

    takes = RAW

    def __init__(self, network: Carrier, card: Card) -> None:
        super().__init__(network, card)
        self.link = FakeGammu(self.radio)

    def source(self) -> Source:
        return GammuSource(self.link.open)

    def receive(self, piece: Piece) -> None:
        self.radio.store(
            Stored(
                piece.sms.sender,
                piece.text,
                piece.at,
                data=piece.data,
                header=piece.udh,
                sms_class=0 if piece.flash else -1,
                gsm7=piece.gsm7,
            )
        )

    def forget(self, being_given: BeingGiven) -> None:
        del being_given
        self.link.breaks_off = not self.link.breaks_off

    def _say_nothing(self, *, on: bool) -> None:
        self.link.unplugged = on


class TermuxStation(PolledStation):
    """An Android phone: its inbox has whole texts only, and nothing is deleted there."""

    def __init__(self, network: Carrier, card: Card) -> None:
        super().__init__(network, card)
        self.programs = FakeTermux(self.radio)
        self.programs.extra = [None, {"type": "sent", "_id": 1, "body": "ours"}, {"type": "inbox", "body": "no id"}]
        self._joined = Joined()

    def source(self) -> Source:
        return TermuxSource(self.programs)

    def receive(self, piece: Piece) -> None:
        text = self._joined.add(piece)
        if text is not None:
            self.radio.store(Stored(piece.sms.sender, text, piece.at))

    def settle(self, ref: int, state: str) -> None:
        """Android keeps it to itself."""

    def fill(self, *, on: bool) -> None:
        """There is always room."""

    def forget(self, being_given: BeingGiven) -> None:
        del being_given
        self.programs.breaks_off = not self.programs.breaks_off

    def _say_nothing(self, *, on: bool) -> None:
        self.programs.babbles = on


class ManagedStation(Station):
    """A modem under ModemManager, which joins parts itself."""

    takes = WHOLE

    def __init__(self, network: Carrier, card: Card) -> None:
        super().__init__(network, card)
        self.daemon = FakeModemManager(card.number, card.imsi, self._send)
        self._joined = Joined()
        self._partial: dict[int, dict[str, object]] = {}
        """SMS that wait for parts, as the daemon has them: under whichever object."""
        self._recipients: dict[int, str] = {}
        self._sent = 0

    def port(self, book: HandedBook, clock: Clock) -> Modem:
        return ModemManagerModem(book=book, clock=clock, look_s=10 * EVERY_S, open_bus=self.daemon.open)

    @property
    def reachable(self) -> bool:
        return self.daemon.readable and self.daemon.covered and not self.daemon.gone

    def receive(self, piece: Piece) -> None:
        text = self._joined.add(piece)
        sender, sms_class = piece.sms.sender, 0 if piece.flash else -1
        partial = self._partial.get(piece.serial)
        path = next((path for path, one in self.daemon.sms.items() if one is partial), None)
        if text is not None and path is not None:
            self.daemon.complete(path, text)
            del self._partial[piece.serial]
        elif text is not None:
            self.daemon.receive(sender, text, piece.at, data=piece.data, sms_class=sms_class)
        elif partial is None:
            path = self.daemon.receive(sender, piece.text, piece.at, whole=False)
            self._partial[piece.serial] = self.daemon.sms[path]

    def settle(self, ref: int, state: str) -> None:
        self.daemon.report(ref, self._recipients[ref], delivered=state == "delivered")

    def _send(self, to: str, text: str) -> int:
        self._sent += 1
        reference = self._sent % 256
        self._recipients[reference] = to
        self.network.accept(Sms(self.number, to, text), (self, reference))
        return reference

    def _put(self, card: Card | None, *, locked: bool) -> None:
        self.daemon.present, self.daemon.locked = card is not None, locked
        if card is not None:
            self.daemon.number, self.daemon.imsi = card.number, card.imsi
        self.daemon.changed()

    def cover(self, *, on: bool) -> None:
        self.daemon.covered = on
        self.daemon.changed()
        self.network.settle()

    def vanish(self) -> None:
        self.daemon.vanish()

    def come_back(self) -> None:
        self.daemon.come_back()
        self.network.settle()

    def fill(self, *, on: bool) -> None:
        self.daemon.full = on

    def forget(self, being_given: BeingGiven) -> None:
        """The daemon begins anew, or breaks off, in turn."""
        del being_given
        self.daemon.breaks_off = not self.daemon.breaks_off
        if self.daemon.breaks_off:
            self.daemon.restart()


STATIONS: tuple[Callable[[Carrier, Card], Station], ...] = (
    GammuStation,
    ManagedStation,
    CarrierStation,
    TermuxStation,
)
"""By line."""
