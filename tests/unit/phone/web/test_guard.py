"""The guard: what is let through, what is refused, and what every answer carries."""

from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar

from sayso.phone.web.guard import BODY_BYTES, COOKIE, HEADERS, PUBLIC, PUBLIC_FOLDER
from tests.aio import run
from tests.fakes.web_app import ADDRESS, Browser, WebApp, error, web_app


def routes(app: WebApp) -> list[tuple[str, str]]:
    """Method and path of every handler; parameters filled in."""
    assert isinstance(app.behind, Litestar)
    found: list[tuple[str, str]] = []
    for route in app.behind.routes:
        path = route.path
        for name, value in {
            "conversation:int": "1",
            "text:int": "1",
            "line:str": "0" * 32,
            "name:str": "app.css",
        }.items():
            path = path.replace("{" + name + "}", value)
        assert "{" not in path, f"{path}: say here what stands for its parameter"
        found.extend((str(method), path) for method in sorted(getattr(route, "methods", ())) if method != "OPTIONS")
    return found


def test_every_handler_is_behind_the_session_but_for_a_list_that_is_read_here(tmp_path: Path) -> None:
    """No request without cookie and tab gets anything but 401; whoever adds a handler has to do nothing for that."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            known = await app.browser()
            half = [Browser(app.client), Browser(app.client), Browser(app.client)]
            half[1].cookie, half[2].tab = known.cookie, known.tab
            open_to_all: set[str] = set()
            for method, path in routes(app):
                for browser in half:
                    answer = await (browser.get(path) if method == "GET" else browser.post(path))
                    if answer.status != 401:
                        open_to_all.add(path)
            assert open_to_all == {"/", "/session/open", "/manifest.webmanifest", "/static/app.css"}
            assert len(routes(app)) > 45
            assert {path for path in open_to_all if not path.startswith(PUBLIC_FOLDER)} == set(PUBLIC)

    run(main())


def test_what_is_public_holds_nothing_of_anybody(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            app.phone.send("+447700900102", "meet me at the heron")
            for path in ("/", "/manifest.webmanifest", "/static/app.js", "/static/icons.svg"):
                answer = await Browser(app.client).get(path)
                assert answer.status == 200
                assert answer.field("set-cookie") is None
                for word in (b"heron", b"7700900", b"sim1"):
                    assert word not in answer.body

    run(main())


@pytest.mark.parametrize("path", ["/", "/list", "/nowhere", "/static/app.css", "/session/open"])
def test_every_answer_is_strict(tmp_path: Path, path: str) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            for browser in (await app.browser(), Browser(app.client)):
                answer = await browser.get(path)
                for name, value in HEADERS:
                    assert [one for one in answer.fields if one[0] == name] == [(name, value)]

    run(main())


def test_the_policy_of_content_lets_nothing_in_from_elsewhere() -> None:
    policy = dict(HEADERS)["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    for word in ("unsafe", "http", "*", "data:", "blob:"):
        assert word not in policy


def test_nothing_is_asked_for_in_a_query(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            assert (await (await app.browser()).get("/list?number=447700900123")).status == 400

    run(main())


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": "multipart/form-data; boundary=x"}, 415),
        ({"content_type": None}, 415),
        ({"origin": None}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "none"}, 403),
        ({"sec_fetch_site": None}, 200),
        ({"content_type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_what_changes_something_comes_from_our_page_as_json(
    tmp_path: Path, changed: dict[str, str | None], status: int
) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            assert (await (await app.browser()).post("/first-run", **changed)).status == status

    run(main())


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_no_other_method(tmp_path: Path, method: str) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            answer = await app.client.request(method, "/list", [*browser.fields(origin=ADDRESS.origin).items()])
            assert answer.status == 405
            assert answer.field("access-control-allow-origin") is None

    run(main())


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        COOKIE,
        f"{COOKIE}=",
        f"{COOKIE}=0",
        "=;=;",
        f'{COOKIE}="\x80',
        f"sayso=1; {COOKIE}={'f' * 64}",
        "\udcff" * 0 + "ÿ",
    ],
)
def test_a_cookie_that_is_none_opens_nothing(tmp_path: Path, cookie: str) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            answer = await (await app.browser()).get("/list", cookie=cookie)
            assert (answer.status, error(answer)) == (401, "this page is locked; open it again with `sayso phone open`")

    run(main())


def test_a_body_has_a_bound_and_a_shape(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            assert (await browser.post("/search", b'{"words":"' + b"x" * BODY_BYTES + b'"}')).status in {400, 413}
            for body in (b"", b"[]", b"{", b'{"words":1}', b'{"words":"a","more":1}', b"\xff", b"[" * 100_000):
                answer = await browser.post("/search", body)
                assert (answer.status, error(answer)) == (
                    400,
                    "this is not what the page should have sent; load it again",
                )

    run(main())


def test_no_websocket_is_spoken(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            sent: list[Any] = []

            async def send(message: Any) -> None:
                sent.append(message)

            async def receive() -> Any:
                return {"type": "websocket.connect"}

            await app.client._app({"type": "websocket", "path": "/", "headers": []}, receive, send)
            assert sent == []

    run(main())
