"""httpcore's way to the network: every connection is one that the gate opened.

httpcore is told that the origin is plain http; whether TLS is spoken is settled here, when the connection is opened.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Final

import httpcore
from httpcore import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream

from sayso.consent.gate import Connection, Gate

PURPOSE: Final = "requests"
"""What the journal says of these connections."""
IDLE_S: Final = 3.0
"""Idle connections go before common servers close them (5 s): a request must not meet a closing one."""


class GateBackend(AsyncNetworkBackend):
    """Opens httpcore's connections through a gate."""

    def __init__(self, gate: Gate, *, tls: ssl.SSLContext | None) -> None:
        self._gate = gate
        self._tls = tls

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,  # noqa: ARG002  httpcore's signature
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002  httpcore's signature
    ) -> AsyncNetworkStream:
        """Connect.

        Raises:
            GateClosedError: no consent covers it.
            httpcore.ConnectError: nobody answers, or TLS fails.
        """
        try:
            async with asyncio.timeout(timeout):
                connection, reader, writer = await self._gate.open_stream(host, port, purpose=PURPOSE, tls=self._tls)
        # UnicodeError: a host name that cannot be looked up.
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the server does not answer") from error
        return _GateStream(connection, reader, writer)


class _GateStream(AsyncNetworkStream):
    def __init__(self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connection = connection
        self._reader = reader
        self._writer = writer
        self._rest: asyncio.TimerHandle | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  httpcore's signature
        self._awake()
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except OSError as error:
            raise httpcore.ReadError("the connection to the server is gone") from error
        finally:
            # httpcore drops an idle connection only when it is asked for the next one, which may be days later.
            self._rest = asyncio.get_running_loop().call_later(IDLE_S, self._let_go)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  httpcore's signature
        self._awake()
        if self._writer.is_closing():  # uvloop raises a RuntimeError of its own then
            raise httpcore.WriteError("the connection to the server is gone")
        try:
            self._writer.write(buffer)
            async with asyncio.timeout(timeout):
                await self._writer.drain()
        except OSError as error:
            raise httpcore.WriteError("the connection to the server is gone") from error

    async def aclose(self) -> None:
        self._awake()
        self._let_go()

    def get_extra_info(self, info: str) -> object:
        # `is_readable` is how httpcore finds out that an idle connection is of no use any more.
        if info == "is_readable":
            return self._reader.at_eof() or self._writer.is_closing()
        return None

    def _awake(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _let_go(self) -> None:
        # Aborted, not closed: a server that never reads would keep a polite close waiting for ever.
        self._connection.finish()
        self._writer.transport.abort()
