"""Another web page makes the owner's browser talk to the phone's web app."""

from pathlib import Path

import pytest

from tests.aio import run
from tests.fakes.web_app import Browser, web_app

EVIL = "https://evil.example"
TO = {"to": "+447700900102"}


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": EVIL, "sec_fetch_site": "cross-site"},
        {"origin": EVIL, "sec_fetch_site": None},
        {"origin": "null", "sec_fetch_site": None},
        {"origin": None, "sec_fetch_site": "cross-site"},
        {"origin": "http://sayso-0123456789abcdef0123.localhost", "sec_fetch_site": None},
        {"origin": "https://sayso-0123456789abcdef0123.localhost:4711", "sec_fetch_site": None},
        {"origin": "http://sayso-0123456789abcdef0123.localhost:4711.evil.example", "sec_fetch_site": None},
    ],
)
def test_it_cannot_send_although_the_browser_would_add_the_cookie(
    tmp_path: Path, changed: dict[str, str | None]
) -> None:
    """Even with cookie and tab, which it has not: the origin alone is refused, and nothing was done."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            assert (await browser.post("/new", TO, **changed)).status == 403
            assert app.phone.store.conversations.with_number(TO["to"]) == []

    run(main())


def test_a_form_or_an_image_without_the_tab_gets_nothing(tmp_path: Path) -> None:
    """What a page can send without a preflight: simple requests, with the cookie if SameSite were not there."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            known = await app.browser()
            evil = Browser(app.client)
            evil.cookie = known.cookie
            for destination, mode in (("image", "no-cors"), ("iframe", "navigate"), ("document", "navigate")):
                fields = {"sec_fetch_site": "cross-site", "sec_fetch_dest": destination, "sec_fetch_mode": mode}
                assert (await evil.get("/list", **fields)).status == 403
                assert (await evil.get("/lines/" + "0" * 32 + "/receipts", **fields)).status == 403
            form = {"origin": EVIL, "sec_fetch_site": "cross-site", "content_type": "text/plain"}
            assert (await evil.post("/lines/" + "0" * 32 + "/off", **form)).status == 403

    run(main())


def test_it_can_lead_to_the_empty_page_and_learns_nothing_by_it(tmp_path: Path) -> None:
    """A link to the shell works, as bookmarks do; it is the same for all, cannot be framed, and has no opener."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            navigation = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
            stranger = Browser(app.client)
            answer = await stranger.get("/", **navigation)
            assert answer.status == 200
            assert answer.body == (await (await app.browser()).get("/")).body
            assert answer.field("x-frame-options") == "DENY"
            assert answer.field("cross-origin-opener-policy") == "same-origin"
            for destination in ("iframe", "embed", "object", "image", "script", "style"):
                framed = {**navigation, "sec_fetch_dest": destination}
                assert (await stranger.get("/", **framed)).status == 403
            assert (await stranger.get("/static/icon.svg", **navigation)).status == 403

    run(main())


def test_the_cookie_is_out_of_reach_of_other_sites_and_of_scripts(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = Browser(app.client)
            answer = await browser.open(app.sessions.link())
            cookie = answer.field("set-cookie")
            assert cookie is not None
            name, *attributes = cookie.lower().split("; ")
            assert name.startswith("__host-sayso=")
            assert set(attributes) == {"httponly", "path=/", "samesite=strict", "secure"}

    run(main())


def test_a_preflight_is_never_answered_with_a_yes(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            fields = {
                "host": "sayso-0123456789abcdef0123.localhost:4711",
                "origin": EVIL,
                "access-control-request-method": "POST",
                "access-control-request-headers": "x-sayso-tab",
            }
            answer = await app.client.request("OPTIONS", "/new", [*fields.items()])
            assert answer.status == 403
            assert not [name for name, _ in answer.fields if name.startswith("access-control-")]

    run(main())
