"""The gateway: HTTP/1.1 on loopback, by h11. One resource, Kannel's `sendsms`."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import h11

from sayso.carrier.adapters.kannel import Credentials, HttpRequest, KannelRefusalError, read_sendsms
from sayso.carrier.core.events import Submitted
from sayso.carrier.errors import CarrierConfigError, PortTakenError, QueueFullError, RefusedError

READ_BYTES: Final = 64 * 1024
HEAD_BYTES_MAX: Final = 256 * 1024
"""A GET carries the whole text in its target, percent-encoded."""
BODY_BYTES_MAX: Final = 256 * 1024
REQUEST_SECONDS_MAX: Final = 10.0
"""From the first byte waited for to the last one read; also how long an idle connection lives."""


class _TooLargeError(Exception):
    """The body is above its bound."""


class GatewayListener:
    """Reads requests, submits them, and answers once they are durable."""

    def __init__(
        self,
        listening: socket.socket,
        group: asyncio.TaskGroup,
        submit: Callable[[Submitted], None],
        credentials: Credentials,
    ) -> None:
        """Serve on tasks of `group`; `submit` raises RefusedError or returns when the SMS is durable."""
        self._listening = listening
        self._group = group
        self._submit = submit
        self._credentials = credentials

    async def serve(self) -> None:
        """Serve until cancelled."""

        def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._group.create_task(self._serve(reader, writer))

        with self._listening:
            server = await asyncio.start_server(greet, sock=self._listening)
            async with server:
                await server.serve_forever()

    def answer(self, request: HttpRequest) -> tuple[int, str]:
        """Do what a request wants; return HTTP status and body."""
        try:
            self._submit(read_sendsms(request, self._credentials))
        except KannelRefusalError as refusal:
            return refusal.status, str(refusal)
        except QueueFullError:
            return 503, "Temporal failure, try again later."
        except RefusedError as refusal:
            return 400, f"{refusal}, rejected"
        return 202, "0: Accepted for delivery"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        try:
            while True:
                async with asyncio.timeout(REQUEST_SECONDS_MAX):
                    request = await _read_request(connection, reader, writer)
                    if request is None:
                        return
                    _write(connection, writer, *self.answer(request))
                    await writer.drain()
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return
                connection.start_next_cycle()
        except _TooLargeError:
            _write(connection, writer, 413, "Request too large, rejected")
        except h11.RemoteProtocolError as error:
            if connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                _write(connection, writer, error.error_status_hint, "Bad request, rejected")
        except (TimeoutError, ConnectionError):
            pass  # too slow, or gone: nothing was submitted
        finally:
            writer.close()


async def _read_request(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> HttpRequest | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[])
                    writer.write(connection.send(go_on) or b"")
                connection.receive_data(await reader.read(READ_BYTES))
            case h11.Request() as head:
                pass
            case h11.Data(data=data):
                body += data
                if len(body) > BODY_BYTES_MAX:
                    raise _TooLargeError
            case h11.EndOfMessage() if head is not None:
                headers = [(name.decode("ascii"), value) for name, value in head.headers]
                return HttpRequest(head.method.decode("ascii"), head.target.decode("ascii"), headers, bytes(body))
            case _:
                return None


def _write(connection: h11.Connection, writer: asyncio.StreamWriter, status: int, text: str) -> None:
    body = text.encode()
    headers = [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body)))]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("allow", "GET, POST"))
    if connection.their_state is not h11.DONE:
        headers.append(("connection", "close"))
    response = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)
    for event in (response, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")


def bind_loopback(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket.

    Args:
        host: An IP address of this machine's loopback, or `localhost`.
        port: 0 lets the system choose.

    Raises:
        PortTakenError: Somebody else listens there.
        CarrierConfigError: The address is not loopback's, or cannot be used.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise CarrierConfigError(f"{host} is no IP address; use 127.0.0.1 or ::1") from None
    if not address.is_loopback:
        raise CarrierConfigError(f"the simulated carrier listens on loopback only, not on {host}; use 127.0.0.1")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004  IP version 6
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((str(address), port))
        listening.listen()
    except OSError as error:
        listening.close()
        kind = PortTakenError if error.errno == errno.EADDRINUSE else CarrierConfigError
        raise kind(f"cannot listen on {host} port {port}: {error.strerror}; choose another port") from error
    listening.setblocking(False)
    return listening
