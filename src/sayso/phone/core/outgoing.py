"""The state machine of a text that goes out (design.md §5.4). Every step is durable before the phone acts on it.

    queued ─ route: SMS ─▶ sms-sending ─▶ sms-sent ─▶ sms-delivered
      │  ▲                   │    │  ▲        │
      │  │                   │    ▼  │        ▼
      │  │                   │  sms-unknown ◀─┘      nobody can say; a later answer of the modem still counts
      │  │                   └─▶ failed              the network did not take it
      │  │ patience over, or the owner says SMS (from queued, failed) ─▶ sms-sending
      │  │ the owner takes it back ─▶ cancelled
      │  │
      │  └────────────── nobody has it: other device, keys too old, unreadable (twice at most), not enrolled
      ▼                  │
    deposited ───────────┤
      │ in custody       │
      ▼                  │
    accepted ────────────┤
      │                  ├─▶ failed    expired, or unreadable a third time
      │                  └─▶ unknown   the line was left, or the server remembers nothing
      │
      ├─ deposited, accepted ─ patience over, or its owner wants it back ─▶ recalling
      │                          ├─ nobody has it ─▶ sms-sending | cancelled | queued (policy has changed meanwhile)
      │                          ├─ the relay says delivered ─▶ accepted
      │                          └─ it left towards the device ─▶ in-doubt ─ the device has answered ─▶ as above
      │                                                             └─ nobody will ever answer ─▶ unknown
      ▼ the recipient's encrypted receipt (from any of these; from SMS if it was announced)
    delivered ─▶ read

`deposited` means: sealed, and the frame may have left. `delivered` and `read` come from the recipient's encrypted
receipts alone; what the relay says of delivery is a remark. From deposited or accepted no way leads to SMS by itself
but through a state that proves that nobody has the message: that is why it never doubles. Only its owner may send it by
SMS in doubt; then the recipient is told (`SmsNotice`) and joins the two.

`doubt` stays with a text once an envelope of it was given up without such a proof: the cloud may go on with the same
message id, which is shown once; an SMS has no id, so by itself none is sent any more.
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
    RECALLING = "recalling"
    IN_DOUBT = "in-doubt"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    SMS_SENDING = "sms-sending"
    SMS_SENT = "sms-sent"
    SMS_DELIVERED = "sms-delivered"
    SMS_UNKNOWN = "sms-unknown"
    FAILED = "failed"


class Wish(StrEnum):
    """What is to become of a text once it is sure that nobody has it."""

    NONE = ""
    """It is sealed anew."""
    POLICY = "policy"
    """It goes by SMS, if the policy still says so."""
    OWNER = "owner"
    """It goes by SMS: its owner said so."""
    CANCEL = "cancel"
    """Nothing: its owner took it back."""


class Reason(StrEnum):
    """Why a text waits, went by SMS, failed, or is unknown; `texts.SENTENCES` says it to the owner."""

    LINE_OFF = "line-off"
    NOT_IN_CLOUD = "not-in-cloud"
    NO_CLOUD_NUMBER = "no-cloud-number"
    OWNER_CHOSE = "owner-chose"
    LEFT_CLOUD = "left-cloud"
    NOT_FETCHED = "not-fetched"
    SERVER_AWAY = "server-away"
    OWNER_DOUBTED = "owner-doubted"
    ASK = "ask"
    ASK_UNDELIVERED = "ask-undelivered"
    ASK_UNREACHABLE = "ask-unreachable"
    ASK_DOUBT = "ask-doubt"
    NEVER_SMS = "never-sms"
    TAKEN_BACK = "taken-back"
    GAVE_UP = "gave-up"
    NO_CONNECTION = "no-connection"
    MAILBOX_FULL = "mailbox-full"
    SERVER_BUSY = "server-busy"
    BAD_KEYS = "bad-keys"
    NEWER_SAYSO = "newer-sayso"
    EXPIRED = "expired"
    UNREADABLE = "unreadable"
    SMS_FAILED = "sms-failed"
    SMS_FAILED_IN_DOUBT = "sms-failed-in-doubt"
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
    wish: Wish = Wish.NONE
    doubt: bool = False
    """An envelope of it was given up without proof that nobody has it."""


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
    sure: bool = True
    """False: the server remembers nothing of it, which a crash of the server explains as well."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """It is to be recalled."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class DeviceMustSay:
    """It left the relay towards the device: only that knows."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It waited for too long, and nobody has it."""


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
    in_doubt: bool = False
    """Its owner says so although somebody may have it."""


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
    | TakeBack
    | DeviceMustSay
    | GiveUp
    | CouldNotBeRead
    | Expired
    | NoAnswerComes
    | ReceiptCame
    | BySms
    | SmsState
    | SimGone
)

UNDER_WAY: Final = frozenset({State.DEPOSITED, State.ACCEPTED, State.RECALLING, State.IN_DOUBT})
"""The server has it, or may have it."""
WITH_MODEM: Final = frozenset({State.SMS_SENDING, State.SMS_SENT, State.SMS_UNKNOWN})
MAY_GO_BY_SMS: Final = frozenset({State.QUEUED, State.FAILED})
"""Nobody has it: an SMS cannot double it."""
MAY_DOUBLE: Final = UNDER_WAY | {State.UNKNOWN}
"""Somebody may have it: an SMS is its owner's decision, and announced."""
WITHOUT_OUTCOME: Final = UNDER_WAY | {State.QUEUED, State.SMS_SENDING, State.SMS_SENT}
WAITING: Final = UNDER_WAY | {State.QUEUED}
"""Patience runs, or the owner's word is waited for."""
_RECEIPT_SAYS_MORE: Final = UNDER_WAY | {State.QUEUED, State.DELIVERED, State.UNKNOWN, State.CANCELLED}


