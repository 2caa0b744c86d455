"""One envelope's life in the relay, and the deposit that waits for an answer."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.server.core.model import StoredOutcome, Waiting
from sayso.server.core.relay.link import Link


class Place(IntEnum):
    """Where an envelope is. It moves down this list only."""

    LIVE = 1
    """Sent to a connected device, unacknowledged, in memory only."""
    QUEUED = 2
    """To be written with the next batch; may still be called off."""
    WRITING = 3
    """In the batch that is being committed."""
    STORED = 4
    """Durable."""
    GONE = 5
    """Settled, or on its way to be: never sent again."""


class Sender:
    """One connection that deposits. Outlives the connection while deposits of it are open."""

    __slots__ = ("link", "open_tickets")

    def __init__(self, link: Link) -> None:
        self.link: Link | None = link
        """None once the connection is closed."""
        self.open_tickets = 0


class Ticket:
    """A deposit that has not been answered."""

    __slots__ = ("all_delivered", "due", "granted", "open_parts", "ref", "sender")

    REFUSED: ClassVar[int] = -(2**31)
    """`open_parts` of a deposit that was refused after all: it never comes to be answered again."""

    def __init__(self, sender: Sender, ref: int, parts: int, *, granted: bool, due: float) -> None:
        self.sender = sender
        self.ref = ref
        self.open_parts = parts
        """Parts that are neither durable nor acknowledged."""
        self.granted = granted
        self.due = due
        """A stranger's answer leaves at this running time at the earliest."""
        self.all_delivered = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A sender's recall or question about one envelope."""

    sender: Sender
    ref: int
    handle_hash: HandleHash
    recall: bool


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
    ) -> None:
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
        self.handed = False
        self.origin: Sender | None = None
        """Who deposited, for news; forgotten with the connection, never stored."""
        self.tickets: list[Ticket] | None = None
        """Deposits that wait for this envelope: usually one, more after retries."""
        self.recalls: list[Question] | None = None
        """Recalls that came before the envelope was durable."""
        self.sent_on: Link | None = None
        """The connection on which it was sent, if that is the present one."""
        self.verdict: OutcomeState | None = None
        """What the device said while the envelope was being written."""

    @classmethod
    def of(cls, waiting: Waiting) -> "Entry":
        """Make the entry of an envelope that was found in the store."""
        entry = cls(
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
        )
        entry.handed = waiting.handed
        return entry

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
