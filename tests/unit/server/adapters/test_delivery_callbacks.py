"""The listener that Kannel reports to."""

import asyncio
import re

from sayso.server.adapters.delivery_callbacks import DeliveryCallbacks
from tests.aio import run
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import SeededRandom
from tests.fakes.sms_reports import FakeReports


class World:
    def __init__(self) -> None:
        self.clock, self.reports = FakeClock(), FakeReports()
        self.callbacks = DeliveryCallbacks(clock=self.clock, random=SeededRandom(), reports=self.reports)

    def url(self) -> str:
        expected = self.callbacks.expect()
        assert expected is not None
        return expected.url


async def fetch(url: str, state: str, *, method: str = "GET") -> str:
    """Fetch a URL as Kannel does; returns the status line."""
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", url.replace("%d", state))
    assert found is not None
    return await raw(int(found.group(1)), f"{method} {found.group(2)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


async def raw(port: int, data: bytes) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    try:
        return (await reader.read()).split(b"\r\n")[0].decode()
    except ConnectionError:
        return ""
    finally:
        writer.close()


def port_of(url: str) -> int:
    return int(url.removeprefix("http://127.0.0.1:").partition("/")[0])


def test_a_report_comes_once() -> None:
    async def main() -> None:
        world = World()
        async with world.callbacks.listening():
            delivered, failed, refused = world.url(), world.url(), world.url()
            assert await fetch(delivered, "1") == "HTTP/1.1 200 OK"
            assert await fetch(delivered, "2") == "HTTP/1.1 404 Not Found"
            assert await fetch(failed, "2") == "HTTP/1.1 200 OK"
            assert await fetch(refused, "16") == "HTTP/1.1 200 OK"
            assert world.reports.told == [True, False, False]

    run(main())


def test_the_url_holds_a_random_reference_and_no_number() -> None:
    async def main() -> None:
        world = World()
        async with world.callbacks.listening():
            urls = {world.url() for _ in range(50)}
        assert len(urls) == 50
        assert all(re.fullmatch(r"http://127\.0\.0\.1:\d+/dlr/[0-9a-f]{32}\?state=%d", url) for url in urls)

    run(main())


def test_what_is_no_report_changes_nothing() -> None:
    async def main() -> None:
        world = World()
        async with world.callbacks.listening():
            url = world.url()
            assert await fetch(url, "4") == "HTTP/1.1 404 Not Found"
            assert await fetch(url, "1", method="POST") == "HTTP/1.1 404 Not Found"
            assert await fetch(re.sub(r"[0-9a-f]{32}", "0" * 32, url), "1") == "HTTP/1.1 404 Not Found"
            for nonsense in (b"", b"GET", b"\xff" * 100 + b"\r\n\r\n", b"x" * 100_000):
                assert await raw(port_of(url), nonsense) in {"", "HTTP/1.1 404 Not Found"}
            assert world.reports.told == []
            assert await fetch(url, "1") == "HTTP/1.1 200 OK"

    run(main())


def test_a_late_report_is_taken_and_not_counted() -> None:
    async def main() -> None:
        world = World()
        async with world.callbacks.listening():
            url = world.url()
            world.clock.advance(1200)
            assert await fetch(url, "1") == "HTTP/1.1 200 OK"
            assert world.reports.told == []

    run(main())


def test_what_is_expected_is_bounded_and_can_be_forgotten() -> None:
    async def main() -> None:
        world = World()
        async with world.callbacks.listening():
            forgotten = world.callbacks.expect()
            assert forgotten is not None
            world.callbacks.forget(forgotten)
            oldest = world.url()
            for _ in range(10_000):
                newest = world.url()
            assert await fetch(forgotten.url, "1") == "HTTP/1.1 404 Not Found"
            assert await fetch(oldest, "1") == "HTTP/1.1 404 Not Found"
            assert await fetch(newest, "1") == "HTTP/1.1 200 OK"

    run(main())


def test_where_nothing_listens_nothing_is_asked_for() -> None:
    assert World().callbacks.expect() is None
