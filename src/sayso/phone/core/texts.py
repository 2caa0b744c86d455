"""The row that a person sees: a message, in or out, or a word of the system in a thread."""

from dataclasses import dataclass, replace
from enum import StrEnum

from sayso.phone.core.outgoing import BySms, Event, Outgoing, Reason, ReceiptCame, State, Wish, step


class Direction(StrEnum):
    """Which way a row went."""

    IN = "in"
    OUT = "out"
    SYSTEM = "system"
    """Nobody sent it: the phone says something about the thread."""


class Channel(StrEnum):
    """By which way a message went, or will go as things stand."""

    CLOUD = "cloud"
    SMS = "sms"


class InState(StrEnum):
    """States of what came in."""

    NEW = "new"
    READ = "read"
    JOINED = "joined"
    """Of an SMS: it is a message that came by cloud as well, and is not shown twice."""


def first_state(*, is_blocked: bool) -> InState:
    """Return the state of what has just come: from a blocked number it is kept, and calls for nobody's attention."""
    return InState.READ if is_blocked else InState.NEW


class Word(StrEnum):
    """What the system says in a thread, in a row of its own; or of an SMS that came. Stands in `Text.reason`."""

    KEY_CHANGED = "key-changed"
    OTHER_STATEMENT = "other-statement"
    NEWER_KIND = "newer-kind"
    FLASH_SMS = "flash-sms"
    MMS_NOTICE = "mms-notice"
    BINARY_SMS = "binary-sms"
    INCOMPLETE_SMS = "incomplete-sms"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Text:
    """One row of a thread."""

    id: int = 0
    """Place in the store; 0 before it has one."""
    line: bytes
    number: str
    """The other side: E.164, a short code, or letters."""
    message_id: bytes
    """16 bytes; of a cloud message the sender's, of anything else drawn here."""
    direction: Direction
    channel: Channel
    kind: int = 0
    """Content kind of a cloud message; 0 otherwise."""
    text: str
    raw: bytes = b""
    """Body of a kind that this version does not know, kept for one that does."""
    state: str
    """`State` of one that goes out, `InState` of one that came in."""
    reason: str | None = None
    """`Reason`, `Word`, or None."""
    at: float
    """Unix seconds: when it was sent, by its sender's clock."""
    came_at: float = 0.0
    """Of an SMS that came in: when, by this phone's clock; 0: not noted."""
    position: float = 0.0
    """Order in the thread."""
    counter: int = 0
    """The sender's counter in this conversation, for cloud messages; puts late ones in their place."""
    sms_ref: int | None = None
    sms_sim: bytes | None = None
    """Keyed digest of the SIM that was given the SMS: only that SIM can say what became of it."""
    wish: str = ""
    """`Wish`: what is to become of it once it is sure that nobody has it."""
    doubt: bool = False
    """Somebody may have it by cloud although it goes on, or went, another way."""


def after(text: Text, event: Event, *, resends: int = 0) -> Text:
    """Return a text of ours after an event of its state machine.

    Args:
        text: of direction `OUT`.
        event: see `outgoing`.
        resends: how often it was sealed anew so far because it could not be read.
    """
    reason = None if text.reason is None else Reason(text.reason)
    before = Outgoing(state=State(text.state), reason=reason, resends=resends, wish=Wish(text.wish), doubt=text.doubt)
    now = step(before, event)
    channel = text.channel
    if isinstance(event, BySms) and now.state is State.SMS_SENDING:
        channel = Channel.SMS
    elif isinstance(event, ReceiptCame) and now != before:
        channel = Channel.CLOUD
    return replace(text, state=now.state, reason=now.reason, wish=now.wish, doubt=now.doubt, channel=channel)


SENTENCES: dict[str, str] = {
    Reason.LINE_OFF: "sent by SMS: cloud messaging is off for this line",
    Reason.NOT_IN_CLOUD: "sent by SMS: this number is not in the cloud",
    Reason.NO_CLOUD_NUMBER: "sent by SMS: this is no number that cloud messaging can reach",
    Reason.OWNER_CHOSE: "sent by SMS because you said so; SMS are not encrypted",
    Reason.LEFT_CLOUD: "sent by SMS: this number has left the cloud",
    Reason.NOT_FETCHED: "sent by SMS: the recipient's phone did not fetch it in time; it was taken back first",
    Reason.SERVER_AWAY: "sent by SMS: the server could not be reached; SMS are not encrypted",
    Reason.OWNER_DOUBTED: "sent by SMS because you said so, though it may have arrived; the recipient is told",
    Reason.ASK_UNDELIVERED: "not delivered yet: send it as SMS, unencrypted, take it back, or wait",
    Reason.ASK_UNREACHABLE: "the server cannot be reached: send it as SMS, unencrypted, take it back, or wait",
    Reason.ASK_DOUBT: "the server forgot it: it may have arrived; it is tried again, or send it as SMS",
    Reason.NEVER_SMS: "waits: this number has left the cloud, and you chose that nothing goes by SMS",
    Reason.TAKEN_BACK: "taken back: nobody has it",
    Reason.GAVE_UP: "not sent: it has waited for a week; send it again, or as SMS",
    Reason.ASK: "waits: this number has left the cloud; send it as SMS, unencrypted, or wait",
    Reason.NO_CONNECTION: "waits for a connection to the server",
    Reason.MAILBOX_FULL: "waits: the recipient's mailbox is full; tried again by itself",
    Reason.SERVER_BUSY: "waits: the server cannot take it now; tried again by itself",
    Reason.BAD_KEYS: "waits: the server gave keys that do not fit together; tried again by itself",
    Reason.NEWER_SAYSO: "waits: the recipient needs a newer Sayso on this phone",
    Reason.EXPIRED: "not delivered: the recipient was away too long; send it again, or as SMS",
    Reason.UNREADABLE: "not delivered: the recipient's phone could not open it; send it again, or as SMS",
    Reason.SMS_FAILED: "not delivered: the network did not take the SMS; send it again",
    Reason.SMS_FAILED_IN_DOUBT: "the network did not take the SMS; whether it arrived by cloud is unknown",
    Reason.TOO_LONG: "not sent: too long for an SMS, and the number is not in the cloud; shorten it",
    Reason.SIM_CHANGED: "unknown whether it was sent: another SIM is in the phone; put the old one back to find out",
    Reason.SMS_FORGOTTEN: "unknown whether it was sent: the modem does not remember; send it again if it matters",
    Reason.LEFT: "unknown whether it arrived: cloud messaging was switched off before the answer",
    Reason.NO_OUTCOME: "unknown whether it arrived: the server remembers nothing of it",
    Reason.RELAY_SAYS_DELIVERED: "the server says that it was delivered; the recipient has not said so",
    Word.KEY_CHANGED: "This number has other keys than before: a new phone, a new SIM, or somebody else.",
    Word.OTHER_STATEMENT: "This person is shown another statement of the server than you: one of you may be deceived.",
    Word.NEWER_KIND: "Sent with a newer Sayso.",
    Word.FLASH_SMS: "A flash message: meant to be shown at once and not kept.",
    Word.MMS_NOTICE: "A picture message (MMS) waits at your operator. Sayso does not fetch it; ask for it another way.",
    Word.BINARY_SMS: "An SMS with data in place of a text, or in an encoding that is not known here.",
    Word.INCOMPLETE_SMS: "Parts of this SMS did not come; what did is shown.",
}
"""What a reason or word means, for the owner; keys are values of `Reason` and `Word`."""
