"""Contacts; and of a conversation: its person, blocking, comparing keys, exporting, deleting."""

from typing import Annotated, Any, Final, Literal

import msgspec
import segno
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Meta, Struct

from sayso.phone import command_types as ask
from sayso.phone.adapters.store.conversations import Conversation
from sayso.phone.core.recipient import read_recipient
from sayso.phone.core.texts import Direction, Text
from sayso.phone.errors import CommandError
from sayso.phone.line.outgoing import cloud_number
from sayso.phone.web import times
from sayso.phone.web.address_book import take_over
from sayso.phone.web.guard import BODY_BYTES
from sayso.phone.web.live import Gone
from sayso.phone.web.people import person
from sayso.phone.web.screens import JSON, Nothing, Outcome, Screens, WebRequest, done, read
from sayso.protocol.limits import LIMITS

_AT_ONCE: Final = 500
SAFETY_PREFIX: Final = "sayso:safety:1:"
"""What the QR code says before the sixty digits."""


class Name(Struct, frozen=True, forbid_unknown_fields=True):
    """A name for a number."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    number: Annotated[str, Meta(min_length=1, max_length=64)]


class ForWhom(Struct, frozen=True, forbid_unknown_fields=True):
    """A number."""

    number: Annotated[str, Meta(min_length=1, max_length=64)]


class Rename(Struct, frozen=True, forbid_unknown_fields=True):
    """A name for a conversation's other side; empty: none any more."""

    name: Annotated[str, Meta(max_length=200)]


class Import(Struct, frozen=True, forbid_unknown_fields=True):
    """A vCard file."""

    file: Annotated[str, Meta(max_length=BODY_BYTES)]


class GiveFallback(Struct, frozen=True, forbid_unknown_fields=True):
    """A fallback policy, as a form has it; `undelivered` empty: the line's own."""

    undelivered: Literal["", "never", "ask", "after"]
    unreachable: Literal["", "never", "ask", "after"] = ""
    undelivered_after_min: Annotated[str, Meta(pattern=r"^[0-9]{1,5}\Z")] = "10"
    unreachable_after_min: Annotated[str, Meta(pattern=r"^[0-9]{1,5}\Z")] = "10"


