"""Modems in memory, and the network between them: what the simulated carrier does, without a socket or a clock.

Passes tests/contract/modem.py.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import IncomingSms, ModemEvent, Sim, SmsSent
from sayso.protocol.modem import SendSms, encode

_RECIPIENT = re.compile(r"\+?[0-9]{2,15}", re.ASCII)


@dataclass(frozen=True)
class Sms:
    """An SMS that the network has accepted."""

    sender: str
    to: str
    text: str


class FakeNetwork:
    """Carries SMS between its modems, at once."""

    def __init__(self, *, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.accepted: list[Sms] = []
        """Everything that was accepted, in order."""
        self.loses = False
        """Whether what is accepted gets lost, without a word to anybody."""
        self._modems: list[FakeModem] = []
        self._waiting: list[tuple[Sms, tuple[FakeModem, int] | None]] = []

    def modem(self, number: str, *, tells_number: bool = True) -> "FakeModem":
        """Make a modem with a SIM of this number."""
        modem = FakeModem(self, number, len(self._modems) + 1, tells_number=tells_number)
        self._modems.append(modem)
        return modem

    def inject(self, sender: str, to: str, text: str) -> None:
        """Let anybody send an SMS."""
        self.accept(Sms(sender, to, text), None)

    def accept(self, sms: Sms, origin: "tuple[FakeModem, int] | None") -> None:
        self.accepted.append(sms)
        if not self.loses:
            self._waiting.append((sms, origin))
        self.settle()

    def settle(self) -> None:
        """Deliver what can be delivered."""
        waiting, self._waiting = self._waiting, []
        for sms, origin in waiting:
            receiver = next((modem for modem in self._modems if modem.number == sms.to), None)
            if receiver is not None and not receiver.reachable:
                self._waiting.append((sms, origin))
                continue
            if receiver is not None:
                receiver.store(sms, self.now)
            if origin is not None:
                modem, ref = origin
                modem.settle(ref, "failed" if receiver is None else "delivered")


class FakeModem:
    """The Modem port."""

    def __init__(self, network: FakeNetwork, number: str, serial: int, *, tells_number: bool) -> None:
        self.number = number
        self.stored: dict[int, IncomingSms] = {}
        """What lies in the SIM's storage, by index."""
        self._network = network
        self._full = Sim(
            present=True,
            locked=False,
            imsi=f"00101{serial:010d}",
            iccid=f"8999101{serial:012d}",
            number=number if tells_number else None,
            operator="Fiction Mobile",
        )
        self._sim = self._full
        self._coverage = True
        self._gone = False
        self._refs: dict[int, str] = {}
        self._unsettled: set[int] = set()
        self._next_index = 1
        self._events: asyncio.Queue[ModemEvent | None] | None = None

    # ---- the phone's end ----

    async def events(self) -> AsyncIterator[ModemEvent]:
        if self._gone:
            raise ModemGoneError("gone")
        self._hang_up()
        events: asyncio.Queue[ModemEvent | None] = asyncio.Queue()
        self._events = events
        self._announce()
        self._network.settle()
        try:
            while (event := await events.get()) is not None:
                yield event
        finally:
            if self._events is events:
                self._events = None

    async def send_sms(self, ref: int, to: str, text: str) -> None:
        encode(SendSms(ref=ref, to=to, text=text, delivery_report=True))
        self._require_attached()
        if self._readable and ref in self._refs:
            self._say(SmsSent(ref=ref, state=self._refs[ref]))
        elif not self._readable or not self._coverage or not _RECIPIENT.fullmatch(to):
            self._say(SmsSent(ref=ref, state="failed"))
        else:
            self._refs[ref] = "sent"
            self._say(SmsSent(ref=ref, state="sent"))
            self._network.accept(Sms(self.number, to, text), (self, ref))

    async def ask_sent(self, ref: int) -> None:
        self._require_attached()
        self._unsettled.add(ref)
        self._answer_asked()

    async def delete_sms(self, index: int) -> None:
        self._require_attached()
        self.stored.pop(index, None)

    # ---- the world's end ----

    @property
    def attached(self) -> bool:
        """Whether a phone listens."""
        return self._events is not None

    @property
    def reachable(self) -> bool:
        """Whether the network can deliver to it."""
        return self.attached and self._readable and self._coverage

    def eject(self) -> None:
        """Take the SIM out."""
        self._change(Sim(present=False, locked=False, imsi="", iccid="", number=None, operator=""))

    def insert(self) -> None:
        """Put the SIM back."""
        self._change(self._full)

    def lock(self) -> None:
        """Lock the SIM; `insert` unlocks it."""
        self._change(replace(self._full, locked=True, imsi="", number=None, operator=""))

    def cover(self, *, on: bool) -> None:
        """Find or lose the network."""
        self._coverage = on
        self._network.settle()

    def vanish(self) -> None:
        """Be gone, as when the carrier stops or the modem is unplugged. What is stored stays."""
        self._gone = True
        self._hang_up()

    def come_back(self) -> None:
        """Be there again."""
        self._gone = False

    def store(self, sms: Sms, sent_at: float) -> None:
        incoming = IncomingSms(index=self._next_index, sender=sms.sender, text=sms.text, sent_at=sent_at)
        self._next_index += 1
        self.stored[incoming.index] = incoming
        self._say(incoming)

    def settle(self, ref: int, state: str) -> None:
        self._refs[ref] = state
        self._say(SmsSent(ref=ref, state=state))

    # ---- inside ----

    @property
    def _readable(self) -> bool:
        return self._sim.present and not self._sim.locked

    def _change(self, sim: Sim) -> None:
        self._sim = sim
        self._announce()
        self._network.settle()

    def _announce(self) -> None:
        self._say(self._sim)
        if self._readable:
            for sms in self.stored.values():
                self._say(sms)
            self._answer_asked()

    def _answer_asked(self) -> None:
        if self._readable:
            asked, self._unsettled = self._unsettled, set()
            for ref in sorted(asked):
                self._say(SmsSent(ref=ref, state=self._refs.get(ref, "unknown")))

    def _say(self, event: ModemEvent) -> None:
        if self._events is not None:
            self._events.put_nowait(event)

    def _hang_up(self) -> None:
        if self._events is not None:
            self._events.put_nowait(None)
            self._events = None

    def _require_attached(self) -> None:
        if self._events is None:
            raise ModemGoneError("not attached")
