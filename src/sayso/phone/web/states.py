"""What the state of a message means to the person who looks at it, and what can be done. Pure.

The words promise nothing that is not known: `sent` is not `delivered`, and what nobody can say is said to be unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sayso.phone.core.outgoing import MAY_GO_BY_SMS, Reason, State
from sayso.phone.core.texts import SENTENCES, Direction, Text, Word

Translate = Callable[[str], str]
Tone = Literal["calm", "good", "waits", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How one message stands, in words."""

    word: str
    icon: str
    """Name of an icon of the sprite."""
    tone: Tone
    why: str = ""
    """One more sentence: why, and what to do."""
    may_go_by_sms: bool = False
    """Whether its owner can send it by SMS now, without any danger of its coming twice."""
    may_be_sent_again: bool = False


def shown_state(text: Text, _: Translate) -> Shown:
    """Return how a message of ours stands."""
    word, icon, tone = _word(text.state, _)
    return Shown(
        word=word,
        icon=icon,
        tone=tone,
        why=shown_reason(text, _),
        may_go_by_sms=text.state in MAY_GO_BY_SMS and text.reason != Reason.TOO_LONG,
        may_be_sent_again=text.state in {State.FAILED, State.UNKNOWN, State.SMS_UNKNOWN},
    )


def _word(state: str, _: Translate) -> tuple[str, str, Tone]:
    words: Mapping[str, tuple[str, str, Tone]] = {
        State.QUEUED: (_("Waiting"), "clock", "waits"),
        State.DEPOSITED: (_("Sending"), "clock", "calm"),
        State.ACCEPTED: (_("Sent"), "check", "calm"),
        State.DELIVERED: (_("Delivered"), "checks", "good"),
        State.READ: (_("Read"), "eye", "good"),
        State.UNKNOWN: (_("Not known whether it arrived"), "question", "bad"),
        State.SMS_SENDING: (_("Sending"), "clock", "calm"),
        State.SMS_SENT: (_("Sent"), "check", "calm"),
        State.SMS_DELIVERED: (_("Delivered"), "checks", "good"),
        State.SMS_UNKNOWN: (_("Not known whether it was sent"), "question", "bad"),
        State.FAILED: (_("Not delivered"), "warning", "bad"),
        "recalling": (_("Taking it back"), "clock", "calm"),
        "recalled": (_("Taken back"), "check", "calm"),
        "in-doubt": (_("Waiting for the other phone to say whether it has it"), "clock", "waits"),
        "cancelled": (_("Cancelled"), "close", "calm"),
    }
    return words.get(state, (state, "question", "calm"))


def shown_reason(text: Text, _: Translate) -> str:
    """Return why a message stands where it does; empty where there is nothing to say."""
    if text.reason is None:
        return ""
    words = _reasons(_).get(text.reason)
    return SENTENCES.get(text.reason, "") if words is None else words


def _reasons(_: Translate) -> Mapping[str, str]:
    return {
        Reason.LINE_OFF: _("By SMS, because Cloud Messaging is off for this line."),
        Reason.NOT_IN_CLOUD: _("By SMS, because this number does not use Cloud Messaging."),
        Reason.NO_CLOUD_NUMBER: _("By SMS, because Cloud Messaging cannot reach numbers like this one."),
        Reason.OWNER_CHOSE: _("By SMS, because you said so. SMS are not encrypted."),
        Reason.ASK: _("This person has left Cloud Messaging. Send it by SMS, without encryption, or let it wait."),
        Reason.NO_CONNECTION: _("For a connection to the server. It goes by itself as soon as there is one."),
        Reason.MAILBOX_FULL: _("For room in the other person's mailbox. It is tried again by itself."),
        Reason.SERVER_BUSY: _("For the server, which is busy. It is tried again by itself."),
        Reason.BAD_KEYS: _("For keys that fit together. It is tried again by itself."),
        Reason.NEWER_SAYSO: _("For a newer Sayso on this phone: the other one has it already."),
        Reason.EXPIRED: _("The other phone was away for too long. Send it again, or by SMS."),
        Reason.UNREADABLE: _("The other phone could not open it. Send it again, or by SMS."),
        Reason.SMS_FAILED: _("The network did not take the SMS. Send it again."),
        Reason.TOO_LONG: _("Too long for an SMS, and the number does not use Cloud Messaging. Shorten it."),
        Reason.SIM_CHANGED: _("Another SIM is in the phone. Put the old one back to find out."),
        Reason.SMS_FORGOTTEN: _("The modem does not remember. Send it again if it matters."),
        Reason.LEFT: _("Cloud Messaging was switched off before the answer came."),
        Reason.NO_OUTCOME: _("The server remembers nothing of it."),
        Reason.RELAY_SAYS_DELIVERED: _("The server says that it was delivered. The other phone has not said so yet."),
        Word.KEY_CHANGED: _(
            "This number has other keys than before: a new phone, a new SIM, or somebody else. "
            "Compare the safety number before you write anything that matters."
        ),
        Word.OTHER_STATEMENT: _(
            "This person is shown another statement of the server than you are: one of you may be deceived. "
            "Write nothing that matters, and ask whoever runs the server."
        ),
        Word.NEWER_KIND: _("Sent with a newer Sayso. It is kept, and shown once this phone has one too."),
    }


def preview(text: Text, _: Translate) -> str:
    """Return one line about a message, for the list of conversations."""
    if text.direction is Direction.SYSTEM or (not text.text and text.reason):
        return shown_reason(text, _)
    return " ".join(text.text[:_PREVIEW_SIGNS].split())


_PREVIEW_SIGNS: Final = 200
