"""What makes proxies and libraries complain, and so might make them log."""

import asyncio
import contextlib
import socket
from typing import Final
from urllib.parse import urlsplit

from tests.fakes.real_server import RealServer

HANGS_S: Final = 300.0


async def rubbish(port: int, *, client: str, more: bytes = b"") -> None:
    """Give a proxy something to complain about, from the client's address."""
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x00" * 100, more):
        _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(client, 0))
        with contextlib.suppress(OSError):  # as in `_drained`
            writer.write(said)
            writer.write_eof()
            await writer.drain()
        writer.close()


async def misbehave(server: RealServer, number: str) -> None:
    """Give every library of a server something to complain about, with a number where none belongs."""
    for url in (server.said["http"], server.said["stream"], server.said["metrics"]):
        port = urlsplit(url).port
        for rubbish in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /v1/enrolments HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
            b"GET /v1/stream HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            f"GET /v1/lines/{number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(),
            b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: \xff\xfe\x00\r\nHost: " + number.encode() + b"\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(rubbish)
            writer.write_eof()
            await asyncio.wait_for(_drained(reader), HANGS_S)
            writer.close()
        with socket.create_connection(("127.0.0.1", port or 0)) as cut:
            cut.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


async def _drained(reader: asyncio.StreamReader) -> None:
    """Read to the end: an answer, a reset, or that the server shut the connection before we did (ENOTCONN)."""
    with contextlib.suppress(OSError):
        while await reader.read(65_536):
            pass
