"""The gate opens what a consent covers, writes it down first, and once shut stays shut."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.errors import ConsentError, GateClosedError
from sayso.consent.gate import Gate, place_of
from sayso.consent.records import read_record, sign_record
from tests.aio import run
from tests.fakes.consented import DEVICE_KEY, WALL, MemoryJournal, gate_to, record
from tests.fakes.phone_clock import settle

HOST = "127.0.0.1"


@dataclass
class Listener:
    """A server that reads what comes and says nothing, unless told to."""

    port: int = 0
    accepted: int = 0
    got: bytearray = field(default_factory=bytearray)
    ends: list[str] = field(default_factory=list)
    reply: bytes = b""
    may_read: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.writers.append(writer)
        writer.write(self.reply)
        await self.may_read.wait()
        try:
            while data := await reader.read(65536):
                self.got += data
            self.ends.append("end")
        except ConnectionResetError:
            self.ends.append("reset")
        writer.close()
        self.ended.set()


@asynccontextmanager
async def listening(*, reply: bytes = b"", reads: bool = True) -> AsyncIterator[Listener]:
    listener = Listener(reply=reply)
    if reads:
        listener.may_read.set()
    server = await asyncio.start_server(listener.serve, HOST, 0)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for writer in listener.writers:
            writer.transport.abort()
        await settle()


# ---- what a gate is made of ----


def test_no_gate_without_a_signature_by_the_device() -> None:
    forged = sign_record(record("http://chat.example"), Ed25519PrivateKey.generate())
    with pytest.raises(ConsentError, match="not signed by its device"):
        read_record(forged)


def test_no_gate_after_the_server_in_the_record_was_changed() -> None:
    document = sign_record(record("http://chat.example"), DEVICE_KEY)
    changed = document | {"record": {**_inner(document), "server": "http://elsewhere.example"}}
    with pytest.raises(ConsentError):
        read_record(changed)


def test_no_gate_out_of_a_record_that_nobody_checked() -> None:
    with pytest.raises(AttributeError):
        Gate(record("http://chat.example"), journal=MemoryJournal(), now=lambda: WALL)  # type: ignore[arg-type]  # attack


def _inner(document: dict[str, object]) -> dict[str, object]:
    inner = document["record"]
    assert isinstance(inner, dict)
    return inner


# ---- where it reaches ----


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "127.0.0.1.", "", "chat.example"])
def test_another_host_is_refused_before_anything_happens(host: str) -> None:
    async def main() -> None:
        async with listening() as server:
            journal = MemoryJournal()
            gate = gate_to(f"http://{HOST}:{server.port}", journal)
            with pytest.raises(GateClosedError, match="does not cover"):
                await gate.connect(host, server.port, purpose="test")
            await settle()
            assert (journal.entries, server.accepted) == ([], 0)

    run(main())


def test_another_port_of_the_same_host_is_covered() -> None:
    async def main() -> None:
        async with listening() as server:
            connection = await gate_to(f"http://{HOST}:1").connect(HOST, server.port, purpose="test")
            assert connection.socket.getpeername() == (HOST, server.port)
            connection.finish()
            connection.socket.close()

    run(main())


def test_nobody_there() -> None:
    async def main() -> None:
        async with listening() as server:
            port = server.port
        journal = MemoryJournal()
        with pytest.raises(ConnectionRefusedError):
            await gate_to(f"http://{HOST}:{port}", journal).connect(HOST, port, purpose="test")
        assert (journal.entries[0].sent_bytes, journal.entries[0].received_bytes) == (0, 0)

    run(main())


def test_tls_that_fails_leaves_nothing_open() -> None:
    async def main() -> None:
        async with listening(reply=b"this is no TLS\n" * 10) as server:
            journal = MemoryJournal()
            gate = gate_to(f"https://{HOST}:{server.port}", journal)
            with pytest.raises(ssl.SSLError):
                await gate.open_stream(HOST, server.port, purpose="test", tls=ssl.create_default_context())
            await server.ended.wait()
            assert journal.open == 0

    run(main())


# ---- the journal ----


def test_the_journal_comes_before_the_first_packet() -> None:
    async def main() -> None:
        async with listening() as server:
            accepted: list[int] = []
            journal = MemoryJournal(on_opened=lambda: accepted.append(server.accepted))
            gate = gate_to(f"http://{HOST}:{server.port}", journal)
            connection, _, writer = await gate.open_stream(HOST, server.port, purpose="why")
            await settle()
            assert (accepted, server.accepted) == ([0], 1)
            (entry,) = journal.entries
            assert (entry.attempt.at, entry.attempt.host, entry.attempt.port) == (WALL, HOST, server.port)
            assert entry.attempt.purpose == "why"
            connection.finish()
            writer.transport.abort()

    run(main())


def test_a_journal_that_cannot_be_written_lets_nothing_out() -> None:
    async def main() -> None:
        async with listening() as server:

            def full() -> None:
                raise OSError("no space left")

            gate = gate_to(f"http://{HOST}:{server.port}", MemoryJournal(on_opened=full))
            with pytest.raises(OSError, match="no space"):
                await gate.connect(HOST, server.port, purpose="test")
            await settle()
            assert server.accepted == 0

    run(main())


def test_bytes_are_counted_both_ways() -> None:
    async def main() -> None:
        async with listening(reply=b"r" * 700) as server:
            journal = MemoryJournal()
            gate = gate_to(f"http://{HOST}:{server.port}", journal)
            connection, reader, writer = await gate.open_stream(HOST, server.port, purpose="test")
            await reader.readexactly(700)
            writer.write(b"s" * 5000)
            writer.write_eof()
            await server.ended.wait()
            connection.finish()
            connection.finish()
            writer.close()
            (entry,) = journal.entries
            # The kernel counts the beginning and the end of a connection as a byte each.
            assert entry.sent_bytes in {5000, 5001, 5002}
            assert entry.received_bytes in {700, 701, 702}

    run(main())


# ---- shutting ----


def test_a_shut_gate_opens_nothing_any_more() -> None:
    async def main() -> None:
        async with listening() as server:
            journal = MemoryJournal()
            gate = gate_to(f"http://{HOST}:{server.port}", journal)
            before = gate.is_shut
            gate.shut()
            gate.shut()
            assert (before, gate.is_shut) == (False, True)
            with pytest.raises(GateClosedError, match="off for this line"):
                await gate.connect(HOST, server.port, purpose="test")
            await settle()
            assert (journal.entries, server.accepted) == ([], 0)

    run(main())


def test_shutting_resets_what_is_open() -> None:
    """What was queued is not delivered after the switch: a stuck peer that reads again finds a reset."""

    async def main() -> None:
        async with listening(reads=False) as server:
            journal = MemoryJournal()
            gate = gate_to(f"http://{HOST}:{server.port}", journal)
            connection, reader, writer = await gate.open_stream(HOST, server.port, purpose="test")
            queued = bytes(64 * 1024 * 1024)
            writer.write(queued)
            await settle()
            gate.shut()
            assert await reader.read(1) == b""
            writer.transport.abort()
            connection.finish()
            await settle()
            server.may_read.set()
            await server.ended.wait()
            assert server.ends == ["reset"]
            assert len(server.got) < len(queued)
            assert journal.open == 0

    run(main())


def test_shutting_while_the_name_is_looked_up_sends_nothing() -> None:
    async def main() -> None:
        async with listening() as server:
            journal = MemoryJournal()
            gate = gate_to(f"http://{HOST}:{server.port}", journal)
            journal.on_opened = gate.shut
            with pytest.raises(GateClosedError):
                await gate.connect(HOST, server.port, purpose="test")
            await settle()
            assert server.accepted == 0
            assert journal.open == 0

    run(main())


def test_a_cancelled_attempt_is_closed_in_the_journal() -> None:
    async def main() -> None:
        async with listening() as server:
            journal = MemoryJournal()
            gate = gate_to(f"http://{HOST}:{server.port}", journal)
            async with asyncio.TaskGroup() as group:
                attempt = group.create_task(gate.connect(HOST, server.port, purpose="test"))
                await asyncio.sleep(0)
                attempt.cancel()
            assert len(journal.entries) == 1
            assert journal.open == 0

    run(main())


# ---- addresses ----


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://chat.example", ("chat.example", 443, True)),
        ("http://chat.example/", ("chat.example", 80, False)),
        ("wss://Chat.Example/stream", ("chat.example", 443, True)),
        ("ws://127.0.0.1:8081/v1/stream", ("127.0.0.1", 8081, False)),
        ("https://[::1]:8443", ("::1", 8443, True)),
    ],
)
def test_places(url: str, place: tuple[str, int, bool]) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "",
        "chat.example",
        "ftp://chat.example",
        "http://",
        "http://:80",
        "http://u:p@chat.example",
        "http://u@chat.example",
        "http://chat.example:99999",
        "http://chat.example:x",
        "http://[::1",
        "file:///etc/passwd",
    ],
)
def test_no_places(url: str) -> None:
    with pytest.raises(GateClosedError):
        place_of(url)
