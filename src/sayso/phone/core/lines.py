"""A line and its device: the states of consent on the phone (design.md §5.1, §5.5, §5.6).

    off ─ opt-in ─▶ enrolling ─ enrolled, token checked, keys out ─▶ on ─ its SIM gone, 10 min ─▶ paused
     ▲                  │                                            │ ▲                            │
     │                  │ refused, code expired, opt-out             │ └──── the SIM is back ───────┤
     │                  ▼                                            ▼                              │
     ├───────────────  off                     leaving ◀─ opt-out ───┴──────────────────────────────┘
     ├── withdrawn, or not confirmed: silent either way ─┘
     ├── left: its keys are of an older copy of the store (from on: leaving first; else silently)
     ├── released: its SIM gone for a day, or given up by its owner ─── (from on, paused, policy-changed)
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
from sayso.protocol.limits import DAY, MINUTE


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
    SIM_RELEASED = "sim-released"
    """It did not come back, or its owner says that it will not."""
    OLDER_COPY = "older-copy"
    """The store is an older copy of itself: its keys may have been used since."""
    POLICY_CHANGED = "policy-changed"
    AGREED = "agreed"


_MOVES: Final[Mapping[tuple[LineState, LineEvent], LineState]] = MappingProxyType(
    {
        (LineState.OFF, LineEvent.OPT_IN): LineState.ENROLLING,
        (LineState.ENROLLING, LineEvent.ENROLLED): LineState.ON,
        (LineState.ENROLLING, LineEvent.ENROLMENT_FAILED): LineState.OFF,
        (LineState.ENROLLING, LineEvent.OPT_OUT): LineState.LEAVING,
        (LineState.ON, LineEvent.OPT_OUT): LineState.LEAVING,
        (LineState.ON, LineEvent.OLDER_COPY): LineState.LEAVING,
        (LineState.PAUSED, LineEvent.OPT_OUT): LineState.LEAVING,
        (LineState.LEAVING, LineEvent.LEFT): LineState.OFF,
        (LineState.ON, LineEvent.ENDED_BY_SERVER): LineState.OFF,
        (LineState.ON, LineEvent.SIM_GONE): LineState.PAUSED,
        (LineState.PAUSED, LineEvent.SIM_BACK): LineState.ON,
        (LineState.POLICY_CHANGED, LineEvent.SIM_GONE): LineState.PAUSED,
        (LineState.ON, LineEvent.SIM_RELEASED): LineState.OFF,
        (LineState.PAUSED, LineEvent.SIM_RELEASED): LineState.OFF,
        (LineState.POLICY_CHANGED, LineEvent.SIM_RELEASED): LineState.OFF,
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
    sim_gone_since: float = 0.0
    """Since when the SIM it is bound to is known not to be in the phone; Unix seconds, 0 while it is."""


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
    UNKNOWN = "unknown"
    """There is no modem to ask."""


PAUSE_AFTER_S: Final = 10 * MINUTE
"""How long a SIM has to be gone before the line is silent: a modem that starts anew is without one for a while."""
RELEASE_AFTER_S: Final = DAY
"""How long before the line is off; counted from when it was missed first."""
_MINDED: Final = frozenset({LineState.ON, LineState.PAUSED, LineState.POLICY_CHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SimVerdict:
    """What a look at the SIM means."""

    event: LineEvent | None = None
    gone_since: float = 0.0
    """To be kept with the line."""
    look_again_s: float | None = None
    """When the same sight would mean more."""


def after_sim(line: Line, seen: SimSeen, *, seen_for_s: float, from_start: bool, now: float) -> SimVerdict:
    """Tell what a look at the SIM means for the line.

    Nothing is released because of what may be a false alarm: a SIM that is locked, a modem that is not there or is
    switched off say nothing, and what counts has been seen without a break for ten minutes in this run of the phone.

    Args:
        line: as it is stored.
        seen: the SIM now.
        seen_for_s: for how long this has been so without a break, as far as this phone has been looking.
        from_start: whether its own was not seen in this run: a phone that starts with another SIM sends nothing at all.
        now: Unix seconds.
    """
    if line.state not in _MINDED or seen is SimSeen.OURS:
        return SimVerdict(event=LineEvent.SIM_BACK if line.state is LineState.PAUSED else None)
    if seen in {SimSeen.LOCKED, SimSeen.UNKNOWN}:
        return SimVerdict(gone_since=line.sim_gone_since)
    since = line.sim_gone_since or now - seen_for_s
    pause = None if line.state is LineState.PAUSED else LineEvent.SIM_GONE
    if seen_for_s < PAUSE_AFTER_S:
        at_once = pause if from_start and seen is SimSeen.ANOTHER else None
        return SimVerdict(event=at_once, gone_since=since, look_again_s=PAUSE_AFTER_S - seen_for_s)
    left = since + RELEASE_AFTER_S - now
    if left <= 0:
        return SimVerdict(event=LineEvent.SIM_RELEASED, gone_since=since)
    return SimVerdict(event=pause, gone_since=since, look_again_s=left)


def released_at(line: Line) -> float | None:
    """Tell when the enrolment of a line without its SIM is released; None while there is no reason for it."""
    return line.sim_gone_since + RELEASE_AFTER_S if line.state in _MINDED and line.sim_gone_since else None
