"""Stands before every handler of the web app, and lets nothing through by default.

In this order: the Host header is our own random name (DNS rebinding); `Sec-Fetch-Site` and `Origin` are ours (other
sites, other ports); cookie and tab header belong to an open session. What may be seen without a session is listed in
`PUBLIC`: the empty page, its style, script and icons, and the one door through which a session is opened. A handler
that is added tomorrow is behind the session without anybody thinking of it.

The answers carry the headers that make a browser strict, whatever handler wrote them.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

import msgspec

from sayso.phone.errors import SessionError
from sayso.phone.web.address import Address
from sayso.phone.web.sessions import Session, Sessions

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE: Final = "__Host-sayso"
TAB_HEADER: Final = "x-sayso-tab"
SHELL: Final = "/"
OPEN_PATH: Final = "/session/open"
PUBLIC: Final = frozenset({SHELL, OPEN_PATH, "/manifest.webmanifest"})
PUBLIC_FOLDER: Final = "/static/"
BY_ITSELF: Final = frozenset({"/events"})
"""What a page asks for without its person doing anything."""
SESSION_KEY: Final = "sayso.session"
BODY_BYTES: Final = 4 * 1024 * 1024
"""A vCard file of a few thousand contacts."""

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types sayso"
)
HEADERS: Final = (
    ("content-security-policy", CSP),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()",
    ),
)
_SAFE: Final = frozenset({"GET", "HEAD"})
_OURS: Final = frozenset(name.encode() for name, _ in HEADERS)


class _RefusedError(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class Guard:
    """The one way into the web app."""

    def __init__(self, app: App, *, address: Address, sessions: Sessions) -> None:
        """Stand before `app`."""
        self._app = app
        self._address = address
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no WebSocket is spoken here; uvicorn closes it

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [field for field in message.get("headers", ()) if bytes(field[0]).lower() not in _OURS]
                message["headers"] = [*kept, *((name.encode(), value.encode()) for name, value in HEADERS)]
            await send(message)

        try:
            session = self._admit(scope)
        except _RefusedError as error:
            await _refuse(send_strictly, error)
            return
        scope.setdefault("state", {})[SESSION_KEY] = session
        await self._app(scope, receive, send_strictly)

    def _admit(self, scope: Scope) -> Session | None:
        """Return the session that a request belongs to; None for what is public.

        Raises:
            _RefusedError: it does not come from our own page.
        """
        fields = [
            (bytes(name).lower().decode("latin-1"), bytes(value).decode("latin-1")) for name, value in scope["headers"]
        ]
        hosts = [value for name, value in fields if name == "host"]
        if hosts != [self._address.authority]:
            raise _RefusedError(421, "this is not the name under which the phone's web app is served")
        method, path = str(scope["method"]), str(scope["path"])
        if scope.get("query_string"):
            raise _RefusedError(400, "nothing is asked for in a URL's query here")
        self._check_site(method, path, fields)
        if path in PUBLIC or path.startswith(PUBLIC_FOLDER):
            return None
        try:
            return self._sessions.check(_cookie(fields), _only(fields, TAB_HEADER), by_person=path not in BY_ITSELF)
        except SessionError as error:
            raise _RefusedError(401, str(error)) from error

    def _check_site(self, method: str, path: str, fields: Iterable[tuple[str, str]]) -> None:
        fields = list(fields)
        origins = [value for name, value in fields if name == "origin"]
        if any(origin != self._address.origin for origin in origins):
            raise _RefusedError(403, "this came from another page")
        site = _only(fields, "sec-fetch-site")
        if site not in {"", "same-origin"} and not _is_navigation(method, path, fields):
            raise _RefusedError(403, "this came from another page")
        if method in _SAFE:
            return
        if method != "POST":
            raise _RefusedError(405, "there is GET and POST")
        if not origins:
            raise _RefusedError(403, "a page says where it comes from")
        if _only(fields, "content-type").partition(";")[0].strip().lower() != "application/json":
            raise _RefusedError(415, "what is sent here is JSON")


def _is_navigation(method: str, path: str, fields: Iterable[tuple[str, str]]) -> bool:
    """Whether somebody goes to the empty page, from the command line or a bookmark: nobody's data is in it."""
    fields = list(fields)
    mode, destination = _only(fields, "sec-fetch-mode"), _only(fields, "sec-fetch-dest")
    return method == "GET" and path == SHELL and mode == "navigate" and destination == "document"


def _only(fields: Iterable[tuple[str, str]], name: str) -> str:
    """Return a header that is there once, else an empty text."""
    found = [value for one, value in fields if one == name]
    return found[0] if len(found) == 1 else ""


def _cookie(fields: Iterable[tuple[str, str]]) -> str:
    try:
        jar = SimpleCookie(_only(fields, "cookie"))
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


async def _refuse(send: Send, error: _RefusedError) -> None:
    body = msgspec.json.encode({"error": error.error})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
