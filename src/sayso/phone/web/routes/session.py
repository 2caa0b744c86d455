"""The empty page, the door through which a session is opened, and what a page is told while it is open."""

import gzip
import re
from collections.abc import Callable
from importlib import resources
from typing import Annotated, Final

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Meta, Struct

from sayso.phone.web.context import THEME
from sayso.phone.web.guard import COOKIE, OPEN_PATH, SHELL
from sayso.phone.web.live import Live
from sayso.phone.web.screens import JSON, Nothing, Outcome, Screens, WebRequest, done, read, session_of
from sayso.phone.web.sessions import Opened

_KINDS: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_PNG: Final = "image/png"
_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.ASCII | re.IGNORECASE)
"""In an Accept-Encoding header: wanted, and not with the weight nought."""
_SHELL: Final = "shell.html"
_SCRIPTS: Final = ("app.js", "kept.js")
_SOON: Final = ", ".join(
    ("</static/app.css>; rel=preload; as=style", *(f"</static/{name}>; rel=modulepreload" for name in _SCRIPTS))
)
"""With the head of the answer, before its body is read: nothing can be painted without the one, or shown without the
others."""
STATIC: Final = ("app.css", *_SCRIPTS, "icons.svg", "icon.svg", "icon-192.png", "icon-512.png")


class OpenSession(Struct, frozen=True, forbid_unknown_fields=True):
    """A one-time code."""

    code: Annotated[str, Meta(max_length=128)]


class SessionRoutes:
    """What is there before anything is shown."""

    def __init__(self, screens: Screens, live: Live) -> None:
        self._screens = screens
        self._screens.pages.prepare(_SHELL)
        self._live = live
        folder = resources.files("sayso.phone.web").joinpath("static")
        self._static = {name: folder.joinpath(name).read_bytes() for name in STATIC}
        # Only what is the same for everybody is compressed: the length of what is private would tell of it.
        self._gzipped = {
            name: gzip.compress(content, mtime=0)
            for name, content in self._static.items()
            if name.rpartition(".")[2] in _KINDS
        }

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            get(SHELL)(self.shell),
            post(OPEN_PATH, status_code=200)(self.open),
            post("/session/tab", status_code=200)(self.another_tab),
            post("/session/lock", status_code=200)(self.lock),
            get("/manifest.webmanifest")(self.manifest),
            get("/static/{name:str}")(self.static),
            get("/events")(self.events),
        ]

    async def shell(self, request: WebRequest) -> Response[str]:
        """The page without anything in it: the same for whoever asks."""
        language = self._screens.language(request)
        words = msgspec.json.encode(_words(language.gettext)).decode()
        theme = self._screens.context.store.preferences.get(THEME) or ""
        page = self._screens.page(request, _SHELL, words=words, theme=theme)
        page.headers["link"] = _SOON
        return page

    async def open(self, request: WebRequest) -> Response[bytes]:
        """Open a session with a one-time code."""
        code = (await read(request, OpenSession)).code
        opened = self._screens.context.sessions.open(code)
        self._screens.context.desk.tidy()
        return with_session(done(Outcome(tab=opened.tab)), opened)

    async def another_tab(self, request: WebRequest) -> Response[bytes]:
        """Give one more tab its secret; the tab that asks hands it over."""
        await read(request, Nothing)
        return done(Outcome(tab=self._screens.context.sessions.another_tab(session_of(request))))

    async def lock(self, request: WebRequest) -> Response[bytes]:
        """End every session."""
        await read(request, Nothing)
        self._screens.context.desk.lock()
        return done()

    async def manifest(self, request: WebRequest) -> Response[bytes]:
        """What an installed app needs to know."""
        translate = self._screens.language(request).gettext
        icons = [
            {"src": f"/static/icon-{size}.png", "sizes": f"{size}x{size}", "type": _PNG, "purpose": "any"}
            for size in (192, 512)
        ]
        manifest = {
            "name": f"Sayso {translate('Messages')}",
            "short_name": translate("Messages"),
            "id": "/",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f6f5f2",
            "theme_color": "#1f5f5b",
            "icons": [*icons, {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"}],
            "protocol_handlers": [
                {"protocol": "sms", "url": "/#/link/%s"},
                {"protocol": "tel", "url": "/#/link/%s"},
            ],
            "shortcuts": [{"name": translate("New message"), "url": "/#/new"}],
        }
        return Response(msgspec.json.encode(manifest), media_type="application/manifest+json")

    async def static(self, request: WebRequest, name: FromPath[str]) -> Response[bytes]:
        """A file of the app."""
        content = self._static.get(name)
        if content is None:
            return Response(b'{"error":"there is no such file"}', media_type=JSON, status_code=404)
        kind = _KINDS.get(name.rpartition(".")[2], _PNG)
        if name not in self._gzipped:
            return Response(content, media_type=kind)
        headers = {"Vary": "Accept-Encoding"}
        if _GZIP.search(request.headers.get("accept-encoding", "")):
            content = self._gzipped[name]
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type=kind, headers=headers)

    async def events(self, request: WebRequest) -> Stream:
        """Tell what happens, for as long as the session is open."""
        stream = self._live.stream(session_of(request), self._screens.language(request))
        return Stream(stream, media_type="text/event-stream")


def with_session(response: Response[bytes], opened: Opened) -> Response[bytes]:
    """Put a session's cookie on an answer: for this host name, out of reach of scripts and of other sites."""
    response.set_cookie(COOKIE, opened.cookie, path="/", httponly=True, secure=True, samesite="strict")
    return response


def _words(_: Callable[[str], str]) -> dict[str, str]:
    """Return what the script says by itself, translated."""
    return {
        "again": _("The phone answers again."),
        "choose": _("Choose a conversation, or begin one."),
        "copied": _("Copied."),
        "copy": _("Copy"),
        "delete": _("Delete"),
        "deleteAsk": _("Delete this message?"),
        "deleteText": _("It goes from this phone only. The other person keeps it."),
        "failed": _("That did not work. Try again."),
        "left": _("%(left)d left, %(parts)d SMS"),
        "link": _("This link was used already, or is older than a minute."),
        "locked": _("Sayso was locked."),
        "more": _("Show all of it"),
        "recalling": _("They are taken back first: ten seconds at most."),
        "title": _("Messages"),
    }
