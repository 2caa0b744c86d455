"""python-tuf's fetcher, and the download of releases, on connections that the gate opens.

Every request is the same for every phone: GET, Host, Connection; for a download that goes on, Range. No user agent, no
cookie, no validator, no encoding. One connection for each request, so that nothing ties them together but the address.
Redirects are not followed: the consent names one host.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote, urlsplit

import h11
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

from sayso.consent.errors import GateClosedError
from sayso.consent.gate import Connection, Gate, place_of

PURPOSE: Final = "updates"
"""What the journal says of these connections."""
_PIECE: Final = 64 * 1024
_OK: Final = 200
_SAFE: Final = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How slow a mirror may be."""

    head_s: float = 30.0
    """Until the answer begins."""
    stall_s: float = 30.0
    """Between two pieces."""
    grace_s: float = 60.0
    """After that, the answer as a whole has to come at `least_rate`."""
    least_rate: float = 1024.0
    """Bytes a second. A mirror that drips could else keep a phone from updates for months."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """One answer, of which the head has come."""

    status: int
    fields: Mapping[str, str]
    pieces: Iterator[bytes] = field(repr=False)


class GateFetcher(FetcherInterface):
    """HTTP on a gate, for code that waits. Not for use inside an event loop: it runs its own."""

    def __init__(
        self,
        gate: Gate,
        *,
        monotonic: Callable[[], float],
        still_agreed: Callable[[], bool] = lambda: True,
        tls: ssl.SSLContext | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Make a fetcher; nothing is sent yet.

        Args:
            gate: of the consent to checks for updates.
            monotonic: seconds that never go back.
            still_agreed: asked before each request and each piece; once it says no, the gate is shut.
            tls: for https; the system's certificates where there is none.
            patience: how slow a mirror may be.
        """
        self._gate = gate
        self._monotonic = monotonic
        self._still_agreed = still_agreed
        self._tls = tls
        self._patience = patience or Patience()
        self._runner = asyncio.Runner()
        self._exchanges: set[_Exchange] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Shut the gate and reset what is open."""
        self._gate.shut()
        for exchange in list(self._exchanges):
            self._end(exchange)
        self._runner.run(asyncio.sleep(0))  # a transport lets go of its socket in the next turn of the loop
        self._runner.close()

    def open(self, url: str, *, offset: int = 0) -> Answer:
        """Ask for a URL, from a byte on.

        Raises:
            GateClosedError: the consent does not cover it, or has ended.
            DownloadError: nobody answers, or not in HTTP.
            SlowRetrievalError: no answer in time.
        """
        self._check()
        try:
            exchange = self._runner.run(self._begin(url, offset))
        except TimeoutError as error:
            raise SlowRetrievalError("the mirror did not answer in time") from error
        # UnicodeError: a host name that cannot be looked up.
        except (OSError, UnicodeError, h11.ProtocolError, asyncio.IncompleteReadError) as error:
            raise DownloadError("the mirror does not answer") from error
        return Answer(status=exchange.status, fields=exchange.fields, pieces=self._pieces(exchange))

    def _fetch(self, url: str) -> Iterator[bytes]:
        answer = self.open(url)
        if answer.status != _OK:
            raise DownloadHTTPError(f"the mirror answers {answer.status}", answer.status)
        return answer.pieces

    def _pieces(self, exchange: "_Exchange") -> Iterator[bytes]:
        started, received = self._monotonic(), 0
        try:
            while True:
                self._check()
                try:
                    piece = self._runner.run(exchange.piece(self._patience.stall_s))
                except TimeoutError as error:
                    raise SlowRetrievalError("the mirror stopped in the middle") from error
                except (OSError, h11.ProtocolError) as error:
                    raise DownloadError("the mirror broke off in the middle") from error
                if not piece:
                    return
                received += len(piece)
                late = self._monotonic() - started - self._patience.grace_s
                if late > 0 and received < late * self._patience.least_rate:
                    raise SlowRetrievalError("the mirror is too slow")
                yield piece
        finally:
            self._end(exchange)

    def _end(self, exchange: "_Exchange") -> None:
        if exchange in self._exchanges:
            self._exchanges.discard(exchange)
            exchange.close()

    def _check(self) -> None:
        if not self._still_agreed():
            self._gate.shut()
            raise GateClosedError("checks for updates are off: say yes first (sayso update on)")

    async def _begin(self, url: str, offset: int) -> "_Exchange":
        host, port, secure = place_of(url)
        tls = (self._tls or ssl.create_default_context()) if secure else None
        parts = urlsplit(url)
        name = f"[{host}]" if ":" in host else host
        authority = name if port == (443 if secure else 80) else f"{name}:{port}"
        headers = [("Host", authority), ("Connection", "close")]
        if offset:
            headers.append(("Range", f"bytes={offset}-"))
        target = quote(parts.path or "/", safe=_SAFE)
        async with asyncio.timeout(self._patience.head_s):
            connection, reader, writer = await self._gate.open_stream(host, port, purpose=PURPOSE, tls=tls)
            exchange = _Exchange(connection, reader, writer)
            self._exchanges.add(exchange)
            try:
                await exchange.ask(h11.Request(method="GET", target=target, headers=headers))
            except BaseException:
                self._end(exchange)
                raise
        return exchange


class _Exchange:
    """One request and its answer on one connection."""

    def __init__(self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connection = connection
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self.status = 0
        self.fields: dict[str, str] = {}

    async def ask(self, request: h11.Request) -> None:
        """Send the request and read the head of the answer."""
        self._writer.write((self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b""))
        await self._writer.drain()
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                self.status = event.status_code
                self.fields = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
                return
            if not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("no answer")

    async def piece(self, stall_s: float) -> bytes:
        """Return the next piece of the body; empty at its end."""
        async with asyncio.timeout(stall_s):
            event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def _event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._reader.read(_PIECE))

    def close(self) -> None:
        """End the connection."""
        self._connection.finish()
        self._writer.transport.abort()
