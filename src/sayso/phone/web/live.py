"""What happens on the phone, told to open pages: server-sent events, read by `fetch`.

`EventSource` cannot send a header, and the tab's secret travels in one; so the page reads the stream by itself.

    hello   the stream is open; a page that was away looks again
    text    a bubble is there or changed: its HTML, and its conversation's row
    gone    a conversation, or a text of it, was deleted
    line    a line changed: what shows it looks again
    end     the session is over
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from sayso.phone import command_types as ask
from sayso.phone.core.texts import Direction
from sayso.phone.web.context import Context
from sayso.phone.web.languages import Language
from sayso.phone.web.render import Pages
from sayso.phone.web.sessions import Session
from sayso.phone.web.threads import Threads

BEAT_S: Final = 20.0
"""A stream says something at least this often, so that either side notices when the other is gone."""
UNREAD_EVENTS: Final = 1024


@dataclass(frozen=True, slots=True)
class Gone:
    """A conversation was deleted, or one text of it."""

    conversation: int
    text: int = 0


@dataclass(frozen=True, slots=True)
class Over:
    """The end of a stream."""


Told = ask.Event | Gone | Over | None
"""None: nothing happened; look whether the session is still open."""


class Hub:
    """Hands whatever happens to every open page: events of the phone, and what one tab does that others have to see."""

    def __init__(self) -> None:
        self._pages: set[asyncio.Queue[Told]] = set()

    async def run(self, phone: ask.CommandHandler) -> None:
        """Listen to the phone until cancelled."""
        while True:  # a watcher that could not keep up is let go, and begins anew
            async with phone.watch() as events:
                async for event in events:
                    self.tell(event)

    def tell(self, told: Told) -> None:
        """Tell all open pages; one that reads too slowly is let go, and comes back by itself."""
        for page in list(self._pages):
            if page.qsize() < UNREAD_EVENTS:
                page.put_nowait(told)
            else:
                self._pages.discard(page)
                page.put_nowait(Over())

    def look(self) -> None:
        """Have all streams see whether their session is still open."""
        self.tell(None)

    def stop(self) -> None:
        """End all streams."""
        self.tell(Over())

    @contextmanager
    def joined(self) -> Iterator[asyncio.Queue[Told]]:
        """Hear everything from entering until leaving."""
        page: asyncio.Queue[Told] = asyncio.Queue()
        self._pages.add(page)
        try:
            yield page
        finally:
            self._pages.discard(page)


def encode(event: str, data: object) -> bytes:
    """Write one event. JSON has no raw line breaks, so that nothing in a text can end the event."""
    return b"event: " + event.encode("ascii") + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


class Live:
    """Turns what happens into what a page can put in place."""

    def __init__(self, context: Context, pages: Pages, hub: Hub) -> None:
        self._context = context
        self._pages = pages
        self._hub = hub

    async def stream(self, session: Session, language: Language) -> AsyncGenerator[bytes, None]:
        """Tell until the session ends, the phone stops, or the page goes."""
        with self._hub.joined() as waiting:
            yield encode("hello", {"unread": self._context.store.conversations.unread()})
            while True:
                told: Told = None
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        told = await waiting.get()
                if isinstance(told, Over):
                    return
                if not self._context.sessions.is_open(session):
                    yield encode("end", {})
                    return
                yield self._written(told, language)

    def _written(self, told: Told, language: Language) -> bytes:
        match told:
            case ask.MessageChanged(message=message):
                return self._text(message, language)
            case ask.LineChanged(line=line):
                return encode("line", {"line": line.name, "state": line.state, "connected": line.connected})
            case Gone(conversation=conversation, text=text):
                return encode("gone", {"conversation": conversation, "id": text})
            case _:
                return b": beat\n\n"

    def _text(self, message: ask.Message, language: Language) -> bytes:
        store = self._context.store
        line = store.lines.named(message.line)
        conversation = None if line is None else store.conversations.of(line.id, message.number)
        if line is None or conversation is None:
            return b": gone\n\n"
        direction, message_id = Direction(message.direction), bytes.fromhex(message.id)
        text = store.texts.find(line.id, message.number, direction, message_id)
        if text is None:
            return b": gone\n\n"
        threads = Threads(self._context, language)
        before = store.conversations.page(conversation, 1, before=text.position)
        bubble = threads.bubbles([text], after=before[0] if before else None)[0]
        row = threads.row(conversation)
        blocked = store.regard.is_blocked(message.number)
        fresh = direction is Direction.IN and message.state == "new" and not blocked
        return encode(
            "text",
            {
                "conversation": conversation.id,
                "id": text.id,
                "after": before[0].id if before else 0,
                "channel": threads.expected(conversation).value,
                "day": bubble.day,
                "mark": self._pages.render("_day.html", language, bubble=bubble),
                "html": self._pages.render("_bubble.html", language, bubble=bubble),
                "row": "" if blocked else self._pages.render("_row.html", language, row=row),
                "unread": store.conversations.unread(),
                "notify": {"title": row.person.name, "body": row.preview} if fresh else None,
                "says": language.gettext("New message from %(name)s") % {"name": row.person.name} if fresh else "",
            },
        )
