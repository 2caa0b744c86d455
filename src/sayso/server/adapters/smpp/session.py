"""One SMPP connection, without I/O: bytes and time in, events and bytes out.

    opening ── bind_transceiver_resp ROK ──▶ bound ── unbind ──▶ unbinding ── unbind_resp ──▶ closed
       └── refused, late, nonsense ──▶ closed ◀── nonsense, silence, unbind of the SMSC ──┘

When it closes, what was submitted and not answered is in doubt: it may be on its way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.smpp import pdus
from sayso.server.adapters.smpp.pdus import THROTTLING, Command, Framer, Pdu, Receipt, Status
from sayso.server.errors import PduError

_ANSWERS: Final = {
    Command.SUBMIT_SM_RESP,
    Command.ENQUIRE_LINK_RESP,
    Command.BIND_TRANSCEIVER_RESP,
    Command.UNBIND_RESP,
    Command.GENERIC_NACK,
}


class State(Enum):
    """Where a connection stands."""

    OPENING = auto()
    BOUND = auto()
    UNBINDING = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who we are to the SMSC. Its `repr` shows no password."""

    system_id: str
    password: str
    system_type: str = ""

    def __repr__(self) -> str:
        return f"Login({self.system_id!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The timers of §7.2, in seconds, and the window."""

    answer_s: float = 10.0
    """How long an answer is waited for: to a bind, a submit, an enquire_link."""
    enquire_s: float = 30.0
    """After so much silence the SMSC is asked whether it is there."""
    window: int = 10
    """How many submits may be unanswered."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The SMSC lets us send."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An SMS was taken."""

    submit: int
    message_id: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """An SMS was surely not taken, and may be sent again later."""

    submit: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """An SMS was surely not taken."""

    submit: int
    status: int


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Nobody knows whether an SMS was taken."""

    submit: int


@dataclass(frozen=True, slots=True)
class Receipted:
    """A delivery receipt came."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is over."""

    reason: str
    """For the log: of what kind, nothing of whom."""
    refused: bool = False
    """Whether the SMSC does not want us: trying again soon is no use."""


Event: TypeAlias = Bound | Taken | Throttled | Rejected | InDoubt | Receipted | Closed


