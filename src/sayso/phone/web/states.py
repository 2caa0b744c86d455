"""What the state of a message means to the person who looks at it, and what can be done. Pure.

The words promise nothing that is not known: `sent` is not `delivered`, and what nobody can say is said to be unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sayso.phone.command_types import Choice, Waiting
from sayso.phone.core.outgoing import Reason, State
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
    next: str = ""
    """What the phone does about it by itself, and when; always seen."""
    choices: tuple[Choice, ...] = ()
    """What its owner can do now."""
    may_be_sent_again: bool = False

    @property
    def wants_attention(self) -> bool:
        """Whether its reasons and choices are drawn open, and not folded behind one small word."""
        return self.tone in {"bad", "waits"}


def shown_state(text: Text, waiting: Waiting | None, when: str, _: Translate) -> Shown:
    """Return how a message of ours stands.

    Args:
        text: of direction `OUT`.
        waiting: what it waits for.
        when: the time at which the phone does something about it, in words; empty where it does nothing.
        _: translates.
    """
    word, icon, tone = _word(text.state, _)
    if waiting is not None and waiting.what == "owner":
        tone = "waits"
    choices = () if waiting is None else tuple(waiting.choices)
    if text.state == State.FAILED and text.reason not in {Reason.TOO_LONG, Reason.SMS_FAILED}:
        choices = ("send-as-sms",)
    return Shown(
        word=word,
        icon=icon,
        tone=tone,
        why=shown_reason(text, _),
        next=_next(waiting, when, _),
        choices=choices,
        may_be_sent_again=text.state in {State.FAILED, State.UNKNOWN, State.SMS_UNKNOWN},
    )


def _next(waiting: Waiting | None, when: str, _: Translate) -> str:
    if waiting is None or not when:
        return ""
    words = {
        "sms": _("By SMS at %(when)s, unless it arrives before."),
        "ask": _("You are asked at %(when)s, unless it arrives before."),
        "fail": _("Given up at %(when)s, unless it arrives before."),
    }
    return words.get(waiting.then or "", "") % {"when": when}


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
        State.RECALLING: (_("Being taken back"), "clock", "calm"),
        State.IN_DOUBT: (_("Waiting for the other phone to say whether it has it"), "clock", "waits"),
        State.CANCELLED: (_("Taken back"), "close", "calm"),
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
        Reason.LEFT_CLOUD: _("By SMS, because this number has left Cloud Messaging."),
        Reason.NOT_FETCHED: _("By SMS, because the other phone did not fetch it in time. It was taken back first."),
        Reason.SERVER_AWAY: _("By SMS, because the server could not be reached. SMS are not encrypted."),
        Reason.OWNER_DOUBTED: _("By SMS, because you said so, though it may have arrived. The other phone is told."),
        Reason.ASK_UNDELIVERED: _("Not delivered yet. Send it by SMS, without encryption, take it back, or wait."),
        Reason.ASK_UNREACHABLE: _(
            "The server cannot be reached. Send it by SMS, without encryption, take it back, or wait."
        ),
        Reason.ASK_DOUBT: _("The server forgot it, and it may have arrived. It is tried again; or send it by SMS."),
        Reason.NEVER_SMS: _("This person has left Cloud Messaging, and you chose that nothing goes by SMS."),
        Reason.TAKEN_BACK: _("Nobody has it."),
        Reason.GAVE_UP: _("It has waited for a week. Send it again, or by SMS."),
        Reason.ASK: _("This person has left Cloud Messaging. Send it by SMS, without encryption, or let it wait."),
        Reason.NO_CONNECTION: _("For a connection to the server. It goes by itself as soon as there is one."),
        Reason.MAILBOX_FULL: _("For room in the other person's mailbox. It is tried again by itself."),
        Reason.SERVER_BUSY: _("For the server, which is busy. It is tried again by itself."),
        Reason.BAD_KEYS: _("For keys that fit together. It is tried again by itself."),
        Reason.NEWER_SAYSO: _("For a newer Sayso on this phone: the other one has it already."),
        Reason.EXPIRED: _("The other phone was away for too long. Send it again, or by SMS."),
        Reason.UNREADABLE: _("The other phone could not open it. Send it again, or by SMS."),
        Reason.SMS_FAILED: _("The network did not take the SMS. Send it again."),
        Reason.SMS_FAILED_IN_DOUBT: _(
            "The network did not take the SMS. Whether it arrived by Cloud Messaging before is not known."
        ),
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
        Word.FLASH_SMS: _("A flash message: its sender meant it to be shown once and not kept."),
        Word.MMS_NOTICE: _(
            "A picture message (MMS) waits at your operator. Sayso does not fetch it: ask for it in another way."
        ),
        Word.BINARY_SMS: _("An SMS with data in place of a text, or in an encoding that this phone does not know."),
        Word.INCOMPLETE_SMS: _("Some parts of this SMS did not come. What did is shown."),
        Word.NEWER_KIND: _("Sent with a newer Sayso. It is kept, and shown once this phone has one too."),
    }


def preview(text: Text, _: Translate) -> str:
    """Return one line about a message, for the list of conversations."""
    if text.direction is Direction.SYSTEM or (not text.text and text.reason):
        return shown_reason(text, _)
    return " ".join(text.text[:_PREVIEW_SIGNS].split())


_PREVIEW_SIGNS: Final = 200
