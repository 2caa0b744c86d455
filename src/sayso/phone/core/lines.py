"""A line and its device: the states of consent on the phone (design.md §5.1, §5.5, §5.6).

    off ─ opt-in ─▶ enrolling ─ enrolled, token checked, keys out ─▶ on ─ another SIM, or none ─▶ paused
     ▲                  │                                            │ ▲                            │
     │                  │ refused, code expired, opt-out             │ └──── the SIM is back ───────┤
     │                  ▼                                            ▼                              │
     ├───────────────  off                     leaving ◀─ opt-out ───┴──────────────────────────────┘
     ├── withdrawn, or not confirmed: silent either way ─┘
     │
     │   on ─ another policy than was agreed to: the server's, or of an update that changes a default
     │                                       ─▶ policy-changed ─ agreed to the new text ─▶ on
     │                                                              └─ opt-out ─▶ leaving
     └── the server does not know the device any more: off, with "enrolment ended"; never by itself on again

A device is one enrolment's keys. Its steps while the line is enrolling, each durable before the next acts:

    consented ─ number sealed and sent ─▶ code-wanted ─ code ─▶ confirming ─ receipt, certificate ─▶ enrolled ─▶ ready
        ▲                                     ▲                     │
        │                                     └──── wrong code ─────┤
        ├─ (restart repeats it)                                     │ another device is enrolled under the number
        └── the wait is over, or a PIN was entered ── locked ◀──────┘ (`core.lock`)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sayso.phone.errors import CommandError


class LineState(StrEnum):
    """Where a line's consent stands."""

    OFF = "off"
    ENROLLING = "enrolling"
    ON = "on"
    LEAVING = "leaving"
    PAUSED = "paused"
    POLICY_CHANGED = "policy-changed"
    """The consent given does not cover the server's present policy: silent until its owner has agreed to that."""


class LineEvent(StrEnum):
    """What moves a line."""

    OPT_IN = "opt-in"
    ENROLLED = "enrolled"
    ENROLMENT_FAILED = "enrolment-failed"
    OPT_OUT = "opt-out"
    LEFT = "left"
    ENDED_BY_SERVER = "ended-by-server"
    SIM_GONE = "sim-gone"
    SIM_BACK = "sim-back"
    POLICY_CHANGED = "policy-changed"
    AGREED = "agreed"


_MOVES: Final[Mapping[tuple[LineState, LineEvent], LineState]] = MappingProxyType(
    {
        (LineState.OFF, LineEvent.OPT_IN): LineState.ENROLLING,
        (LineState.ENROLLING, LineEvent.ENROLLED): LineState.ON,
        (LineState.ENROLLING, LineEvent.ENROLMENT_FAILED): LineState.OFF,
        (LineState.ENROLLING, LineEvent.OPT_OUT): LineState.LEAVING,
        (LineState.ON, LineEvent.OPT_OUT): LineState.LEAVING,
        (LineState.PAUSED, LineEvent.OPT_OUT): LineState.LEAVING,
        (LineState.LEAVING, LineEvent.LEFT): LineState.OFF,
        (LineState.ON, LineEvent.ENDED_BY_SERVER): LineState.OFF,
        (LineState.ON, LineEvent.SIM_GONE): LineState.PAUSED,
        (LineState.PAUSED, LineEvent.SIM_BACK): LineState.ON,
        (LineState.ON, LineEvent.POLICY_CHANGED): LineState.POLICY_CHANGED,
        (LineState.PAUSED, LineEvent.POLICY_CHANGED): LineState.POLICY_CHANGED,
        (LineState.POLICY_CHANGED, LineEvent.AGREED): LineState.ON,
        (LineState.POLICY_CHANGED, LineEvent.OPT_OUT): LineState.LEAVING,
    }
)
_INSTEAD: Final[Mapping[LineState, str]] = MappingProxyType(
    {
        LineState.OFF: "cloud messaging is off for this line: opt in first",
        LineState.ENROLLING: "this line is being enrolled: enter the code, or opt out to stop",
        LineState.ON: "cloud messaging is on for this line already",
        LineState.LEAVING: "this line is just being switched off: wait a moment",
        LineState.PAUSED: "this line is paused because its SIM is not in the phone: put it back, or opt out",
        LineState.POLICY_CHANGED: "the server's policy has changed: read it (sayso phone policy), agree or opt out",
    }
)


class Step(StrEnum):
    """How far a device's enrolment has come."""

    CONSENTED = "consented"
    CODE_WANTED = "code-wanted"
    CONFIRMING = "confirming"
    LOCKED = "locked"
    ENROLLED = "enrolled"
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Line:
    """One phone number on one SIM in this phone."""

    id: bytes
    """16 random bytes."""
    name: str
    """The modem's name in this phone's settings."""
    state: LineState = LineState.OFF
    trouble: str | None = None
    """What stands in the way and what to do, in words for the owner."""
    number: str | None = None
    """E.164, once agreed to or told by the SIM."""
    sim: bytes | None = None
    """Keyed digest of the SIM that the line is bound to; bound at opt-in."""
    read_receipts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Device:
    """A line's installation at a server: its keys and proofs. Gone from the store once the line is off."""

    line: bytes
    device: bytes
    """Device id, 16 bytes."""
    seed: bytes
    """Ed25519 private key, 32 bytes."""
    ed25519: bytes
    curve25519: bytes
    account: bytes
    """The ratchet's account, as it dumps itself."""
    grant: bytes
    """32 bytes: given to contacts and to people that the line has written to."""
    salt: bytes
    """Opens the commitment in the certificate."""
    server: str
    server_key: bytes
    record_id: bytes
    """The consent record in force."""
    findable: str
    step: Step = Step.CONSENTED
    enrolment_id: bytes = b""
    code: str | None = None
    """The code that came, or is being confirmed; durable first, so that a restart can go on with it."""
    code_expires: float = 0.0
    """Unix seconds."""
    statement: bytes = b""
    """The signed statement that was last checked."""
    statement_at: float = 0.0
    statements_shown: bytes = b""
    """Digests of the last statements that this phone was shown, 32 bytes each, newest first."""
    statement_since: float = 0.0
    """When the newest of these was first shown; Unix seconds."""
    token: bytes | None = None
    other_token: bytes | None = None
    """Of the epoch before, or of the one that the line is just moving to: what is sealed to it is for this line too."""
    certificate: bytes | None = None
    certificate_at: float = 0.0
    grant_set: bool = False
    """Whether the server has the grant's hash."""
    fallback_at: float = 0.0
    """When the fallback key was made; Unix seconds."""
    fallback: bytes = b""
    """The signed fallback key as JSON while the server does not have it yet, else empty."""
    next_envelope_key: int = 1


def move(state: LineState, event: LineEvent) -> LineState:
    """Return the state after an event.

    Raises:
        CommandError: the event does not fit; the sentence says what the owner can do.
    """
    after = _MOVES.get((state, event))
    if after is None:
        raise CommandError(_INSTEAD[state])
    return after


class SimSeen(StrEnum):
    """What the modem says of the SIM that the line is bound to."""

    OURS = "ours"
    ANOTHER = "another"
    NONE = "none"
    LOCKED = "locked"


def after_sim(state: LineState, seen: SimSeen) -> LineEvent | None:
    """Tell what a look at the SIM means for the line. A locked SIM says nothing: its owner is about to unlock it."""
    if state is LineState.ON and seen in {SimSeen.ANOTHER, SimSeen.NONE}:
        return LineEvent.SIM_GONE
    if state is LineState.PAUSED and seen is SimSeen.OURS:
        return LineEvent.SIM_BACK
    return None