class Same(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the digits were the same on both phones."""

    same: bool


class PeopleRoutes:
    """People, and what is decided about them."""

    def __init__(self, screens: Screens) -> None:
        self._screens = screens
        self._context = screens.context

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            get("/contacts")(self.contacts),
            post("/contacts", status_code=200)(self.add),
            post("/contacts/delete", status_code=200)(self.delete_contact),
            post("/contacts/import", status_code=200)(self.import_file),
            post("/unblock", status_code=200)(self.unblock_number),
            get("/c/{conversation:int}/about")(self.about),
            post("/c/{conversation:int}/fallback", status_code=200)(self.fallback),
            post("/c/{conversation:int}/name", status_code=200)(self.name),
            post("/c/{conversation:int}/block", status_code=200)(self.block),
            post("/c/{conversation:int}/unblock", status_code=200)(self.unblock),
            post("/c/{conversation:int}/delete", status_code=200)(self.delete),
            get("/c/{conversation:int}/safety")(self.safety),
            post("/c/{conversation:int}/safety", status_code=200)(self.compared),
            get("/c/{conversation:int}/export/text")(self.export_text),
            get("/c/{conversation:int}/export/json")(self.export_json),
        ]

    async def contacts(self, request: WebRequest) -> Response[str]:
        """The address book, and who is blocked."""
        store = self._context.store
        return self._screens.page(
            request,
            "contacts.html",
            people=[person(contact.number, contact.name) for contact in store.peers.contacts()],
            blocked=[self._context.person(number) for number in store.regard.blocked()],
        )

    async def add(self, request: WebRequest) -> Response[bytes]:
        """Write down a contact. Asks nobody about it."""
        wanted = await read(request, Name)
        name = wanted.name.strip() or wanted.name
        await self._context.owner.handle(ask.AddContact(name=name, number=wanted.number))
        return done(Outcome(refresh="all"))

    async def delete_contact(self, request: WebRequest) -> Response[bytes]:
        """Take a name out of the address book."""
        self._context.book.forget_contact((await read(request, ForWhom)).number)
        return done(Outcome(refresh="all"))

    async def import_file(self, request: WebRequest) -> Response[bytes]:
        """Take names and numbers from a vCard file; those that are no numbers are counted, and left out."""
        found = await take_over(self._context.owner, (await read(request, Import)).file)
        taken, left_out = found.taken, found.left_out
        language = self._screens.language(request)
        said = language.ngettext("%(num)d contact taken over.", "%(num)d contacts taken over.", taken) % {"num": taken}
        if left_out:
            said += " " + language.ngettext(
                "%(num)d was left out: no number that can be written to.",
                "%(num)d were left out: no numbers that can be written to.",
                left_out,
            ) % {"num": left_out}
        return done(Outcome(refresh="all", say=said))

    async def about(self, request: WebRequest, conversation: FromPath[int]) -> Response[str]:
        """A conversation's other side, and what is decided about it."""
        found = self._screens.conversation(conversation)
        threads = self._screens.threads(request)
        policy: ask.Answer | None = None
        if cloud_number(found.number):
            policy = await self._context.owner.handle(
                ask.GetFallback(line=threads.line_name(found.line), number=found.number)
            )
        return self._screens.page(
            request,
            "about.html",
            policy=policy,
            conversation=found,
            person=self._context.person(found.number),
            channel=threads.expected(found).value,
            line=threads.line_name(found.line),
            compared=self._context.book.is_compared(found.line, found.number),
            has_keys=self._context.book.safety(found.line, found.number) is not None,
            blocked=self._context.store.regard.is_blocked(found.number),
        )

    async def fallback(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """What becomes of texts here that do not arrive by cloud."""
        found = self._screens.conversation(conversation)
        policy = fallback_of(await read(request, GiveFallback))
        line = self._screens.line_name(found.line)
        await self._context.owner.handle(ask.SetFallback(line=line, number=found.number, fallback=policy))
        return done(Outcome(refresh="all"))

    async def name(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """Give the other side a name, or take it away."""
        found = self._screens.conversation(conversation)
        name = (await read(request, Rename)).name.strip()
        if name:
            await self._context.owner.handle(
                ask.AddContact(name=name, number=read_recipient(found.number, region=None))
            )
        else:
            self._context.book.forget_contact(found.number)
        return done(Outcome(refresh="all"))

    async def block(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """Block the other side."""
        await read(request, Nothing)
        self._context.book.block(self._screens.conversation(conversation).number)
        return done(Outcome(refresh="all"))

    async def unblock(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """Take the block back."""
        await read(request, Nothing)
        self._context.book.unblock(self._screens.conversation(conversation).number)
        return done(Outcome(refresh="all"))

    async def unblock_number(self, request: WebRequest) -> Response[bytes]:
        """Take the block of a number back."""
        self._context.book.unblock((await read(request, ForWhom)).number)
        return done(Outcome(refresh="all"))

    async def delete(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """Forget a conversation on this phone."""
        await read(request, Nothing)
        found = self._screens.conversation(conversation)
        self._context.book.delete_thread(found.line, found.number)
        self._screens.hub.tell(Gone(found.id))
        return done(Outcome(go="#/", refresh="list"))

    async def safety(self, request: WebRequest, conversation: FromPath[int]) -> Response[str]:
        """The safety number, as digits and as a QR code."""
        found = self._screens.conversation(conversation)
        digits = self._context.book.safety(found.line, found.number)
        return self._screens.page(
            request,
            "safety.html",
            conversation=found,
            person=self._context.person(found.number),
            digits=digits or (),
            code=None if digits is None else qr_path(SAFETY_PREFIX + "".join(digits)),
            compared=self._context.book.is_compared(found.line, found.number),
        )

    async def compared(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """Note that the owner compared the digits."""
        found = self._screens.conversation(conversation)
        same = (await read(request, Same)).same
        self._context.book.note_compared(found.line, found.number, same=same)
        return done(Outcome(refresh="all"))

    async def export_text(self, request: WebRequest, conversation: FromPath[int]) -> Response[bytes]:
        """A conversation as text."""
        found = self._screens.conversation(conversation)
        language = self._screens.language(request)
        name = self._context.person(found.number).name
        lines = []
        for text in self._all(found):
            who = {Direction.OUT: language.gettext("You"), Direction.IN: name}.get(text.direction, "Sayso")
            moment = times.at(text.at, self._context.zone)
            lines.append(f"[{moment.isoformat(' ', 'seconds')}] {who} ({text.channel}, {text.state}): {text.text}\n")
        return _download("".join(lines).encode(), "text/plain", "conversation.txt")

    async def export_json(self, conversation: FromPath[int]) -> Response[bytes]:
        """A conversation for programs."""
        found = self._screens.conversation(conversation)
        document: dict[str, Any] = {
            "schema_version": "sayso-conversation-1",
            "line": self._screens.line_name(found.line),
            "number": found.number,
            "messages": [
                {
                    "id": text.message_id.hex(),
                    "direction": text.direction.value,
                    "channel": text.channel.value,
                    "state": text.state,
                    "at": text.at,
                    "text": text.text,
                }
                for text in self._all(found)
            ],
        }
        return _download(msgspec.json.format(msgspec.json.encode(document)), JSON, "conversation.json")

    def _all(self, conversation: Conversation) -> list[Text]:
        pages: list[list[Text]] = []
        before: float | None = None
        while page := self._context.store.conversations.page(conversation, _AT_ONCE, before=before):
            pages.append(page)
            before = page[0].position
        return [text for page in reversed(pages) for text in page]


def fallback_of(given: GiveFallback) -> ask.Fallback | None:
    """Read a policy from a form.

    Raises:
        CommandError: so many minutes cannot be.
    """
    if not given.undelivered:
        return None
    most = LIMITS.ttl_max_s // 60
    minutes = [int(text) for text in (given.undelivered_after_min, given.unreachable_after_min)]
    if not all(1 <= one <= most for one in minutes):
        raise CommandError(f"choose from 1 to {most} minutes")
    return ask.Fallback(
        undelivered=given.undelivered,
        undelivered_after_min=minutes[0],
        unreachable=given.unreachable or given.undelivered,
        unreachable_after_min=minutes[1],
    )


def qr_path(content: str) -> tuple[int, str]:
    """Return a QR code as the side of its square and the `d` of an SVG path, one unit for each module."""
    matrix = segno.make_qr(content, error="m").matrix
    quiet = 4
    rows = (
        f"M{x + quiet} {y + quiet}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if module & 1
    )
    return len(matrix) + 2 * quiet, "".join(rows)


def _download(content: bytes, kind: str, name: str) -> Response[bytes]:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
