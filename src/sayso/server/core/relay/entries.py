"""One envelope's life in the relay, and the deposit that waits for an answer.

These are structs for speed alone: they are made and dropped with every message.
"""

from enum import IntEnum
from typing import ClassVar

from msgspec import Struct

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash, outline
from sayso.server.core.budgets import LineBudget
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

    __slots__ = ("budget", "link", "open_questions", "open_tickets")

    def __init__(self, link: Link, budget: LineBudget | None = None) -> None:
        """Begin; `budget`: the line's, without which nothing is counted."""
        self.budget = budget
        self.link: Link | None = link
        """None once the connection is closed."""
        self.open_tickets = 0
        self.open_questions = 0


class Ticket(Struct, eq=False, gc=False, kw_only=True):
    """A deposit that has not been answered."""

    sender: Sender
    ref: int
    granted: bool
    open_parts: int
    """Parts that are neither durable nor acknowledged."""
    due: float = 0.0
    """A stranger's answer leaves at this running time at the earliest."""
    all_delivered: bool = True

    REFUSED: ClassVar[int] = -(2**31)
    """`open_parts` of a deposit that was refused after all: it never comes to be answered again."""


class Question(Struct, eq=False, gc=False, kw_only=True):
    """A sender's recall or question about one envelope."""

    sender: Sender
    ref: int
    handle_hash: HandleHash
    recall: bool

    def __repr__(self) -> str:
        return outline(self)


class Entry(Struct, eq=False, gc=False, kw_only=True):
    """One envelope in the relay."""

    seq: int
    device: DeviceId
    envelope_id: EnvelopeId
    handle_hash: HandleHash
    deposited: float
    expires: float
    size: int
    granted: bool
    envelope: bytes | None
    """The bytes while they are in memory; None when only the store has them."""
    place: Place
    handed: bool = False
    """Whether it has left towards the device; once stored, this is durable too."""
    origin: Sender | None = None
    """Who deposited, for news; forgotten with the connection, never stored."""
    tickets: list[Ticket] | None = None
    """Deposits that wait until the envelope, or its outcome, is durable: one, or more after retries. None: it is."""
    recalls: list[Question] | None = None
    """Recalls that came before the envelope was durable."""
    sent_on: Link | None = None
    """The connection on which it was sent, if that is the present one."""
    verdict: OutcomeState | None = None
    """The outcome that waits to be written: for the batch that is away, or for the end of a stranger's 250 ms."""

    def __repr__(self) -> str:
        return outline(self)

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
