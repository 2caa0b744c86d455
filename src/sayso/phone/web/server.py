"""Listens on loopback and serves the web app: uvicorn in the phone's own event loop.

Both loopbacks are taken, or neither: browsers try `[::1]` too for a name below `.localhost`, and whoever held our port
there would be asked in our place.
"""

import asyncio
import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from sayso.phone.errors import WebAppError
from sayso.phone.web.guard import App

IPV4: Final = "127.0.0.1"
IPV6: Final = "::1"
_TRIES: Final = 20
_NO_IPV6: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENOENT})
_BACKLOG: Final = 64
_CONNECTIONS: Final = 64


class Listener:
    """Ports that are taken, and not yet answered."""

    def __init__(self, servers: list[asyncio.Server], port: int) -> None:
        self.port: Final = port
        self._servers = servers
        self._make: Callable[[], asyncio.Protocol] | None = None

    @classmethod
    async def bind(cls, wanted: int | None) -> "Listener":
        """Take a port on both loopbacks: the wanted one, or any.

        Raises:
            WebAppError: none is free.
        """
        for port in [*([] if wanted is None else [wanted]), *[0] * _TRIES]:
            listener = await cls._try(port)
            if listener is not None:
                return listener
        raise WebAppError("the web app finds no free port on this machine; stop what holds them all")

    @classmethod
    async def _try(cls, port: int) -> "Listener | None":
        loop = asyncio.get_running_loop()
        listener: Listener | None = None

        def make() -> asyncio.Protocol:
            if listener is None or listener._make is None:
                raise RuntimeError("a connection before anything is served")
            return listener._make()

        try:
            first = await loop.create_server(make, IPV4, port, backlog=_BACKLOG, start_serving=False)
        except OSError:
            return None
        taken: int = first.sockets[0].getsockname()[1]
        servers = [first]
        try:
            servers.append(await loop.create_server(make, IPV6, taken, backlog=_BACKLOG, start_serving=False))
        except OSError as error:
            if error.errno not in _NO_IPV6:
                first.close()
                return None
        listener = cls(servers, taken)
        return listener

    async def start(self, make: Callable[[], asyncio.Protocol]) -> list[asyncio.Server]:
        """Answer from now on; `make` makes the protocol of a connection."""
        self._make = make
        for server in self._servers:
            await server.start_serving()
        return self._servers

    def close(self) -> None:
        """Give the port back."""
        for server in self._servers:
            server.close()


class HttpServer(uvicorn.Server):
    """uvicorn on a listener of ours, without its signal handlers (stopping is the app's business)."""

    def __init__(self, app: App, listener: Listener) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=1,
                limit_concurrency=_CONNECTIONS,
            )
        )
        self._listener = listener
        self.listening: Final = asyncio.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Listen."""
        del sockets
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise WebAppError("the web app does not start; this is an error of Sayso's")

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # uvicorn's own way
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        self.servers = list(await self._listener.start(protocol))
        self.started = True
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone."""
        yield
