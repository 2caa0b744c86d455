"""A page on the web lets its own name lead to 127.0.0.1, and so becomes same-origin with the phone's web app."""

from pathlib import Path

import pytest

from tests.aio import run
from tests.fakes.web_app import ADDRESS, Browser, web_app


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:4711",
        "localhost:4711",
        "127.0.0.1:4711",
        "[::1]:4711",
        ADDRESS.host,
        f"{ADDRESS.host}:80",
        f"{ADDRESS.host}.:4711",
        f"x.{ADDRESS.authority}",
        ADDRESS.authority.upper(),
        f"{ADDRESS.authority}, evil.example",
        "",
        None,
    ],
)
def test_only_our_own_random_name_is_answered(tmp_path: Path, host: str | None) -> None:
    """Its requests carry its own name in Host. Nothing is answered to that, not even the empty page."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            for path in ("/", "/list", "/static/app.js"):
                assert (await browser.get(path, host=host)).status == 421
            if host is not None:
                origin = f"http://{host}"
                answer = await browser.post("/session/open", {"code": app.sessions.link()}, host=host, origin=origin)
                assert answer.status == 421

    run(main())


def test_two_hosts_are_none(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            fields = [("host", ADDRESS.authority), ("host", "evil.example")]
            assert (await app.client.request("GET", "/", fields)).status == 421

    run(main())


def test_the_name_cannot_be_guessed_and_leads_to_loopback() -> None:
    assert ADDRESS.host.endswith(".localhost")
    assert len(ADDRESS.host) == len("sayso-") + 20 + len(".localhost")


def test_the_empty_page_is_what_a_stranger_gets(tmp_path: Path) -> None:
    """The control of this file: with the right name the same requests are answered."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            assert (await Browser(app.client).get("/")).status == 200
            assert (await (await app.browser()).get("/list")).status == 200

    run(main())
