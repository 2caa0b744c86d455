"""Another program on this machine serves a page under the phone's host name, on another port: it is sent the cookie."""

from pathlib import Path

from sayso.phone.web.address import Address
from tests.aio import run
from tests.fakes.web_app import ADDRESS, Browser, web_app


def test_the_cookie_alone_opens_nothing(tmp_path: Path) -> None:
    """Cookies do not know ports; `sessionStorage` does. Without the tab's header the cookie is worth nothing."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            known = await app.browser()
            thief = Browser(app.client)
            thief.cookie = known.cookie  # it is sent to every port of the host
            for path in ("/list", "/privacy", "/events", "/settings"):
                assert (await thief.get(path, sec_fetch_site=None)).status == 401
            assert (await thief.post("/session/tab", sec_fetch_site=None)).status == 401

    run(main())


def test_its_page_is_another_origin_for_the_browser(tmp_path: Path) -> None:
    """A script on the other port that sends to ours is same-site: Origin and Sec-Fetch-Site tell it apart."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            other = Address(host=ADDRESS.host, port=ADDRESS.port + 1)
            answer = await browser.post("/first-run", origin=other.origin, sec_fetch_site="same-site")
            assert answer.status == 403
            assert (await browser.get("/list", sec_fetch_site="same-site")).status == 403
            assert (await browser.get("/list", origin=other.origin, sec_fetch_site=None)).status == 403
            assert (await browser.get("/list", host=other.authority)).status == 421

    run(main())
