"""A TCP proxy on loopback that writes down what passes, by the port that each client came from."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Passed:
    """What passed on one connection."""

    to_server: bytearray = field(default_factory=bytearray)
    to_client: bytearray = field(default_factory=bytearray)


@dataclass
class Recorder:
    """One proxy; `target` is where it leads to, and may be set later than it begins to listen."""

    target: int = 0
    port: int = 0
    passed: dict[int, Passed] = field(default_factory=dict)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Recorder"]:
        """Listen on a port of the system's choice."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = self.passed[writer.get_extra_info("peername")[1]] = Passed()
        try:
            onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except ConnectionError:
            writer.close()  # nobody is there
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy(reader, onward_writer, passed.to_server))
            tasks.create_task(_copy(onward_reader, writer, passed.to_client))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, into: bytearray) -> None:
    try:
        while data := await reader.read(65_536):
            into += data
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # a reset: nothing more passes
    finally:
        writer.close()
