"""Conversations, threads, writing, search."""

import re
from typing import Annotated, Final

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Meta, Struct

from sayso.phone import command_types as ask
from sayso.phone.adapters.store.conversations import Conversation
from sayso.phone.core.lines import LineState
from sayso.phone.core.recipient import is_short_code, read_recipient
from sayso.phone.core.texts import Direction, Text
from sayso.phone.errors import CommandError
from sayso.phone.line.book import NO_SUCH_MESSAGE
from sayso.phone.web.channel import Expected
from sayso.phone.web.context import FIRST_RUN, PRICE
from sayso.phone.web.live import Gone
from sayso.phone.web.people import Person, person
from sayso.phone.web.screens import JSON, Nothing, Outcome, Screens, WebRequest, done, read
from sayso.phone.web.threads import LIST, PAGE
from sayso.protocol.limits import LIMITS

FOUND_AT_ONCE: Final = 40
_LineId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
_Words = Annotated[str, Meta(max_length=200)]


class Write(Struct, frozen=True, forbid_unknown_fields=True):
    """A text to send; `line` where another one than the conversation's was chosen."""

    text: Annotated[str, Meta(min_length=1, max_length=LIMITS.body_bytes)]
    line: _LineId | None = None


class Measure(Struct, frozen=True, forbid_unknown_fields=True):
    """A text that is being written."""

    text: Annotated[str, Meta(max_length=LIMITS.body_bytes)]


