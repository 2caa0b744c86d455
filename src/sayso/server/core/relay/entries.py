"""One envelope's life in the relay, and the deposit that waits for an answer.

Entries and tickets are made and dropped with every message. Plain classes, because compiled ones (docs/adr/0033) reach
the attributes of these without a look-up; acyclic, because the collector need not walk through a hundred thousand of
them: what they point to lets go of them when it ends.
"""

from enum import IntEnum
from typing import Final

from msgspec import Struct
from mypy_extensions import mypyc_attr

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash, outline
from sayso.server.core.budgets import LineBudget, LineBudgets
from sayso.server.core.model import StoredOutcome, Waiting
from sayso.server.core.relay.link import Link


class Place(IntEnum):
    """Where an envelope is. It moves down this list only, but for a batch that finds no space: back to `QUEUED`."""

    LIVE = 1
    """Sent to a connected device, unacknowledged, in memory only."""
    HELD = 2
    """A stranger's that cannot go live: written when its 250 ms are over, as if it had been tried."""
    QUEUED = 3
    """To be written with the next batch; may still be called off."""
    WRITING = 4
    """In the batch that is being committed."""
    STORED = 5
    """Durable."""
    GONE = 6
    """Settled, or on its way to be: never sent again."""


class Sender:
    """One connection that deposits. Outlives the connection while deposits or questions of it are open."""

    __slots__ = ("_budget", "_budgets", "_device", "link", "open_questions", "open_tickets")

    def __init__(self, link: Link, budgets: LineBudgets | None = None, device: DeviceId | None = None) -> None:
        """Begin; `budgets` of all lines and this one's device, without which nothing is counted."""
        self._budgets = budgets
        self._device = device
        self._budget: LineBudget | None = None
        self.link: Link | None = link
        """None once the connection is closed."""
        self.open_tickets = 0
        self.open_questions = 0

    def may_deposit(self, *, now: float) -> bool:
        """Take a deposit out of the line's budget; False: it is spent."""
        budget = self._budget or self._find_budget(now)
        return budget is None or budget.deposits.take(now=now)

    def may_ask(self, *, now: float) -> bool:
        """Take a question out of the line's budget; False: it is spent."""
        budget = self._budget or self._find_budget(now)
        return budget is None or budget.questions.take(now=now)

    def _find_budget(self, now: float) -> LineBudget | None:
        """Find it with the first thing that is asked for: most connections only wait, and cost no budget's memory."""
        if self._budgets is not None and self._device is not None:
            self._budget = self._budgets.of(self._device, now=now)
        return self._budget


@mypyc_attr(acyclic=True)
class Ticket:
    """A deposit that has not been answered."""

    __slots__ = ("all_delivered", "due", "granted", "open_parts", "ref", "sender")

    def __init__(self, sender: Sender, ref: int, *, granted: bool, open_parts: int = 1, due: float = 0.0) -> None:
        """Begin."""
        self.sender = sender
        self.ref = ref
        self.granted = granted
        self.open_parts = open_parts
        """Parts that are neither durable nor acknowledged; or `REFUSED`."""
        self.due = due
        """A stranger's answer leaves at this running time at the earliest."""
        self.all_delivered = True


REFUSED: Final = -(2**31)
"""`open_parts` of a ticket whose deposit was refused after all: it never comes to be answered again."""


class Question(Struct, eq=False, gc=False, kw_only=True):
    """A sender's recall or question about one envelope."""

    sender: Sender
    ref: int
    handle_hash: HandleHash
    recall: bool

    def __repr__(self) -> str:
        return outline(self)


@mypyc_attr(acyclic=True)
class Entry:
    """One envelope in the relay."""

    __slots__ = (
        "deposited",
        "device",
        "envelope",
        "envelope_id",
        "expires",
        "granted",
        "handed",
        "handle_hash",
        "origin",
        "place",
        "recalls",
        "sent_on",
        "seq",
        "size",
        "tickets",
        "verdict",
    )

    def __init__(
        self,
        *,
        seq: int,
        device: DeviceId,
        envelope_id: EnvelopeId,
        handle_hash: HandleHash,
        deposited: float,
        expires: float,
        size: int,
        granted: bool,
        envelope: bytes | None,
        place: Place,
        handed: bool = False,
        ticket: Ticket | None = None,
    ) -> None:
        """Begin; with the ticket of the deposit that brought it, unless it comes from the store."""
        self.seq = seq
        self.device = device
        self.envelope_id = envelope_id
        self.handle_hash = handle_hash
        self.deposited = deposited
        self.expires = expires
        self.size = size
        self.granted = granted
        self.envelope = envelope
        """The bytes while they are in memory; None when only the store has them."""
        self.place = place
        self.handed = handed
        """Whether it has left towards the device; once stored, this is durable too."""
        self.origin: Sender | None = None if ticket is None else ticket.sender
        """Who deposited, for news; forgotten with the connection, never stored."""
        self.tickets: list[Ticket] | None = None if ticket is None else [ticket]
        """Deposits that wait until it, or its outcome, is durable: one, or more after retries. None: it is."""
        self.recalls: list[Question] | None = None
        """Recalls that came before the envelope was durable."""
        self.sent_on: Link | None = None
        """The connection on which it was sent, if that is the present one."""
        self.verdict: OutcomeState | None = None
        """The outcome that waits to be written: for the batch that is away, or for the end of a stranger's 250 ms."""

    @classmethod
    def of(cls, waiting: Waiting) -> "Entry":
        """Make the entry of an envelope that was found in the store."""
        return cls(
            seq=waiting.seq,
            device=waiting.device,
            envelope_id=waiting.envelope_id,
            handle_hash=waiting.handle_hash,
            deposited=waiting.deposited,
            expires=waiting.expires,
            size=waiting.size,
            granted=waiting.granted,
            envelope=None,
            place=Place.STORED,
            handed=waiting.handed,
        )

    def waiting(self) -> Waiting:
        """Return what the store keeps beside the bytes."""
        return Waiting(
            seq=self.seq,
            device=self.device,
            envelope_id=self.envelope_id,
            handle_hash=self.handle_hash,
            deposited=self.deposited,
            expires=self.expires,
            size=self.size,
            granted=self.granted,
            handed=self.handed,
        )

    def outcome(self, state: OutcomeState, now: float) -> StoredOutcome:
        """Return the outcome to keep under the handle."""
        return StoredOutcome(
            handle_hash=self.handle_hash, state=state, granted=self.granted, deposited=self.deposited, at=now
        )
