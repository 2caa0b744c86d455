"""What the list of conversations and a thread show: rows of the store, made ready for a template."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sayso.phone.adapters.store.conversations import Conversation
from sayso.phone.core.lines import Line
from sayso.phone.core.texts import Channel, Direction, Text
from sayso.phone.web import times
from sayso.phone.web.channel import Expected, expected
from sayso.phone.web.context import Context
from sayso.phone.web.languages import Language
from sayso.phone.web.people import Person
from sayso.phone.web.states import Shown, preview, shown_reason, shown_state

PAGE: int = 50
"""Texts of a thread at once."""
LIST: int = 60
"""Conversations at once."""
_TOGETHER_S: float = 300.0
"""Texts of one side that follow each other so closely hang together."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Row:
    """One line of the list of conversations."""

    id: int
    person: Person
    preview: str
    outgoing: bool
    state: Shown | None
    channel: Literal["cloud", "sms"]
    when: str
    exactly: str
    unread: int
    line: str
    """Which line, where there are several."""
    order: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bubble:
    """One row of a thread."""

    id: int
    message: str
    """Message id, hex: what commands name it by."""
    side: Literal["in", "out", "system"]
    channel: Literal["cloud", "sms"]
    text: str
    state: Shown | None
    word: str
    """What the phone says, of a system row; of others, why it is shown without a text."""
    alarm: bool
    clock: str
    exactly: str
    day: str
    """ISO date."""
    day_words: str
    follows: bool
    """Whether it hangs together with the one before."""
    position: float
    big: bool
    """Nothing but a few emoji."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Choice:
    """A line that a conversation can be led on."""

    id: str
    """Hex."""
    name: str
    number: str
    chosen: bool


class Threads:
    """Makes what is shown, in one language."""

    def __init__(self, context: Context, language: Language) -> None:
        self._context = context
        self._language = language
        self._lines = {line.id: line for line in context.store.lines.all()}

    def rows(self, *, before: float | None = None) -> list[Row]:
        """Return the conversations, last used first, without those of blocked numbers."""
        blocked = set(self._context.store.regard.blocked())
        found = self._context.store.conversations.newest(LIST, before=before)
        return [self.row(one) for one in found if one.number not in blocked]

    def row(self, conversation: Conversation) -> Row:
        """Return one conversation's row."""
        text = None if conversation.last is None else self._context.store.texts.get(conversation.last)
        now = self._context.now()
        moment = times.at(conversation.last_at if text is None else text.at, self._context.zone)
        outgoing = text is not None and text.direction is Direction.OUT
        return Row(
            id=conversation.id,
            person=self._context.person(conversation.number),
            preview="" if text is None else preview(text, self._language.gettext),
            outgoing=outgoing,
            state=self._state(text) if text is not None and outgoing else None,
            channel="sms" if text is None or text.channel is Channel.SMS else "cloud",
            when=times.short(moment, now, self._language),
            exactly=times.full(moment, self._language),
            unread=conversation.unread,
            line=self.line_name(conversation.line) if len(self._lines) > 1 else "",
            order=conversation.last_at,
        )

    def bubbles(self, texts: Sequence[Text], *, after: Text | None = None) -> list[Bubble]:
        """Return bubbles for texts in order; `after` is the one that stands before the first."""
        now = self._context.now()
        shown: list[Bubble] = []
        for text in texts:
            shown.append(self._bubble(text, after, now))
            after = text
        return shown

    def expected(self, conversation: Conversation) -> Expected:
        """Tell by which channel the next text goes."""
        owner = self._context.owner
        route = owner.next_route(conversation.line, conversation.number)
        return expected(route, likely=owner.likely(conversation.line, conversation.number))

    def choices(self, chosen: bytes) -> list[Choice]:
        """Return the lines of this phone, for whoever may choose."""
        return [
            Choice(id=line.id.hex(), name=self.line_name(line.id), number=self._pretty(line), chosen=line.id == chosen)
            for line in self._lines.values()
        ]

    def line_name(self, line: bytes) -> str:
        """Return how a line is called."""
        return self._lines[line].name

    def _state(self, text: Text) -> Shown:
        waiting = self._context.owner.shown(text).waiting
        until = None if waiting is None or waiting.until is None else times.at(waiting.until, self._context.zone)
        when = "" if until is None else times.soon(until, self._context.now(), self._language)
        return shown_state(text, waiting, when, self._language.gettext)

    def _pretty(self, line: Line) -> str:
        return "" if line.number is None else self._context.person(line.number).pretty

    def _bubble(self, text: Text, previous: Text | None, now: datetime) -> Bubble:
        moment = times.at(text.at, self._context.zone)
        translate = self._language.gettext
        system = text.direction is Direction.SYSTEM
        silent = not text.text and text.reason is not None
        return Bubble(
            id=text.id,
            message=text.message_id.hex(),
            side=text.direction.value,
            channel="cloud" if text.channel is Channel.CLOUD else "sms",
            text=text.text,
            state=self._state(text) if text.direction is Direction.OUT else None,
            word=shown_reason(text, translate) if system or silent else "",
            alarm=system,
            clock=times.clock(moment, self._language),
            exactly=times.full(moment, self._language),
            day=moment.date().isoformat(),
            day_words=times.day(moment, now, self._language),
            follows=self._follows(text, previous),
            position=text.position,
            big=is_big(text.text),
        )

    def _follows(self, text: Text, previous: Text | None) -> bool:
        if previous is None or previous.direction is not text.direction or previous.channel is not text.channel:
            return False
        day = times.at(text.at, self._context.zone).date()
        same_day = times.at(previous.at, self._context.zone).date() == day
        return same_day and abs(text.at - previous.at) < _TOGETHER_S


def is_big(text: str) -> bool:
    """Whether a text is nothing but one to three emoji, which are drawn larger."""
    signs = [sign for sign in text if sign not in _JOINERS and not sign.isspace()]
    return 0 < len(signs) <= _BIG_SIGNS and all(_is_emoji(sign) for sign in signs)


_JOINERS = frozenset("\u200d\ufe0f\ufe0e")
_BIG_SIGNS = 6
_EMOJI = ((0x1F300, 0x1FAFF), (0x2600, 0x27BF), (0x1F1E6, 0x1F1FF), (0x2B00, 0x2BFF))


def _is_emoji(sign: str) -> bool:
    return any(first <= ord(sign) <= last for first, last in _EMOJI)