def step(text: Outgoing, event: Event) -> Outgoing:  # noqa: PLR0911  one return for each arm of the diagram
    """Return the text after an event. An event that comes too late, or twice, changes nothing."""
    match event:
        case ReceiptCame(read=read) if _may_have_come_by_cloud(text):
            return replace(text, state=State.READ if read else State.DELIVERED, reason=None, wish=Wish.NONE)
        case BySms(reason=reason, in_doubt=in_doubt) if text.state in (MAY_DOUBLE if in_doubt else MAY_GO_BY_SMS):
            doubt = text.doubt or in_doubt
            return replace(text, state=State.SMS_SENDING, reason=reason, wish=Wish.NONE, doubt=doubt)
        case SmsState(state=word) if text.state in WITH_MODEM:
            return _sms(text, word)
        case SimGone() if text.state is State.SMS_SENDING:
            return replace(text, state=State.SMS_UNKNOWN, reason=Reason.SIM_CHANGED)
        case Waits(reason=reason) if text.state in WAITING:
            return replace(text, reason=reason)
        case Sealed() if text.state is State.QUEUED:
            return replace(text, state=State.DEPOSITED, reason=None)
        case TakeBack(wish=Wish.CANCEL) if text.state is State.QUEUED:
            return _settled(text, Wish.CANCEL)
        case GiveUp() if text.state is State.QUEUED:
            return replace(text, state=State.FAILED, reason=Reason.GAVE_UP)
        case _ if text.state in UNDER_WAY:
            return _under_way(text, event)
        case _:
            return text


def _under_way(text: Outgoing, event: Event) -> Outgoing:  # noqa: C901, PLR0911  as above
    match event:
        case InCustody() if text.state is State.DEPOSITED:
            return replace(text, state=State.ACCEPTED, reason=None)
        case RelayDelivered():
            return replace(text, state=State.ACCEPTED, reason=Reason.RELAY_SAYS_DELIVERED, wish=Wish.NONE)
        case TakeBack(wish=wish) if text.reason is not Reason.RELAY_SAYS_DELIVERED:
            state = text.state if text.state is State.IN_DOUBT else State.RECALLING
            return replace(text, state=state, reason=None, wish=wish)
        case DeviceMustSay() if text.state is State.RECALLING:
            return replace(text, state=State.IN_DOUBT, reason=None)
        case NobodyHasIt(sure=True) | CouldNotBeRead() | Expired() if text.wish is not Wish.NONE:
            return _settled(text, text.wish)
        case NobodyHasIt(sure=False) if text.wish is Wish.CANCEL:
            return replace(text, state=State.UNKNOWN, reason=Reason.NO_OUTCOME, wish=Wish.NONE)
        case NobodyHasIt(reason=reason, sure=sure):
            return replace(text, state=State.QUEUED, reason=reason, wish=Wish.NONE, doubt=text.doubt or not sure)
        case CouldNotBeRead() if text.resends < LIMITS.resend_unreadable:
            return replace(text, state=State.QUEUED, reason=None, resends=text.resends + 1)
        case CouldNotBeRead():
            return replace(text, state=State.FAILED, reason=Reason.UNREADABLE)
        case Expired():
            return replace(text, state=State.FAILED, reason=Reason.EXPIRED)
        case NoAnswerComes(reason=reason):
            return replace(text, state=State.UNKNOWN, reason=reason, wish=Wish.NONE)
        case _:
            return text


def _may_have_come_by_cloud(text: Outgoing) -> bool:
    """Whether a receipt can be about this text; who is sent an SMS that was not announced has nothing to confirm."""
    announced = text.doubt or text.reason is Reason.SERVER_AWAY
    failed = text.state is State.FAILED and text.reason in {Reason.EXPIRED, Reason.UNREADABLE}
    return text.state in _RECEIPT_SAYS_MORE or failed or (announced and text.state in WITH_MODEM)


def _settled(text: Outgoing, wish: Wish) -> Outgoing:
    """Nobody has this envelope, and more is wanted than to seal it anew. Of an earlier one somebody may know."""
    if wish is not Wish.CANCEL:
        return replace(text, state=State.QUEUED, reason=None, wish=wish)
    if text.doubt:
        return replace(text, state=State.UNKNOWN, reason=Reason.NO_OUTCOME, wish=Wish.NONE)
    return replace(text, state=State.CANCELLED, reason=Reason.TAKEN_BACK, wish=Wish.NONE)


def _sms(text: Outgoing, word: str) -> Outgoing:  # noqa: PLR0911  one return for each word
    why = None if text.reason is Reason.SIM_CHANGED else text.reason
    match word:
        case "sent" if text.state is not State.SMS_SENT:
            return replace(text, state=State.SMS_SENT, reason=why)
        case "delivered":
            return replace(text, state=State.SMS_DELIVERED, reason=why)
        case "failed" if text.doubt:
            return replace(text, state=State.UNKNOWN, reason=Reason.SMS_FAILED_IN_DOUBT)
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
