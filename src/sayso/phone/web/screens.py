"""What all handlers share: the language of a request, HTML and JSON answers, bodies read strictly."""

from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from litestar import Request, Response
from litestar.status_codes import HTTP_200_OK
from msgspec import Struct

from sayso.phone.adapters.store.conversations import Conversation
from sayso.phone.errors import CommandError, PhoneError
from sayso.phone.web.context import LANGUAGE, Context
from sayso.phone.web.guard import SESSION_KEY
from sayso.phone.web.languages import Language, asked_for
from sayso.phone.web.live import Hub
from sayso.phone.web.render import Pages
from sayso.phone.web.sessions import Session
from sayso.phone.web.threads import Threads

BodyT = TypeVar("BodyT", bound=Struct)
WebRequest = Request[None, None, dict[str, object]]  # type: ignore[type-var]  # no user, no auth: the guard's session
HTML: Final = "text/html"
JSON: Final = "application/json"


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """A body without parameters."""


class BadBodyError(PhoneError):
    """A body that no page of ours sends."""


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a page does after something was done."""

    go: str = ""
    """Where to, as a fragment: `#/c/7`."""
    say: str = ""
    """A sentence that is shown for a moment."""
    refresh: str = ""
    """What looks again: `list`, `main`, `all`."""
    tab: str = ""
    """A fresh secret for this tab."""
    html: str = ""
    """In place of what the main pane shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screens:
    """One phone's screens."""

    context: Context
    pages: Pages
    hub: Hub

    def language(self, request: WebRequest) -> Language:
        """Return the language that the owner chose, or the browser asks for."""
        chosen = self.context.store.preferences.get(LANGUAGE)
        if chosen not in self.context.languages:
            chosen = asked_for(request.headers.get("accept-language", ""))
        return self.context.languages[chosen or "en"]

    def page(self, request: WebRequest, template: str, **values: object) -> Response[str]:
        """Answer with a filled template."""
        return Response(self.pages.render(template, self.language(request), **values), media_type=HTML)

    def threads(self, request: WebRequest) -> Threads:
        """Return what makes threads ready to be shown."""
        return Threads(self.context, self.language(request))

    def conversation(self, conversation: int) -> Conversation:
        """Return a thread by its id.

        Raises:
            CommandError: there is none.
        """
        found = self.context.store.conversations.get(conversation)
        if found is None:
            raise CommandError("there is no such conversation; it may have been deleted meanwhile")
        return found

    def line_name(self, line: bytes) -> str:
        """Return the name that commands call a line by."""
        return self.context.store.lines.get(line).name


def done(outcome: Outcome | None = None) -> Response[bytes]:
    """Answer that something was done."""
    return Response(msgspec.json.encode(outcome or Outcome()), media_type=JSON, status_code=HTTP_200_OK)


async def read(request: WebRequest, kind: type[BodyT]) -> BodyT:
    """Read a body, strictly.

    Raises:
        BadBodyError: it is another one; what exactly is not said, since it would be repeated.
    """
    return decode(await request.body(), kind)


def decode(body: bytes, kind: type[BodyT]) -> BodyT:
    """Decode a body; as `read`. Raises BadBodyError."""
    try:
        return msgspec.json.decode(body, type=kind, strict=True)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadBodyError("this is not what the page should have sent; load it again") from error


def session_of(request: WebRequest) -> Session:
    """Return the session that the guard has found."""
    session = request.scope["state"][SESSION_KEY]
    if not isinstance(session, Session):
        raise TypeError("a handler behind the guard has a session")
    return session
