"""The state machine of a text that goes out (design.md §5.4). Every step is durable before the phone acts on it.

    queued ─ route: SMS ─▶ sms-sending ─▶ sms-sent ─▶ sms-delivered
      │  ▲                   │    │  ▲        │
      │  │                   │    ▼  │        ▼
      │  │                   │  sms-unknown ◀─┘      nobody can say; a later answer of the modem still counts
      │  │                   └─▶ failed              the network did not take it
      │  │ owner: send as SMS (from queued, failed) ─▶ sms-sending
      │  │
      │  └────────────── nobody has it: other device, keys too old, unreadable (twice at most), not enrolled
      ▼                  │
    deposited ───────────┤
      │ in custody       │
      ▼                  │
    accepted ────────────┤
      │                  ├─▶ failed    expired, or unreadable a third time
      │                  └─▶ unknown   the line was left, or the server remembers nothing
      ▼ the recipient's encrypted receipt (from any cloud state)
    delivered ─▶ read

`deposited` means: sealed, and the frame may have left. `delivered` and `read` come from the recipient's encrypted
receipts alone; what the relay says of delivery is a remark. From deposited or accepted no way leads to SMS but through
a state that proves that nobody has the message: that is why it never doubles. Recall and the fallback policies join
here with their states `recalling`, `recalled` and `in-doubt`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from sayso.protocol.limits import LIMITS


class State(StrEnum):
    """Where a text that goes out stands."""

    QUEUED = "queued"
    DEPOSITED = "deposited"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    UNKNOWN = "unknown"
    SMS_SENDING = "sms-sending"
    SMS_SENT = "sms-sent"
    SMS_DELIVERED = "sms-delivered"
    SMS_UNKNOWN = "sms-unknown"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a text waits, went by SMS, failed, or is unknown; `texts.SENTENCES` says it to the owner."""

    LINE_OFF = "line-off"
    NOT_IN_CLOUD = "not-in-cloud"
    NO_CLOUD_NUMBER = "no-cloud-number"
    OWNER_CHOSE = "owner-chose"
    ASK = "ask"
    NO_CONNECTION = "no-connection"
    MAILBOX_FULL = "mailbox-full"
    SERVER_BUSY = "server-busy"
    BAD_KEYS = "bad-keys"
    NEWER_SAYSO = "newer-sayso"
    EXPIRED = "expired"
    UNREADABLE = "unreadable"
    SMS_FAILED = "sms-failed"
    TOO_LONG = "too-long"
    SIM_CHANGED = "sim-changed"
    SMS_FORGOTTEN = "sms-forgotten"
    LEFT = "left"
    NO_OUTCOME = "no-outcome"
    RELAY_SAYS_DELIVERED = "relay-says-delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """State and reason of one text, and how often it was sealed anew because it could not be read."""

    state: State = State.QUEUED
    reason: Reason | None = None
    resends: int = 0


@dataclass(frozen=True, slots=True)
class Waits:
    """It cannot go now."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Sealed:
    """Sealed, with a handle, durably; its frame may leave."""


@dataclass(frozen=True, slots=True)
class InCustody:
    """The relay took it."""


@dataclass(frozen=True, slots=True)
class RelayDelivered:
    """The relay says that every device acknowledged it."""


@dataclass(frozen=True, slots=True)
class NobodyHasIt:
    """It was not taken, or its custody ended before it left the relay: it has to be sealed anew."""

    reason: Reason | None = None
    """Why it waits, if it has to."""


@dataclass(frozen=True, slots=True)
class CouldNotBeRead:
    """The recipient's device got it and could not open it."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Its time was over before it left the relay."""


@dataclass(frozen=True, slots=True)
class NoAnswerComes:
    """Nobody will ever say what became of it."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class ReceiptCame:
    """An encrypted receipt of the recipient."""

    read: bool


@dataclass(frozen=True, slots=True)
class BySms:
    """It goes by SMS, under a reference that is stored with it."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class SmsState:
    """What the modem says of it: as in `ports.SmsSent`."""

    state: str


@dataclass(frozen=True, slots=True)
class SimGone:
    """The SIM that was given the SMS is not there to be asked."""


Event = (
    Waits
    | Sealed
    | InCustody
    | RelayDelivered
    | NobodyHasIt
    | CouldNotBeRead
    | Expired
    | NoAnswerComes
    | ReceiptCame
    | BySms
    | SmsState
    | SimGone
)

