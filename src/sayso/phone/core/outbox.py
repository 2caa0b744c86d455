"""A content on its way by cloud, and what each answer of the relay means for it.

    ready ─ sealed ─▶ sealed ─ Deposited ─▶ accepted ─ final outcome ─▶ (gone)
      ▲                 │                      │
      └── nobody has it ┴──────────────────────┘

Retries are byte-identical: a sealed content keeps its envelope and handle until the relay has answered, also across
restarts.
Where an answer was lost, the first answer after it may be about a second try: a refusal then does not prove that nobody
has the message, and the handle is asked first (`judge_refusal`).
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from sayso.phone.core.outgoing import (
    CouldNotBeRead,
    DeviceMustSay,
    Event,
    Expired,
    InCustody,
    NoAnswerComes,
    NobodyHasIt,
    Reason,
    RelayDelivered,
    Waits,
)
from sayso.protocol.frames import OutcomeState, Part, Refusal
from sayso.protocol.limits import LIMITS


class Stage(StrEnum):
    """How far a content has come."""

    READY = "ready"
    SEALED = "sealed"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Parcel:
    """A content on its way: a text, or a batch of receipts."""

    id: int = 0
    """Place in the store; 0 before it has one."""
    line: bytes
    number: str
    kind: int
    message_id: bytes
    body: bytes
    """The kind's body, encoded."""
    counter: int = 0
    """Given at the first seal and kept: 0 before."""
    stage: Stage = Stage.READY
    resends: int = 0
    token: bytes | None = None
    device: bytes | None = None
    envelope_key_id: int | None = None
    handle: bytes | None = None
    handle_hash: bytes | None = None
    envelope: bytes | None = None
    grant: bytes = b""
    """The recipient's grant at the time of sealing."""
    accepted_at: float = 0.0
    """Unix seconds."""


class Next(StrEnum):
    """What happens to the parcel."""

    ACCEPT = "accept"
    """Keep the handle, drop the envelope."""
    DROP = "drop"
    """The outcome is final: forget it."""
    SEAL_ANEW = "seal-anew"
    """Nobody has it: new envelope, new handle, the same message id."""
    NEW_SESSION = "new-session"
    """The same, through a new Olm session."""
    CLAIM_ANEW = "claim-anew"
    """The same, after the keys have been claimed again."""
    RETRY_LATER = "retry-later"
    """The same bytes again, after a while."""
    ASK = "ask"
    """Ask the handle what became of an earlier try."""
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means: for the parcel, and for the text that it carries (if it is one)."""

    parcel: Next
    text: Event | None = None
    not_enrolled: bool = False
    """Nobody is enrolled under the token (or it looks so)."""


def judge_deposited(*, delivered: bool) -> Verdict:
    """Judge a `Deposited`."""
    if delivered:
        return Verdict(Next.DROP, RelayDelivered())
    return Verdict(Next.ACCEPT, InCustody())


def judge_refusal(reason: Refusal, *, tried_before: bool) -> Verdict:
    """Judge a `Refused`.

    Args:
        reason: as the relay gives it.
        tried_before: whether an earlier frame with this envelope went unanswered, so that the relay may have taken it.
    """
    match reason:
        case Refusal.MAILBOX_FULL:
            return Verdict(Next.RETRY_LATER, Waits(Reason.MAILBOX_FULL))
        case Refusal.NO_SPACE | Refusal.TOO_MANY | Refusal.STOPPING | Refusal.TTL:
            return Verdict(Next.RETRY_LATER, Waits(Reason.SERVER_BUSY))
        case Refusal.NOT_ENROLLED if tried_before:
            return Verdict(Next.ASK)
        case Refusal.NOT_ENROLLED:
            return Verdict(Next.CLAIM_ANEW, NobodyHasIt(), not_enrolled=True)
        case Refusal.HANDLE_USED:
            # Our handles are random: this is a relay that forgot which envelope it named, and took nothing.
            return Verdict(Next.SEAL_ANEW, NobodyHasIt())


def judge_wrong_devices(*, tried_before: bool) -> Verdict:
    """Judge a `WrongDevices`: another device, another number of devices, or an envelope key that is served no more."""
    if tried_before:
        return Verdict(Next.ASK)
    return Verdict(Next.CLAIM_ANEW, NobodyHasIt())


def judge_outcome(state: OutcomeState, parcel: Parcel) -> Verdict:  # noqa: C901, PLR0911  one return for each outcome
    """Judge an `Outcome`, asked for or not."""
    match state:
        case OutcomeState.IN_DOUBT if parcel.stage is Stage.ACCEPTED:
            return Verdict(Next.KEEP, DeviceMustSay())
        case OutcomeState.WAITING | OutcomeState.IN_DOUBT | OutcomeState.TOO_EARLY:
            if parcel.stage is Stage.SEALED:
                return Verdict(Next.ACCEPT, InCustody())
            return Verdict(Next.KEEP)
        case OutcomeState.DELIVERED:
            return Verdict(Next.DROP, RelayDelivered())
        case OutcomeState.UNREADABLE if parcel.resends < LIMITS.resend_unreadable:
            return Verdict(Next.NEW_SESSION, CouldNotBeRead())
        case OutcomeState.UNREADABLE:
            return Verdict(Next.DROP, CouldNotBeRead())
        case OutcomeState.GONE | OutcomeState.RECALLED:
            return Verdict(Next.CLAIM_ANEW, NobodyHasIt())
        case OutcomeState.EXPIRED:
            return Verdict(Next.DROP, Expired())
        case OutcomeState.UNKNOWN if parcel.stage is Stage.SEALED:
            # It never got there, or the relay died after the device had it: with the same message id the recipient
            # shows it once. An SMS has no such id: the text remembers the doubt.
            return Verdict(Next.CLAIM_ANEW, NobodyHasIt(sure=False))
        case OutcomeState.UNKNOWN:
            return Verdict(Next.DROP, NoAnswerComes(Reason.NO_OUTCOME))


def in_custody(parcel: Parcel, *, at: float) -> Parcel:
    """Drop the bytes of the envelope and keep the handle, since the relay has the envelope now."""
    return replace(parcel, stage=Stage.ACCEPTED, envelope=None, accepted_at=at)


def as_part(parcel: Parcel) -> tuple[bytes, Part]:
    """Return token and part of the deposit of a sealed parcel.

    Raises:
        ValueError: it is not sealed.
    """
    match parcel:
        case Parcel(
            token=bytes() as token,
            device=bytes() as device,
            envelope_key_id=int() as key_id,
            handle_hash=bytes() as handle_hash,
            envelope=bytes() as envelope,
        ):
            return token, Part(device, key_id, handle_hash, envelope)
        case _:
            raise ValueError("only a sealed parcel can be deposited")


def unsealed(parcel: Parcel, *, resend: bool = False) -> Parcel:
    """Take the envelope off, so that the content is sealed anew. Message id and counter stay."""
    return replace(
        parcel,
        stage=Stage.READY,
        resends=parcel.resends + 1 if resend else parcel.resends,
        token=None,
        device=None,
        envelope_key_id=None,
        handle=None,
        handle_hash=None,
        envelope=None,
        grant=b"",
        accepted_at=0.0,
    )
