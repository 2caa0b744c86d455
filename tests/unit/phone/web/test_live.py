"""The event stream: what happens is told, and it ends with the session."""

import asyncio
from pathlib import Path

import msgspec

from sayso.phone.web.live import UNREAD_EVENTS, Gone, Hub, Live, Over, encode
from sayso.phone.web.render import Pages
from tests.aio import run
from tests.fakes.phones import BOB
from tests.fakes.web_app import LANGUAGES, WebApp, web_app


def read(event: bytes) -> tuple[str, dict[str, object]]:
    """An event's name and data."""
    head, data = event.decode().removesuffix("\n\n").split("\n")
    return head.removeprefix("event: "), msgspec.json.decode(data.removeprefix("data: "))


async def opened(app: WebApp) -> tuple[object, Live]:
    browser = await app.browser()
    return app.sessions.check(browser.cookie, browser.tab), Live(app.context, Pages(LANGUAGES), app.hub)


def test_a_text_comes_with_its_bubble_and_its_row_and_its_states_follow(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app, asyncio.TaskGroup() as tasks:
            session, live = await opened(app)
            hearing = tasks.create_task(app.hub.run(app.desk))
            stream = live.stream(session, LANGUAGES["de"])  # type: ignore[arg-type]  # checked by the sessions
            assert read(await anext(stream))[0] == "hello"
            await asyncio.sleep(0)
            text = app.phone.send(BOB, "hello")
            name, data = read(await anext(stream))
            assert (name, data["id"], data["after"]) == ("text", text.id, 0)
            assert "hello" in str(data["html"])
            assert "Sie:" in str(data["row"])
            assert data["notify"] is None
            await stream.aclose()
            hearing.cancel()

    run(main())


def test_it_ends_with_the_session_and_when_the_phone_stops(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            session, live = await opened(app)
            app.sessions.on_end(app.hub.look)
            stream = live.stream(session, LANGUAGES["en"])  # type: ignore[arg-type]
            await anext(stream)
            app.desk.lock()
            assert read(await anext(stream)) == ("end", {})
            assert [event async for event in stream] == []

            session, live = await opened(app)
            stream = live.stream(session, LANGUAGES["en"])  # type: ignore[arg-type]
            await anext(stream)
            app.hub.tell(Gone(7, 9))
            assert read(await anext(stream)) == ("gone", {"conversation": 7, "id": 9})
            app.hub.stop()
            assert [event async for event in stream] == []

    run(main())


def test_a_page_that_does_not_read_is_let_go() -> None:
    async def main() -> None:
        hub = Hub()
        with hub.joined() as page:
            for _ in range(UNREAD_EVENTS + 10):
                hub.look()
            assert page.qsize() == UNREAD_EVENTS + 1
            told = [page.get_nowait() for _ in range(page.qsize())]
            assert isinstance(told[-1], Over)

    run(main())


def test_no_text_can_end_an_event() -> None:
    assert encode("text", {"html": "a\n\nevent: end\r\ndata: {}\n\n"}).count(b"\n") == 3