UNDER_WAY: Final = frozenset({State.DEPOSITED, State.ACCEPTED})
"""The server has it, or may have it."""
WITH_MODEM: Final = frozenset({State.SMS_SENDING, State.SMS_SENT, State.SMS_UNKNOWN})
BY_CLOUD: Final = frozenset({State.QUEUED, State.DEPOSITED, State.ACCEPTED, State.DELIVERED, State.UNKNOWN})
"""States in which the recipient's receipt may say more."""
MAY_GO_BY_SMS: Final = frozenset({State.QUEUED, State.FAILED})
"""Nobody has it: an SMS cannot double it."""
WITHOUT_OUTCOME: Final = frozenset({State.QUEUED, State.DEPOSITED, State.ACCEPTED, State.SMS_SENDING, State.SMS_SENT})


def step(text: Outgoing, event: Event) -> Outgoing:  # noqa: PLR0911  one return for each arm of the diagram
    """Return the text after an event. An event that comes too late, or twice, changes nothing."""
    match event:
        case ReceiptCame(read=read) if text.state in BY_CLOUD or (text.state is State.FAILED and _cloud_failure(text)):
            return replace(text, state=State.READ if read else State.DELIVERED, reason=None)
        case BySms(reason=reason) if text.state in MAY_GO_BY_SMS:
            return replace(text, state=State.SMS_SENDING, reason=reason)
        case SmsState(state=word) if text.state in WITH_MODEM:
            return _sms(text, word)
        case SimGone() if text.state is State.SMS_SENDING:
            return replace(text, state=State.SMS_UNKNOWN, reason=Reason.SIM_CHANGED)
        case Waits(reason=reason) if text.state is State.QUEUED:
            return replace(text, reason=reason)
        case Waits(reason=reason) if text.state is State.DEPOSITED:
            return replace(text, reason=reason)
        case Sealed() if text.state is State.QUEUED:
            return replace(text, state=State.DEPOSITED, reason=None)
        case _ if text.state in UNDER_WAY:
            return _under_way(text, event)
        case _:
            return text


def _under_way(text: Outgoing, event: Event) -> Outgoing:  # noqa: PLR0911  as above
    match event:
        case InCustody():
            return replace(text, state=State.ACCEPTED, reason=None)
        case RelayDelivered():
            return replace(text, state=State.ACCEPTED, reason=Reason.RELAY_SAYS_DELIVERED)
        case NobodyHasIt(reason=reason):
            return replace(text, state=State.QUEUED, reason=reason)
        case CouldNotBeRead() if text.resends < LIMITS.resend_unreadable:
            return replace(text, state=State.QUEUED, reason=None, resends=text.resends + 1)
        case CouldNotBeRead():
            return replace(text, state=State.FAILED, reason=Reason.UNREADABLE)
        case Expired():
            return replace(text, state=State.FAILED, reason=Reason.EXPIRED)
        case NoAnswerComes(reason=reason):
            return replace(text, state=State.UNKNOWN, reason=reason)
        case _:
            return text


def _sms(text: Outgoing, word: str) -> Outgoing:  # noqa: PLR0911  one return for each word
    why = None if text.reason is Reason.SIM_CHANGED else text.reason
    match word:
        case "sent" if text.state is not State.SMS_SENT:
            return replace(text, state=State.SMS_SENT, reason=why)
        case "delivered":
            return replace(text, state=State.SMS_DELIVERED, reason=why)
        case "failed":
            return replace(text, state=State.FAILED, reason=Reason.SMS_FAILED)
        case "unknown" if text.state is State.SMS_SENT:
            return replace(text, state=State.SMS_UNKNOWN, reason=Reason.SMS_FORGOTTEN)
        case "unknown" if text.state is State.SMS_UNKNOWN and text.reason is Reason.SIM_CHANGED:
            # The SIM is back and never took it: it can be handed over again, under the same reference.
            return replace(text, state=State.SMS_SENDING, reason=None)
        case "cannot-say" if text.state is State.SMS_SENDING:
            return replace(text, state=State.SMS_UNKNOWN, reason=Reason.SMS_FORGOTTEN)
        case _:
            return text


def _cloud_failure(text: Outgoing) -> bool:
    return text.reason in {Reason.EXPIRED, Reason.UNREADABLE}
