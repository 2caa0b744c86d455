"""An SMSC on loopback, of a few lines: keeps what was submitted, and answers what the test says."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

BIND, SUBMIT, ENQUIRE, UNBIND = 0x9, 0x4, 0x15, 0x6


def pdu(command: int, sequence: int, status: int = 0, body: bytes = b"") -> bytes:
    """One PDU."""
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def read_submit(body: bytes) -> tuple[str, str]:
    """Number and text of a `submit_sm`."""
    _service, rest = body.split(b"\0", 1)
    _source, rest = rest[2:].split(b"\0", 1)
    to, rest = rest[2:].split(b"\0", 1)
    _schedule, rest = rest[3:].split(b"\0", 1)
    _validity, rest = rest.split(b"\0", 1)
    coding, length = rest[2], rest[4]
    text = rest[5 : 5 + length]
    # The texts of these tests are the same in GSM 03.38 and ASCII, or are UCS-2.
    return "+" + to.decode("ascii"), text.decode("utf-16-be" if coding == 8 else "ascii")


@dataclass
class FakeSmsc:
    """What was submitted to it, and what it answers."""

    answer: str = "take"
    """take, refuse, break."""
    submitted: list[tuple[str, str]] = field(default_factory=list)
    binds: int = 0
    port: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeSmsc"]:
        """Listen on a port of the system's choice."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length, command, _, sequence = struct.unpack(">IIII", await reader.readexactly(16))
                body = await reader.readexactly(length - 16)
                if command == BIND:
                    self.binds += 1
                    writer.write(pdu(0x80000000 | command, sequence, body=b"fake\0"))
                elif command == SUBMIT and not self._submit(writer, sequence, body):
                    return
                elif command in {ENQUIRE, UNBIND}:
                    writer.write(pdu(0x80000000 | command, sequence))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _submit(self, writer: asyncio.StreamWriter, sequence: int, body: bytes) -> bool:
        if self.answer == "break":
            return False
        if self.answer == "refuse":
            writer.write(pdu(0x80000004, sequence, status=0x0B))
        else:
            self.submitted.append(read_submit(body))
            writer.write(pdu(0x80000004, sequence, body=f"{sequence}\0".encode()))
        return True