class Session:
    """One connection, from its first byte to its last."""

    def __init__(self, login: Login, timing: Timing, *, now: float) -> None:
        """Begin with a bind; times are monotonic seconds."""
        self._timing = timing
        self._framer = Framer()
        self._out = bytearray()
        self._sequence = 0
        self._submits: dict[int, float] = {}
        self._heard = now
        self._asked: tuple[int, float] | None = None
        self.state = State.OPENING
        sequence = self._next_sequence()
        self._out += pdus.bind_transceiver(
            sequence, system_id=login.system_id, password=login.password, system_type=login.system_type
        )
        self._asked = (sequence, now + timing.answer_s)

    def has_room(self) -> bool:
        """Whether an SMS can be submitted now."""
        return self.state is State.BOUND and len(self._submits) < self._timing.window

    def submit(self, number: PhoneNumber, text: str, *, sender: str, validity_s: float, now: float) -> int:
        """Submit an SMS where there is room; returns what events call it.

        Raises:
            SmsNotTakenError: it does not fit one SMS.
        """
        sequence = self._next_sequence()
        self._out += pdus.submit_sm(sequence, number, text, sender=sender, validity_s=validity_s)
        self._submits[sequence] = now + self._timing.answer_s
        return sequence

    def receive(self, data: bytes, *, now: float) -> list[Event]:
        """Take bytes; events in the order in which they happened."""
        return list(self._receive(data, now))

    def tick(self, *, now: float) -> list[Event]:
        """Let time pass."""
        return list(self._tick(now))

    def lost(self) -> list[Event]:
        """The connection broke."""
        return list(self._close("the connection broke"))

    def _receive(self, data: bytes, now: float) -> Iterator[Event]:
        if self._is_over():
            return
        try:
            arrived = self._framer.feed(data)
        except PduError as error:
            self._out += pdus.encode(Command.GENERIC_NACK, 0, Status.RINVCMDLEN)
            yield from self._close(str(error))
            return
        for pdu in arrived:
            self._heard = now
            try:
                yield from self._take(pdu, now)
            except PduError as error:
                yield from self._close(str(error))
            if self._is_over():
                return

    def _tick(self, now: float) -> Iterator[Event]:
        if self._is_over():
            return
        if self._asked is not None and now >= self._asked[1]:
            yield from self._close("the SMSC does not answer")
            return
        for sequence in [sequence for sequence, late in self._submits.items() if now >= late]:
            del self._submits[sequence]
            yield InDoubt(sequence)
        if self.state is State.BOUND and self._asked is None and now >= self._heard + self._timing.enquire_s:
            self._ask(Command.ENQUIRE_LINK, now)

    def wake_at(self) -> float:
        """Say when `tick` has something to do, in monotonic seconds."""
        due = [*self._submits.values()]
        if self._asked is not None:
            due.append(self._asked[1])
        elif self.state is State.BOUND:
            due.append(self._heard + self._timing.enquire_s)
        return min(due, default=float("inf"))

    def unbind(self, *, now: float) -> None:
        """Say goodbye, once bound."""
        if self.state is State.BOUND:
            self.state = State.UNBINDING
            self._ask(Command.UNBIND, now)

    def data_to_send(self) -> bytes:
        """Take what has to be written."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def _take(self, pdu: Pdu, now: float) -> Iterator[Event]:
        if pdu.is_request:
            yield from self._answer(pdu)
        elif pdu.command not in _ANSWERS:
            return  # an answer to what we never ask
        elif self._asked is not None and pdu.sequence == self._asked[0]:
            yield from self._answered(pdu, now)
        elif pdu.sequence in self._submits and pdu.command in {Command.SUBMIT_SM_RESP, Command.GENERIC_NACK}:
            yield self._submitted(pdu)
        # What is left answers nothing that is still asked: late, repeated, or invented.

    def _submitted(self, pdu: Pdu) -> Event:
        message_id = pdus.read_message_id(pdu) if pdu.status == Status.ROK else ""
        del self._submits[pdu.sequence]
        if pdu.status in THROTTLING:
            return Throttled(pdu.sequence)
        if pdu.status != Status.ROK or pdu.command == Command.GENERIC_NACK:
            return Rejected(pdu.sequence, pdu.status)
        return Taken(pdu.sequence, message_id)

    def _answered(self, pdu: Pdu, now: float) -> Iterator[Event]:
        self._asked = None
        if self.state is State.OPENING:
            if pdu.command != Command.BIND_TRANSCEIVER_RESP or pdu.status != Status.ROK:
                yield from self._close(f"the SMSC refuses to bind: status 0x{pdu.status:08x}", refused=True)
                return
            self.state = State.BOUND
            self._heard = now
            yield Bound()
        elif self.state is State.UNBINDING:
            yield from self._close("unbound")

    def _answer(self, pdu: Pdu) -> Iterator[Event]:
        match pdu.command:
            case Command.ENQUIRE_LINK:
                self._out += pdus.encode(Command.ENQUIRE_LINK_RESP, pdu.sequence)
            case Command.UNBIND:
                self._out += pdus.encode(Command.UNBIND_RESP, pdu.sequence)
                yield from self._close("the SMSC said goodbye")
            case Command.DELIVER_SM if self.state in {State.BOUND, State.UNBINDING}:
                yield from self._deliver(pdu)
            case _:
                self._out += pdus.encode(Command.GENERIC_NACK, pdu.sequence, Status.RINVCMDID)

    def _deliver(self, pdu: Pdu) -> Iterator[Event]:
        """Take a delivery. What people send to this number is taken and forgotten: nobody here reads it."""
        try:
            receipt = pdus.read_receipt(pdu)
        except PduError:
            # The frame was sound, so the connection is; rejected for good, or it would come again for ever.
            self._out += pdus.encode(Command.DELIVER_SM_RESP, pdu.sequence, Status.RX_P_APPN, b"\0")
            return
        self._out += pdus.encode(Command.DELIVER_SM_RESP, pdu.sequence, body=b"\0")
        if receipt is not None:
            yield Receipted(receipt)

    def _close(self, reason: str, *, refused: bool = False) -> Iterator[Event]:
        if self._is_over():
            return
        self.state = State.CLOSED
        for sequence in self._submits:
            yield InDoubt(sequence)
        self._submits.clear()
        yield Closed(reason, refused)

    def _is_over(self) -> bool:
        return self.state is State.CLOSED

    def _ask(self, command: Command, now: float) -> None:
        sequence = self._next_sequence()
        self._out += pdus.encode(command, sequence)
        self._asked = (sequence, now + self._timing.answer_s)

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % pdus.MAX_SEQUENCE + 1
        return self._sequence
