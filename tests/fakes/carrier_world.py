"""The simulated carrier's world, in memory: a store, the phones' links, a clock; and a network driven with them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random

from sayso.carrier.core.commands import Forget, Save
from sayso.carrier.core.events import AddSim, Event, PhoneAsked, PhoneAttached, Tick
from sayso.carrier.core.limits import LIMITS, NetworkLimits
from sayso.carrier.core.network import Network
from sayso.carrier.core.records import Message, Record, StoredSms
from sayso.carrier.engine import Engine
from sayso.carrier.errors import StoreError
from sayso.protocol.modem import AskSent, DeleteSms, ListSms, ModemFrame, SendSms, SmsReceived

START = 1_800_000_000.0
"""Unix time in seconds at which every world begins."""


class MemoryStore:
    """A CarrierStore that a test can look into, and break."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records = {(record.kind, record.key): record for record in records}
        self.commits = 0
        self.broken = False

    def load(self) -> list[Record]:
        return list(self.records.values())

    def commit(self, changes: Sequence[Save | Forget]) -> None:
        if self.broken:
            raise StoreError("the disk is gone")
        self.commits += 1
        for change in changes:
            record = change.record
            if isinstance(change, Save):
                self.records[record.kind, record.key] = record
            else:
                self.records.pop((record.kind, record.key), None)

    def close(self) -> None:
        pass


class RecordedLinks:
    """PhoneLinks that note what phones were told."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.said = asyncio.Event()
        self.frames: defaultdict[str, list[ModemFrame]] = defaultdict(list)

    def check(self, modem: str) -> None:
        pass

    def open(self, modem: str) -> None:
        self.opened.append(modem)

    def close(self, modem: str) -> None:
        self.closed.append(modem)

    def send(self, modem: str, frame: ModemFrame) -> None:
        self.frames[modem].append(frame)
        self.said.set()


class FakeClock:
    """Time that passes when told."""

    def __init__(self, now: float = START) -> None:
        self.time = now

    def now(self) -> float:
        return self.time


class World:
    """A network with a store that survives `restart`, phones that note what they hear, and a clock of its own."""

    def __init__(self, *, limits: NetworkLimits = LIMITS, seed: int = 1) -> None:
        self.limits = limits
        self.random = Random(seed)
        self.store = MemoryStore()
        self.clock = FakeClock()
        self.arrivals: list[StoredSms] = []
        self.restart()

    def restart(self) -> None:
        """Kill the network and start it on what its store has; the phones are gone."""
        self.links = RecordedLinks()
        self.network = Network(self.store.load(), random=self.random, limits=self.limits)
        self.engine = Engine(self.network, self.store, self.clock)
        self.engine.start(self.links)
        self._note_arrivals()

    def act(self, event: Event) -> None:
        """Let an event happen."""
        self.engine.act(event)
        self._note_arrivals()

    def sim(self, name: str, number: str) -> None:
        """Make a SIM in a modem of its own, with a phone attached."""
        self.act(AddSim(name=name, number=number))
        self.act(PhoneAttached(name))

    def ask(self, modem: str, frame: SendSms | ListSms | DeleteSms | AskSent) -> list[ModemFrame]:
        """Let the phone at a modem send a frame; return what it hears in consequence."""
        self.heard(modem)
        self.act(PhoneAsked(modem, frame))
        return self.heard(modem)

    def heard(self, modem: str) -> list[ModemFrame]:
        """Return what the phone at a modem has heard since the last time."""
        return self.links.frames.pop(modem, [])

    def texts(self, modem: str) -> list[str]:
        """Return the SMS among what the phone has heard since the last time."""
        return [frame.text for frame in self.heard(modem) if isinstance(frame, SmsReceived)]

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with a tick whenever something comes due."""
        end = self.clock.time + seconds
        while (due := self.network.next_due()) is not None and due <= end:
            self.clock.time = max(due, self.clock.time)
            self.act(Tick())
        self.clock.time = end

    def fates(self) -> list[str]:
        """Return the fate of each SMS that the network has accepted."""
        return [message.fate for message in self.network.journal()]

    def saved(self, kind: type[Record]) -> list[Record]:
        """Return what the store has of a kind."""
        return [record for record in self.store.load() if isinstance(record, kind)]

    def message(self, text: str) -> Message:
        """Return the accepted SMS with this text."""
        return next(message for message in self.network.journal() if message.text == text)

    def _note_arrivals(self) -> None:
        known = {stored.index for stored in self.arrivals}
        fresh = [record for record in self.store.load() if isinstance(record, StoredSms) and record.index not in known]
        self.arrivals += sorted(fresh, key=lambda stored: stored.index)
