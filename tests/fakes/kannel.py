"""A Kannel on loopback: keeps each request as it came, and answers what the test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class FakeKannel:
    """What was sent to it, and what it answers."""

    answer: bytes = b"HTTP/1.1 202 Accepted\r\nContent-Length: 25\r\n\r\n0: Accepted for delivery\n"
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    taken: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    """The same texts, for who waits for the next one."""
    connections: int = 0
    port: int = 0
    hangs_up: bool = False
    """Whether it closes the connection after its answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/cgi-bin/sendsms"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeKannel"]:
        """Listen on a port of the system's choice."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.partition(b":")[2])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                )
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                self.taken.put_nowait(self.bodies[-1])
                writer.write(self.answer)
                await writer.drain()
                if self.hangs_up:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
