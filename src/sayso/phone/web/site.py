"""Puts the web app together: handlers, the guard before them, the listener, and the run of it all."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import msgspec
import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from sayso.phone.errors import SessionError
from sayso.phone.ports import Random
from sayso.phone.web.address import Address, random_host
from sayso.phone.web.context import Context
from sayso.phone.web.guard import BODY_BYTES, App, Guard
from sayso.phone.web.live import Hub, Live
from sayso.phone.web.render import Pages
from sayso.phone.web.routes.messages import MessageRoutes
from sayso.phone.web.routes.people import PeopleRoutes
from sayso.phone.web.routes.privacy import PrivacyRoutes
from sayso.phone.web.routes.session import SessionRoutes
from sayso.phone.web.routes.settings import SettingRoutes
from sayso.phone.web.routes.updates import UpdateRoutes
from sayso.phone.web.screens import JSON, BadBodyError, Screens
from sayso.phone.web.server import HttpServer, Listener
from sayso.protocol.errors import SaysoError

_HOST: Final = "web-host"
_PORT: Final = "web-port"
_LOG: Final = structlog.get_logger()
AnyRequest = Request[Any, Any, Any]


@dataclass(slots=True)
class Site:
    """The web app of one phone."""

    context: Context
    random: Random
    hub: Hub = field(default_factory=Hub)
    address: Address | None = None
    """Where it is found, while it is served."""

    async def run(self, *, ready: asyncio.Event) -> None:
        """Serve until cancelled.

        Raises:
            WebAppError: there is no port.
        """
        behind = site_app(self.context, self.hub)
        listener = await self._listen()
        app = Guard(behind, address=self._known(), sessions=self.context.sessions)
        server = HttpServer(app, listener)
        forget = self.context.sessions.on_end(self.hub.look)
        async with asyncio.TaskGroup() as tasks:
            hearing = tasks.create_task(self.hub.run(self.context.owner))
            serving = tasks.create_task(server.serve())
            try:
                await server.listening.wait()
                ready.set()
                await asyncio.Event().wait()
            finally:
                forget()
                self.address = None
                self.hub.stop()
                server.should_exit = True
                hearing.cancel()
                await asyncio.shield(serving)

    async def _listen(self) -> Listener:
        preferences = self.context.store.preferences
        port, host = preferences.get(_PORT), preferences.get(_HOST)
        listener = await Listener.bind(None if port is None else int(port))
        if host is not None and port == str(listener.port):
            self.context.sessions.resume()
        else:
            # Whoever has our old port now was sent the cookie by any tab that was still open: nothing goes on there.
            host = random_host(self.random)
            with self.context.store.transaction("web-address"):
                preferences.put(_HOST, host)
                preferences.put(_PORT, str(listener.port))
            self.context.sessions.end_all()
        self.address = Address(host=host, port=listener.port)
        return listener

    def _known(self) -> Address:
        if self.address is None:
            raise LookupError("nothing is served yet")
        return self.address


def site_routes(context: Context, hub: Hub) -> Iterable[HTTPRouteHandler]:
    """Return every handler of the web app."""
    pages = Pages(context.languages)
    screens = Screens(context=context, pages=pages, hub=hub)
    for part in (
        SessionRoutes(screens, Live(context, pages, hub)),
        MessageRoutes(screens),
        PeopleRoutes(screens),
        SettingRoutes(screens),
        PrivacyRoutes(screens),
        UpdateRoutes(screens),
    ):
        yield from part.routes()


def site_app(context: Context, hub: Hub) -> App:
    """Make the application that stands behind the guard. It logs no request."""
    app = Litestar(
        [*site_routes(context, hub)],
        exception_handlers={
            BadBodyError: _bad_body,
            SessionError: _no_session,
            SaysoError: _not_possible,
            HTTPException: _http_error,
            Exception: _internal,
        },
        request_max_body_size=BODY_BYTES,
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )
    return cast("App", app)  # the same thing under Litestar's own names for ASGI's types


def _error(status: int, sentence: str) -> Response[bytes]:
    return Response(msgspec.json.encode({"error": sentence}), media_type=JSON, status_code=status)


def _bad_body(_: AnyRequest, error: BadBodyError) -> Response[bytes]:
    return _error(400, str(error))


def _no_session(_: AnyRequest, error: SessionError) -> Response[bytes]:
    return _error(401, str(error))


def _not_possible(_: AnyRequest, error: SaysoError) -> Response[bytes]:
    return _error(409, str(error))


def _http_error(_: AnyRequest, error: HTTPException) -> Response[bytes]:
    return _error(error.status_code, "there is no such page" if error.status_code == 404 else "this was not understood")  # noqa: PLR2004  not found


def _internal(_: AnyRequest, error: Exception) -> Response[bytes]:
    # Its message may hold a text or a number; its type does not.
    _LOG.error("web-handler-failed", error=type(error).__name__)
    return _error(500, "this is an error of Sayso's; nothing was changed by it, as far as it could be undone")
