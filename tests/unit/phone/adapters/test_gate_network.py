"""Idle connections go by themselves; busy ones, however slow, do not. The rest: test_control_client.py."""

import asyncio

import pytest

from sayso.phone.adapters import gate_network
from sayso.phone.adapters.gate_network import GateBackend
from tests.aio import run
from tests.fakes.consented import MemoryJournal, gate_to
from tests.fakes.phone_clock import settle
from tests.fakes.raw_server import raw_server


def test_an_idle_connection_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_network, "IDLE_S", 0.05)

    async def main() -> None:
        gone = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(3)
            writer.write(b"answer")
            try:
                await reader.read()
            finally:
                gone.set()

        async with raw_server(serve) as place:
            journal = MemoryJournal()
            backend = GateBackend(gate_to(f"http://{place}", journal), tls=None)
            host, _, port = place.partition(":")
            stream = await backend.connect_tcp(host, int(port))
            await stream.write(b"ask")
            assert await stream.read(100) == b"answer"
            assert stream.get_extra_info("is_readable") is False
            await gone.wait()
            assert journal.open == 0
            assert stream.get_extra_info("is_readable") is True
            await stream.aclose()

    run(main())


def test_a_slow_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_network, "IDLE_S", 0.0)

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(3)
            await settle()
            writer.write(b"answer")
            await reader.read()

        async with raw_server(serve) as place:
            backend = GateBackend(gate_to(f"http://{place}"), tls=None)
            host, _, port = place.partition(":")
            stream = await backend.connect_tcp(host, int(port))
            await stream.write(b"ask")
            assert await stream.read(100) == b"answer"
            await stream.aclose()

    run(main())
