"""The server's own words: an envelope that waits, an outcome, and a batch of changes to the mailboxes.

What is made for every envelope is a struct for speed alone: a frozen dataclass takes five times as long to make.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec import Struct

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash


class Waiting(Struct, kw_only=True, gc=False):
    """An envelope in custody, without its bytes."""

    seq: int
    """Place in the order of all envelopes of this server; grows."""
    device: DeviceId
    envelope_id: EnvelopeId
    handle_hash: HandleHash
    deposited: float
    """Running seconds."""
    expires: float
    """Running seconds."""
    size: int
    granted: bool
    """Whether the sender had the grant."""
    handed: bool
    """Whether it has left the relay towards the device, fate unknown."""


class Put(Struct, kw_only=True, frozen=True, gc=False):
    """An envelope to store."""

    waiting: Waiting
    envelope: bytes | memoryview


class StoredOutcome(Struct, kw_only=True, frozen=True, gc=False):
    """What became of an envelope, under its handle's hash."""

    handle_hash: HandleHash
    state: OutcomeState
    granted: bool
    deposited: float
    """Running seconds: a stranger learns nothing for some minutes."""
    at: float
    """Running seconds at which it became final; forgotten 14 days later."""


class Doubt(Struct, kw_only=True, frozen=True, gc=False):
    """A handed envelope that was recalled, or whose time is over: the bytes are gone, the device still has to say."""

    device: DeviceId
    envelope_id: EnvelopeId
    handle_hash: HandleHash
    granted: bool
    deposited: float
    expires: float
    """Running seconds; after that the outcome is `UNKNOWN`."""
    refused_means: OutcomeState
    """The outcome when the device refuses it: `RECALLED` or `EXPIRED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """All that a mailbox store holds, without the envelopes' bytes."""

    waiting: list[Waiting]
    """In order of seq."""
    doubts: list[Doubt]
    next_seq: int
    """Greater than every seq that was ever given out, also of envelopes that are gone."""


def all_handed(waiting: Iterable[Waiting]) -> dict[DeviceId, int]:
    """Return watermarks that call every envelope handed, and call them so in place.

    For when nobody knows what was: a recall then asks the device, which does.
    """
    marks: dict[DeviceId, int] = {}
    for one in waiting:
        one.handed = True
        marks[one.device] = max(one.seq, marks.get(one.device, 0))
    return marks


@dataclass(slots=True, kw_only=True)
class Batch:
    """Changes that become durable together, in one transaction. Applied in the order of the fields."""

    put: list[Put] = field(default_factory=list)
    handed: dict[DeviceId, int] = field(default_factory=dict)
    """For each device the highest seq that is leaving the mailbox: one watermark, durable before the envelopes go."""
    settled: list[tuple[int, StoredOutcome]] = field(default_factory=list)
    """Envelope (seq) to delete, with the outcome to write."""
    doubted: list[tuple[int, Doubt]] = field(default_factory=list)
    """Envelope (seq) to delete, with the doubt to write."""
    resolved: list[tuple[DeviceId, EnvelopeId, StoredOutcome]] = field(default_factory=list)
    """Doubt to delete, with the outcome to write."""
    outcomes: list[StoredOutcome] = field(default_factory=list)
    """Outcomes of envelopes that never were in the mailbox."""
    collected: list[HandleHash] = field(default_factory=list)
    """Outcomes to forget."""
    forget_before: float | None = None
    """Forget outcomes that became final before this (running seconds)."""

    def __bool__(self) -> bool:
        return bool(
            self.put
            or self.handed
            or self.settled
            or self.doubted
            or self.resolved
            or self.outcomes
            or self.collected
            or self.forget_before is not None
        )
