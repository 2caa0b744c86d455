"""The gate: the one place in Sayso that opens a connection on a person's behalf.

A `Gate` cannot be made without a `VerifiedConsent`, reaches nothing but the host that the record names, and once shut
never opens again: the next yes makes another record, and so another gate. The lint rule `scripts/check_gate.py` refuses
sockets, resolvers and clients anywhere else in the phone; the silence test shows the same on packets.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from sayso.consent.errors import GateClosedError
from sayso.consent.ports import Attempt, Journal
from sayso.consent.records import VerifiedConsent

_CONNECT_S: Final = 15.0
_TCP_INFO_BYTES: Final = 192
_TCP_INFO_COUNTERS: Final = struct.Struct("=QQ")
_TCP_INFO_OFFSET: Final = 120
"""`tcpi_bytes_acked` and `tcpi_bytes_received` in Linux's struct tcp_info."""
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing resets the connection instead of finishing what is queued."""
_DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def place_of(url: str) -> tuple[str, int, bool]:
    """Return host, port and whether TLS is used, of an http, https, ws or wss URL.

    Raises:
        GateClosedError: no such URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise GateClosedError(
            "a server's address is written like https://chat.example or http://127.0.0.1:8080"
        ) from error
    if not parts.hostname or parts.username or parts.password:
        raise GateClosedError("a server's address has a host name, and no user name or password")
    return parts.hostname, port, parts.scheme in {"https", "wss"}


class Connection:
    """A connected socket, and the bookkeeping that goes with it. Whoever uses it calls `finish` when done."""

    def __init__(self, sock: socket.socket, finished: Callable[["Connection", int, int], None]) -> None:
        self.socket: Final = sock
        """Non-blocking and connected; the library that is given it closes it."""
        self._watch = socket.socket(fileno=os.dup(sock.fileno()))
        self._finished = finished

    def reset(self) -> None:
        """End the connection at once: nothing queued is sent any more."""
        with contextlib.suppress(OSError):
            self._watch.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._watch.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """Write the byte counts into the journal and let go. Idempotent."""
        if self._watch.fileno() < 0:
            return
        sent = received = 0
        with contextlib.suppress(OSError, struct.error):
            info = self._watch.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            sent, received = _TCP_INFO_COUNTERS.unpack_from(info, _TCP_INFO_OFFSET)
        self._watch.close()
        self._finished(self, sent, received)


class Gate:
    """Opens connections that one consent covers."""

    def __init__(self, consent: VerifiedConsent, *, journal: Journal, now: Callable[[], float]) -> None:
        """Make a gate.

        Args:
            consent: a checked consent record; its `server` is the only place this gate reaches.
            journal: where each connection is written down before its first packet.
            now: wall clock, Unix seconds.
        """
        self._host, _, _ = place_of(consent.record.server)
        self._journal = journal
        self._now = now
        self._open: dict[Connection, int] = {}
        self._shut = False

    @property
    def is_shut(self) -> bool:
        """Whether `shut` was called."""
        return self._shut

    async def connect(self, host: str, port: int, *, purpose: str) -> Connection:
        """Open a TCP connection.

        Args:
            host: has to be the host of the consent record; its port may differ (the stream has its own).
            port: 1-65535.
            purpose: why, for the journal.

        Raises:
            GateClosedError: the consent does not cover this host, or the gate is shut.
            OSError: nobody answers there.
        """
        self._check(host)
        number = self._journal.opened(Attempt(at=self._now(), host=host, port=port, purpose=purpose))
        sock: socket.socket | None = None
        try:
            async with asyncio.timeout(_CONNECT_S):
                sock = await self._dial(host, port)
            self._check(host)
        except BaseException:
            if sock is not None:
                sock.close()
            self._journal.closed(number, sent_bytes=0, received_bytes=0)
            raise
        connection = Connection(sock, self._finished)
        self._open[connection] = number
        return connection

    async def open_stream(
        self, host: str, port: int, *, purpose: str, tls: ssl.SSLContext | None = None
    ) -> tuple[Connection, asyncio.StreamReader, asyncio.StreamWriter]:
        """Like `connect`, as a pair of asyncio streams, inside TLS if a context is given."""
        connection = await self.connect(host, port, purpose=purpose)
        try:
            reader, writer = await asyncio.open_connection(
                sock=connection.socket, ssl=tls, server_hostname=host if tls else None
            )
        except BaseException:
            connection.finish()
            connection.socket.close()
            raise
        return connection, reader, writer

    def shut(self) -> None:
        """Shut for good, and reset what is open."""
        self._shut = True
        for connection in list(self._open):
            connection.reset()

    def _check(self, host: str) -> None:
        if self._shut:
            raise GateClosedError("cloud messaging is off for this line")
        if host != self._host:
            raise GateClosedError("the consent does not cover this server")

    async def _dial(self, host: str, port: int) -> socket.socket:
        loop = asyncio.get_running_loop()
        failure: OSError = OSError("the server's name has no address")
        for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            self._check(host)
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            try:
                await loop.sock_connect(sock, address)
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise failure

    def _finished(self, connection: Connection, sent: int, received: int) -> None:
        number = self._open.pop(connection)
        self._journal.closed(number, sent_bytes=sent, received_bytes=received)
