"""Reading and writing through the app: two phones in memory, and what a page is given."""

import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from sayso.phone.core.lines import Line, LineState
from sayso.phone.core.outgoing import State
from sayso.phone.web.routes.messages import _times, can_be_written_to
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Phone, Town
from tests.fakes.web_app import Browser, WebApp, error, outcome, web_app


async def both(data: Path, stack: AsyncExitStack) -> tuple[WebApp, Browser, Phone]:
    """Alice's app with an open tab, and Bob's phone; both said yes."""
    town = Town()
    app = await stack.enter_async_context(web_app(data, town))
    bob = await stack.enter_async_context(town.phone(BOB).running())
    await app.phone.opt_in()
    await bob.opt_in()
    return app, await app.browser(), bob


async def begun(browser: Browser, to: str = BOB) -> str:
    """The path of a conversation that was begun."""
    found: str = outcome(await browser.post("/new", {"to": to}))["go"]
    return found.removeprefix("#")


def test_from_a_number_to_a_read_message(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            app, browser, bob = await both(tmp_path, stack)
            there = await begun(browser, " +44 7700 900102 ")
            assert there == "/c/1"
            assert await begun(browser) == there
            page = (await browser.get(there)).body.decode()
            assert "Encrypted if they use Cloud Messaging, else by SMS." in page
            assert outcome(await browser.post(f"{there}/send", {"text": "hello <b>Bob</b>"})) == {}
            await app.phone.town.until(lambda: len(bob.texts(ALICE)) == 1)
            bob.send(ALICE, "hello Alice")
            await app.phone.town.until(lambda: len(app.phone.texts(BOB)) == 2)
            page = (await browser.get(there)).body.decode()
            assert "hello &lt;b&gt;Bob&lt;/b&gt;" in page
            assert "<b>" not in page
            assert "Delivered" in page
            assert "Encrypted: only the two of you can read it." in page
            listed = (await browser.get("/list")).body.decode()
            assert "1 unread message" in listed
            await browser.post(f"{there}/seen")
            assert "unread" not in (await browser.get("/list")).body.decode()

    run(main())


def test_looking_at_everything_causes_no_traffic(tmp_path: Path) -> None:
    """P1, where the leak of 2014 was: threads and contacts are looked at, and nobody is asked anything."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            there = await begun(browser)
            await browser.post("/contacts", {"name": "Bob", "number": BOB})
            line = app.phone.line.hex()
            for path in (
                *("/list", there, f"{there}/about", f"{there}/safety", "/new", "/contacts", "/settings", "/privacy"),
                *("/settings/cloud", f"/lines/{line}", f"/lines/{line}/on", "/policy", f"/lines/{line}/receipts"),
            ):
                assert (await browser.get(path)).status == 200, path
            await browser.post("/search", {"words": "Bob"})
            await browser.post(f"{there}/seen")
            assert app.phone.store.journal(app.phone.line).count() == 0
            assert app.phone.state is LineState.OFF
            assert "Nothing." in (await browser.get("/privacy")).body.decode()

    run(main())


def test_a_thread_is_given_in_pages_and_around_what_was_found(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            there = await begun(browser)
            for number in range(120):
                app.phone.send(BOB, f"text number {number:03}")
            page = (await browser.get(there)).body.decode()
            shown = [int(one) for one in re.findall(r"text number (\d{3})", page)]
            assert shown == list(range(70, 120))
            first = re.search(r'data-first="([0-9.]+)"', page)
            assert first is not None
            older = (await browser.post(f"{there}/older", {"before": float(first.group(1))})).body.decode()
            assert [int(one) for one in re.findall(r"text number (\d{3})", older)] == list(range(20, 70))
            assert (await browser.post(f"{there}/older", {"before": 0.5})).body == b""
            found = (await browser.post("/search", {"words": "number 033"})).body.decode()
            link = re.search(rf'href="#({there}/at/\d+)"', found)
            assert link is not None
            around = (await browser.get(link.group(1))).body.decode()
            assert "text number 033" in around
            assert "text number 119" not in around

    run(main())


def test_a_text_that_failed_says_so_and_can_be_sent_again_or_deleted(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            there = await begun(browser)
            long = app.phone.send(BOB, "x" * 45_000)
            assert app.phone.state_of(long) == State.FAILED
            page = (await browser.get(there)).body.decode()
            assert "Not delivered" in page
            assert "Shorten it." in page
            assert "Send again" in page
            assert outcome(await browser.post(f"/texts/{long.id}/delete")) == {"refresh": "list"}
            assert app.phone.texts(BOB) == []
            gone = await browser.post(f"/texts/{long.id}/again")
            assert (gone.status, error(gone)) == (409, "there is no such message; it may have been deleted meanwhile")
            assert (await browser.post(f"/texts/{long.id}/by-sms", {"in_doubt": False})).status == 409
            assert (await browser.post(f"/texts/{long.id}/cancel")).status == 409

    run(main())


def test_without_a_country_code_the_lines_own_country_is_meant(tmp_path: Path) -> None:
    """And which number that is can be seen before anything goes there; contacts and files are read the same way."""

    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            assert outcome(await browser.post("/number", {"to": "07700 900102"})) == {"say": "That is +44 7700 900102"}
            assert outcome(await browser.post("/number", {"to": "0770"})) == {}
            assert outcome(await browser.post("/number", {"to": "Bo"})) == {}
            await browser.post("/contacts", {"name": "Bob", "number": "07700 900 102"})
            assert outcome(await browser.post("/number", {"to": "07700 900102", "line": app.phone.line.hex()})) == {
                "say": "That is +44 7700 900102, Bob"
            }
            there = await begun(browser, "07700 900102")
            assert there == await begun(browser, BOB)
            assert app.phone.store.journal(app.phone.line).count() == 0

    run(main())


def test_what_cannot_be_written_to_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            for number in ("nobody", "1234 567"):
                answer = await browser.post("/new", {"to": number})
                assert answer.status == 409
                assert number not in error(answer)
            assert (await browser.get("/c/99")).status == 409
            assert (await browser.get("/nowhere")).status == 404

    run(main())
    assert can_be_written_to("85075")
    assert not can_be_written_to("POST")


@pytest.mark.parametrize(
    ("parts", "price", "total"),
    [
        (3, "0.09 €", "0.27 €"),
        (2, "0,09 €", "0,18 €"),
        (2, "9 ct", "18 ct"),
        (1, "", ""),
        (0, "9", ""),
        (2, "free", ""),
        (2, "$1.5", "$3.0"),
    ],
)
def test_a_price_is_multiplied_as_it_was_written(parts: int, price: str, total: str) -> None:
    assert _times(parts, price) == total


def test_a_line_that_is_asked_anew_says_so_before_anything_else(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            assert "waits for your answer" not in (await browser.get("/list")).body.decode()
            line = app.phone.store.lines.get(app.phone.line)
            with app.phone.store.transaction("asked"):
                changed = replace(line, state=LineState.POLICY_CHANGED, trouble="An update says what was <wrong>.")
                app.phone.store.lines.put(changed)
            page = (await browser.get("/list")).body.decode()
            assert "Cloud Messaging waits for your answer" in page
            assert "An update says what was &lt;wrong&gt;." in page
            assert f"#/lines/{line.id.hex()}/agree" in page
            assert f"/lines/{line.id.hex()}/off" in page
            assert page.index("waits for your answer") < page.index('id="rows"')

    run(main())


def test_the_next_text_may_leave_by_another_line(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            there = await begun(browser)
            other = b"2" * 16
            with app.phone.store.transaction("second-line"):
                app.phone.store.lines.add(Line(id=other, name="work"))
            assert outcome(await browser.post(f"{there}/line", {"line": other.hex()}))["go"] == "#/c/2"
            assert f'value="{other.hex()}" selected' in (await browser.get("/c/2")).body.decode()
            assert outcome(await browser.post("/c/2/line", {"line": app.phone.line.hex()}))["go"] == f"#{there}"
            assert "choose the line" in error(await browser.post(f"{there}/line", {"line": "0" * 32}))

    run(main())


def test_the_counter_of_an_sms(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            await browser.post("/settings", {"price": "0.10 €"})
            for text, parts, left in (("a" * 150, 1, 10), ("a" * 161, 2, 145), ("你好", 1, 68), ("€", 1, 158)):
                answer = outcome(await browser.post("/measure", {"text": text}))
                assert (answer["parts"], answer["left"]) == (parts, left)
                assert answer["price"] == f"{parts / 10:.2f} €"

    run(main())


def test_the_first_run_asks_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            assert "Not now" in (await browser.get("/list")).body.decode()
            await browser.post("/first-run")
            assert "Not now" not in (await browser.get("/list")).body.decode()

    run(main())