class Begin(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to write to."""

    to: Annotated[str, Meta(min_length=1, max_length=64)]
    line: _LineId | None = None


class OtherLine(Struct, frozen=True, forbid_unknown_fields=True):
    """The line that the next text is to leave by."""

    line: _LineId


class Find(Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for."""

    words: _Words


class BySms(Struct, frozen=True, forbid_unknown_fields=True):
    """By SMS: also where it may have arrived?"""

    in_doubt: bool


class Older(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to go on from."""

    before: float


class MessageRoutes:
    """Reading and writing."""

    def __init__(self, screens: Screens) -> None:
        self._screens = screens
        self._context = screens.context

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            get("/list")(self.conversations),
            post("/list/more", status_code=200)(self.more),
            get("/c/{conversation:int}")(self.thread),
            get("/c/{conversation:int}/at/{text:int}")(self.thread_at),
            post("/c/{conversation:int}/older", status_code=200)(self.older),
            post("/c/{conversation:int}/send", status_code=200)(self.send),
            post("/c/{conversation:int}/line", status_code=200)(self.other_line),
            post("/c/{conversation:int}/seen", status_code=200)(self.seen),
            post("/measure", status_code=200)(self.measure),
            post("/search", status_code=200)(self.search),
            get("/new")(self.new),
            post("/new", status_code=200)(self.begin),
            post("/number", status_code=200)(self.number),
            post("/texts/{text:int}/by-sms", status_code=200)(self.by_sms),
            post("/texts/{text:int}/cancel", status_code=200)(self.cancel),
            post("/texts/{text:int}/again", status_code=200)(self.again),
            post("/texts/{text:int}/delete", status_code=200)(self.delete),
        ]

    async def conversations(self, request: WebRequest) -> Response[str]:
        """The conversations."""
        rows = self._screens.threads(request).rows()
        lines = self._context.store.lines.all()
        return self._screens.page(
            request,
            "list.html",
            asked=[line for line in lines if line.state is LineState.POLICY_CHANGED],
            several=len(lines) > 1,
            rows=rows,
            more=rows[-1].order if len(rows) >= LIST else "",
            first_run=self._is_first_run(),
        )

    async def more(self, request: WebRequest) -> Response[bytes]:
        """Older conversations."""
        before = (await read(request, Older)).before
        rows = self._screens.threads(request).rows(before=before)
        language = self._screens.language(request)
        html = "".join(self._screens.pages.render("_row.html", language, row=row) for row in rows)
        return done(Outcome(html=html, say=str(rows[-1].order) if len(rows) >= LIST else ""))

    async def thread(self, request: WebRequest, conversation: FromPath[int]) -> Response[str]:
        """The newest texts of a conversation."""
        found = self._screens.conversation(conversation)
        return self._thread(request, found, self._context.store.conversations.page(found, PAGE))

    async def thread_at(self, request: WebRequest, conversation: FromPath[int], text: FromPath[int]) -> Response[str]:
        """The texts around one that was found."""
        found = self._screens.conversation(conversation)
        one = self._context.store.texts.get(text)
        if one is None or one.number != found.number or one.line != found.line:
            return await self.thread(request, conversation)
        return self._thread(request, found, self._context.store.conversations.page_around(found, one.position, PAGE))

    async def older(self, request: WebRequest, conversation: FromPath[int]) -> Response[str]:
        """The texts before those that are shown."""
        found = self._screens.conversation(conversation)
        before = (await read(request, Older)).before
        texts = self._context.store.conversations.page(found, PAGE, before=before)
        bubbles = self._screens.threads(request).bubbles(texts)
        return self._screens.page(request, "_bubbles.html", bubbles=bubbles, previous_day="")

    async def seen(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """The owner looks at a thread. Causes no traffic, unless the line's read receipts are on."""
        await read(request, Nothing)
        found = self._screens.conversation(conversation)
        await self._context.owner.handle(ask.OpenThread(line=self._screens.line_name(found.line), number=found.number))
        return done()

    async def other_line(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """Go to the thread with the same number on another line, whose composer says how it goes from there."""
        wanted = (await read(request, OtherLine)).line
        there = self._on_line(self._screens.conversation(conversation), wanted)
        return done(Outcome(go=f"#/c/{there.id}"))

    async def send(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """Write a text."""
        written = await read(request, Write)
        found = self._screens.conversation(conversation)
        there = self._on_line(found, written.line)
        await self._context.owner.handle(
            ask.Send(line=self._screens.line_name(there.line), to=there.number, text=written.text)
        )
        return done(Outcome(go="" if there.id == found.id else f"#/c/{there.id}"))

    async def measure(self, request: WebRequest) -> Response[bytes]:
        """How many SMS a text is, and what that may cost."""
        text = (await read(request, Measure)).text
        segments = self._context.segments(text)
        price = self._context.store.preferences.get(PRICE) or ""
        answer = {"parts": segments.parts, "left": segments.left, "price": _times(segments.parts, price)}
        return Response(msgspec.json.encode(answer), media_type=JSON)

    async def search(self, request: WebRequest) -> Response[str]:
        """People and texts in which all words stand."""
        words = (await read(request, Find)).words.strip()
        threads = self._screens.threads(request)
        store = self._context.store
        texts = []
        for text in store.search.texts(words, FOUND_AT_ONCE):
            conversation = store.conversations.of(text.line, text.number)
            if conversation is not None:
                texts.append((conversation, self._context.person(text.number), threads.bubbles([text])[0]))
        people = [(one, self._conversation_of(one.number)) for one in self._people(words)]
        return self._screens.page(request, "search.html", words=words, people=people, texts=texts)

    async def new(self, request: WebRequest) -> Response[str]:
        """Somebody to write to."""
        threads = self._screens.threads(request)
        lines = self._context.store.lines.all()
        people = [person(contact.number, contact.name) for contact in self._context.store.peers.contacts()]
        chosen = lines[0].id if lines else b""
        return self._screens.page(request, "new.html", people=people, choices=threads.choices(chosen))

    async def begin(self, request: WebRequest) -> Response[bytes]:
        """Begin a conversation, or go to the one that there is."""
        wanted = await read(request, Begin)
        number = self._context.owner.read_number(wanted.to, self._named(wanted.line))
        if wanted.line is None:
            before = self._conversation_of(number)
            if before is not None:
                return done(Outcome(go=f"#/c/{before.id}"))
        line = self._line(wanted.line)
        return done(Outcome(go=f"#/c/{self._context.book.begin(line, number).id}"))

    async def number(self, request: WebRequest) -> Response[bytes]:
        """Say which number is meant by one that is being typed, before anything is sent there. Asks nobody."""
        wanted = await read(request, Begin)
        language = self._screens.language(request)
        try:
            number = self._context.owner.read_number(wanted.to, self._named(wanted.line))
        except CommandError:
            return done()
        if is_short_code(number):
            return done()  # or the beginning of a number: it would be said after every key
        meant = self._context.person(number)
        said = language.gettext("That is %(number)s") % {"number": meant.pretty}
        return done(Outcome(say=f"{said}, {meant.name}" if meant.known else said))

    async def by_sms(self, request: WebRequest, text: FromPath[int]) -> Response[bytes]:
        """Send a waiting or failed text by SMS."""
        in_doubt = (await read(request, BySms)).in_doubt
        found = self._text(text)
        await self._context.owner.handle(
            ask.SendAsSms(line=self._screens.line_name(found.line), id=found.message_id.hex(), in_doubt=in_doubt)
        )
        return done()

    async def cancel(self, request: WebRequest, text: FromPath[int]) -> Response[bytes]:
        """Take a text back."""
        await read(request, Nothing)
        found = self._text(text)
        await self._context.owner.handle(
            ask.Cancel(line=self._screens.line_name(found.line), id=found.message_id.hex())
        )
        return done()

    async def again(self, request: WebRequest, text: FromPath[int]) -> Response[bytes]:
        """Write a text that failed once more, as a new one."""
        await read(request, Nothing)
        found = self._text(text)
        if found.direction is not Direction.OUT:
            raise CommandError(NO_SUCH_MESSAGE)
        await self._context.owner.handle(
            ask.Send(line=self._screens.line_name(found.line), to=found.number, text=found.text)
        )
        return done()

    async def delete(self, request: WebRequest, text: FromPath[int]) -> Response[bytes]:
        """Forget one text on this phone."""
        await read(request, Nothing)
        gone = self._context.book.delete_message(text)
        conversation = self._context.store.conversations.of(gone.line, gone.number)
        if conversation is not None:
            self._screens.hub.tell(Gone(conversation.id, gone.id))
        return done(Outcome(refresh="list"))

    def _thread(self, request: WebRequest, conversation: Conversation, texts: list[Text]) -> Response[str]:
        threads = self._screens.threads(request)
        peer = self._context.store.peers.find(conversation.line, conversation.number)
        channel = threads.expected(conversation)
        return self._screens.page(
            request,
            "thread.html",
            conversation=conversation,
            person=self._context.person(conversation.number),
            bubbles=threads.bubbles(texts),
            first=texts[0].position if texts else "",
            previous_day="",
            channel=channel.value,
            choices=threads.choices(conversation.line),
            key_changed=peer is not None and peer.key_changed and channel is not Expected.SMS,
            compared=self._context.book.is_compared(conversation.line, conversation.number),
            blocked=self._context.store.regard.is_blocked(conversation.number),
            can_answer=can_be_written_to(conversation.number),
        )

    def _is_first_run(self) -> bool:
        """Whether the owner was never asked: asked once, never again, whatever the answer."""
        lines = self._context.store.lines
        asked = self._context.store.preferences.get(FIRST_RUN) is not None
        return not asked and not any(lines.consents(line.id) for line in lines.all())

    def _people(self, words: str) -> list[Person]:
        wanted = words.casefold()
        digits = "".join(sign for sign in wanted if sign.isdigit())
        if not wanted:
            return []
        known = {contact.number: contact.name for contact in self._context.store.peers.contacts()}
        return [
            person(number, name)
            for number, name in known.items()
            if wanted in name.casefold() or (digits and digits in number)
        ][:FOUND_AT_ONCE]

    def _conversation_of(self, number: str) -> Conversation | None:
        found = self._context.store.conversations.with_number(number)
        return max(found, key=lambda one: one.last_at, default=None)

    def _on_line(self, conversation: Conversation, line: str | None) -> Conversation:
        if line is None or bytes.fromhex(line) == conversation.line:
            return conversation
        return self._context.book.begin(self._line(line), conversation.number)

    def _line(self, line: str | None) -> bytes:
        lines = {one.id for one in self._context.store.lines.all()}
        if line is None and len(lines) == 1:
            return lines.pop()
        if line is None or bytes.fromhex(line) not in lines:
            raise CommandError("choose the line that it goes from")
        return bytes.fromhex(line)

    def _named(self, line: str | None) -> str | None:
        return None if line is None else self._screens.line_name(self._line(line))

    def _text(self, text: int) -> Text:
        found = self._context.store.texts.get(text)
        if found is None:
            raise CommandError(NO_SUCH_MESSAGE)
        return found


def can_be_written_to(number: str) -> bool:
    """Whether a thread's other side can be answered: letters cannot."""
    try:
        read_recipient(number, region=None)
    except CommandError:
        return False
    return True


def _times(parts: int, price: str) -> str:
    """Multiply what one SMS costs, as its owner wrote it down: `0.09 €` or `9 ct`; empty where nothing is known."""
    found = re.search(r"[0-9]+(?:[.,][0-9]+)?", price)
    if found is None or not parts:
        return ""
    digits = found.group()
    comma = "," in digits
    places = len(re.split("[.,]", digits)[1]) if re.search("[.,]", digits) else 0
    total = f"{float(digits.replace(',', '.')) * parts:.{places}f}"
    return price[: found.start()] + (total.replace(".", ",") if comma else total) + price[found.end() :]
