"""Settings > Cloud Messaging: a yes that is informed, a no that is one tap, and what is shown in between."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sayso.consent.policy import current_policy
from sayso.phone.core.lines import LineState
from tests.aio import run
from tests.fakes.honest_server import URL
from tests.fakes.phones import ALICE, BOB, Town
from tests.fakes.relay_server import RelayServer
from tests.fakes.web_app import Browser, WebApp, error, outcome, web_app


def yes(app: WebApp, **changed: object) -> dict[str, Any]:
    """What the form sends."""
    return {
        "server": URL,
        "server_key": app.phone.town.server.digest.hex(),
        "findable": "everyone",
        "policy_sha256": current_policy().sha256.hex(),
        "agreed": True,
        **changed,
    }


def test_from_off_to_on_to_off_with_the_receipt(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser, other = await app.browser(), await app.browser()
            line = f"/lines/{app.phone.line.hex()}"
            page = (await browser.get(f"{line}/on")).body.decode()
            assert "checked" not in page  # who may find me: asked, nothing preselected
            assert current_policy().sha256.hex() in page
            assert outcome(await browser.post(f"{line}/on", yes(app)))["go"] == f"#{line}"
            await app.phone.town.until(lambda: app.phone.state is LineState.ON and app.phone.service.connected)
            page = (await browser.get(line)).body.decode()
            assert "dot-on" in page
            assert "Everyone who has your number" in page
            held = (await browser.get(f"{line}/held")).body.decode()
            assert "In place of your number (token)" in held
            stream_session = app.sessions.check(other.cookie, other.tab)
            old = Browser(app.client)
            old.cookie, old.tab = browser.cookie, browser.tab
            left = outcome(await browser.post(f"{line}/off"))
            assert "The server has erased what it held of you, and signed for it." in left["html"]
            assert app.phone.state is LineState.OFF
            # Every session ends with it; the tab that gave the no goes on with a fresh one.
            assert not app.sessions.is_open(stream_session)
            assert (await old.get("/list")).status == 401
            assert (await other.get("/list")).status == 401
            browser.tab = left["tab"]
            assert (await browser.get("/list")).status == 200
            assert b"sayso-proofs-1" in (await browser.get(f"{line}/receipts")).body

    run(main())


def test_who_may_find_me_is_changed_by_a_consent_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            line = f"/lines/{app.phone.line.hex()}"
            answer = await browser.post(f"{line}/findable", {"findable": "nobody"})
            assert answer.status == 409, "it is asked when it is turned on, and nothing was sent"
            await app.phone.opt_in()
            assert 'value="everyone" required checked' in (await browser.get(line)).body.decode()
            assert (await browser.post(f"{line}/findable", {"findable": "friends"})).status == 400
            await browser.post(f"{line}/findable", {"findable": "nobody"})
            await app.phone.town.until(lambda: app.phone.service.connected)
            page = (await browser.get(line)).body.decode()
            assert 'value="nobody" required checked' in page
            assert "nobody until you write first" in (await browser.get(f"{line}/held")).body.decode()
            assert len(app.phone.store.lines.consents(app.phone.line)) == 2

    run(main())


def test_texts_that_wait_in_others_mailboxes_are_offered_before_the_no_and_told_of_after_it(tmp_path: Path) -> None:
    async def main() -> None:
        town = Town(RelayServer)
        bob = town.phone(BOB)
        async with web_app(tmp_path, town) as app:
            browser, alice = await app.browser(), app.phone
            line = f"/lines/{alice.line.hex()}"
            async with bob.running():
                await alice.opt_in()
                await bob.opt_in()
                for page in (line, "/settings/cloud"):
                    assert "recall_waiting" not in (await browser.get(page)).body.decode(), "there is nothing to ask"
                alice.send(BOB, "fetched")
                await town.pass_time(2)
                bob.send(ALICE, "thanks")  # so Alice is no stranger, and is told what was delivered
                await town.pass_time(2)
            alice.send(BOB, "waits")
            await town.pass_time(2)
            for page in (line, "/settings/cloud"):
                shown = (await browser.get(page)).body.decode()
                assert "Take back 1 text that still waits" in shown
                assert 'name="recall_waiting">' in shown, "not preselected"
            async with asyncio.TaskGroup() as tasks:
                leaving = tasks.create_task(browser.post(f"{line}/off", {"recall_waiting": True}))
                while not leaving.done():
                    await town.pass_time(0.1)
            left = outcome(leaving.result())
            assert "1 text that still waited was taken back first." in left["html"]
            assert alice.state is LineState.OFF
            assert ("out", "cloud", "waits", "cancelled") in alice.said(BOB)

    run(main())


def test_texts_that_are_left_waiting_are_told_of(tmp_path: Path) -> None:
    async def main() -> None:
        town = Town(RelayServer)
        bob = town.phone(BOB)
        async with web_app(tmp_path, town) as app:
            browser, alice = await app.browser(), app.phone
            async with bob.running():
                await alice.opt_in()
                await bob.opt_in()
            alice.send(BOB, "waits")
            await town.pass_time(2)
            left = outcome(await browser.post(f"/lines/{alice.line.hex()}/off"))
            assert "1 text of yours still waits in another's mailbox." in left["html"]

    run(main())


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"agreed": False}, 400),
        ({"findable": ""}, 400),
        ({"findable": "friends"}, 400),
        ({"policy_sha256": "0" * 64}, 409),
        ({"server_key": "0" * 63}, 409),
        ({"server_key": "g" * 64}, 409),
        ({"server": "not an address"}, 409),
    ],
)
def test_a_yes_that_is_none_changes_nothing(tmp_path: Path, changed: dict[str, object], status: int) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            line = f"/lines/{app.phone.line.hex()}"
            answer = await browser.post(f"{line}/on", yes(app, **changed))
            assert answer.status == status, answer.body
            missing = yes(app)
            del missing["findable"]
            assert (await browser.post(f"{line}/on", missing)).status == 400
            assert app.phone.state is LineState.OFF
            assert app.phone.store.journal(app.phone.line).count() == 0
            assert app.phone.store.lines.consents(app.phone.line) == []

    run(main())


def test_a_line_that_is_none(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            for line in ("0" * 32, "sim1", "x"):
                answer = await browser.get(f"/lines/{line}")
                assert (answer.status, error(answer)[:30]) == (409, "this phone has no line of this")

    run(main())


def test_switches_and_forms_of_a_line_that_is_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            await app.phone.opt_in()
            line = f"/lines/{app.phone.line.hex()}"
            await browser.post(f"{line}/read-receipts", {"on": True})
            assert app.phone.service.line.read_receipts
            assert (await browser.post(f"{line}/pin", {"pin": "12"})).status == 400
            assert "No PIN is set." in (await browser.get(line)).body.decode()
            await browser.post(f"{line}/fallback", {"undelivered": "never", "unreachable": "ask"})
            assert 'name="undelivered" value="never" checked' in (await browser.get(line)).body.decode()
            assert (await browser.post(f"{line}/code", {"code": "letters"})).status == 409
            assert (await browser.post(f"{line}/code", {"code": "123 456"})).status == 409

    run(main())


def test_language_and_colours_are_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            browser.language = "de-AT,de;q=0.9,en;q=0.5"
            assert 'lang="de"' in (await browser.get("/")).body.decode()
            answer = await browser.post("/settings", {"language": "en", "theme": "dark", "price": "9 ct"})
            assert outcome(answer) == {"go": "reload"}
            page = (await browser.get("/")).body.decode()
            assert 'lang="en"' in page
            assert 'data-theme="dark"' in page
            assert (await browser.post("/settings", {"language": "tlh"})).status == 400

    run(main())
