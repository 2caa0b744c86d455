"""The app on its real listener: both loopbacks, a name and a port that stay, and sessions that go on only there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sayso.phone.errors import SessionError
from sayso.phone.web.address import Address
from sayso.phone.web.site import Site
from tests.aio import run
from tests.fakes.web_app import WebApp, web_app


@asynccontextmanager
async def served(app: WebApp) -> AsyncIterator[Address]:
    """Serve until the block is left."""
    site, ready = Site(context=app.context, random=app.phone.random), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(site.run(ready=ready))
        await ready.wait()
        assert site.address is not None
        yield site.address
        task.cancel()
    assert site.address is None


async def ask(host: str, address: Address) -> bytes:
    """Ask for the empty page at an address of this machine."""
    reader, writer = await asyncio.open_connection(host, address.port)
    writer.write(f"GET / HTTP/1.1\r\nHost: {address.authority}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


def test_it_is_served_on_loopback_and_stays_where_it_was(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            async with served(app) as first:
                assert first.host.startswith("sayso-")
                assert (await ask("127.0.0.1", first)).startswith(b"HTTP/1.1 200")
                opened = app.sessions.fresh()
            async with served(app) as second:
                assert second == first
                app.sessions.check(opened.cookie, opened.tab)

    run(main())


def test_where_the_port_is_taken_it_moves_under_another_name_and_nothing_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            async with served(app) as first:
                opened = app.sessions.fresh()
            squatter = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", first.port)
            async with squatter, served(app) as second:
                assert second.port != first.port
                assert second.host != first.host
                with pytest.raises(SessionError):
                    app.sessions.check(opened.cookie, opened.tab)

    run(main())
