"""Two people side by side, each with a phone and its app, from the first run to the last tap."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from sayso.phone import command_types as ask
from tests.aio import run
from tests.integration.app.stage import (
    LATE,
    SIMS,
    WRITTEN,
    bob_knows_alice_and_is_away,
    bubble,
    conversation,
    hold_a_thread,
    stage,
    write,
)

pytestmark = pytest.mark.slow
PATIENCE_S = 200.0


async def _compared(alice: Page, bob: Page) -> None:
    """Both look at the safety number, and it is the same."""
    await alice.click(".thread-who")
    await alice.click("text=Safety number")
    digits = await alice.locator(".digits").inner_text()
    await bob.click(".thread-who")
    await bob.click("text=Safety number")
    assert await bob.locator(".digits").inner_text() == digits
    await bob.click("text=They are the same")
    await expect(bob.locator(".note-good")).to_have_text("You have compared them.")


def test_from_the_first_run_to_a_message_to_opt_out(tmp_path: Path) -> None:
    """Nothing is on; both say yes in the app; a text and its answer are live; one tap ends it, and SMS goes on."""

    async def main() -> None:
        async with stage(tmp_path) as here:
            await here.phone("alice", "alice")
            await here.phone("bob", "bob")
            alice, bob = await here.page("alice"), await here.page("bob")
            await alice.goto(alice.url.split("#")[0] + "#/privacy")
            await expect(alice.locator(".hero h2")).to_have_text("Nothing.")
            looking_on = await bob.context.new_page()
            await looking_on.goto(bob.url.split("#")[0])
            await expect(looking_on.locator(".first")).to_contain_text("nothing has left this phone")

            for page in (alice, bob):
                await page.click("text=See what it does")
                await page.click(".switch")
                await expect(page.locator("input[name=findable]:checked")).to_have_count(0)
                await page.click("text=Yes, turn it on")  # not without an answer to who may find me
                await expect(page.locator("#server")).to_be_visible()
                await page.check("input[name=findable][value=everyone]")
                await page.click("text=Yes, turn it on")
                await expect(page.locator(".dot-on")).to_be_visible()  # the code came by SMS, and was read
                await expect(page.locator(".first")).to_have_count(0)
            await expect(looking_on.locator(".first")).to_have_count(0)  # which is not true any more
            await looking_on.close()

            await conversation(alice, SIMS["bob"])
            await conversation(bob, SIMS["alice"])
            await write(alice, "Now only the two of us can read this.")
            await expect(bob.locator(bubble("Now only the two of us can read this.", "in"))).to_be_visible()
            await expect(alice.locator(bubble("Now only the two of us can read this."))).to_contain_text("Sent")
            await write(bob, "So it seems! 🎉")  # and from now on Alice gets receipts: Bob has answered
            await expect(alice.locator(bubble("Now only the two of us can read this."))).to_contain_text("Delivered")
            await expect(alice.locator(bubble("So it seems! 🎉", "in"))).to_be_visible()
            await expect(alice.locator(".composer-foot")).to_contain_text("Encrypted: only the two of you")

            await _compared(alice, bob)

            await alice.goto(alice.url.split("#")[0] + "#/privacy")
            await expect(alice.locator(".sums")).to_contain_text("connections ever")

            other_tab = await alice.context.new_page()  # opened without a link: the open tab hands it a secret
            await other_tab.goto(alice.url.split("#")[0])
            await expect(other_tab.locator("#rows .row")).to_have_count(1)
            await alice.goto(alice.url.split("#")[0] + "#/settings/cloud")
            await alice.click("button.switch")
            await expect(alice.locator(".note-good")).to_contain_text("The server has erased what it held of you")
            await expect(other_tab.locator("h1")).to_have_text("Sayso is locked")
            await alice.click("text=Back to Messages")
            await alice.click("#rows .row a")
            await expect(alice.locator(".composer-foot")).to_contain_text("asks you before it goes by SMS")
            line = (await here.client("alice").lines())[0]
            assert line.state == "off"

    run(main(), patience=PATIENCE_S)


def test_a_text_that_waits_can_be_taken_back_or_sent_by_sms(tmp_path: Path) -> None:
    """Bob's phone is off. Each policy does what it says: never waits, ask asks, and after a while it goes by itself."""

    async def main() -> None:
        async with stage(tmp_path) as here:
            alice = await bob_knows_alice_and_is_away(here)
            await alice.click(".thread-who")
            await alice.check("input[name=undelivered][value=never]", force=True)
            await alice.check("input[name=unreachable][value=never]", force=True)
            await alice.click("form[data-post$=fallback] button[type=submit]")
            await alice.click(".back")
            await write(alice, "I can wait")
            await expect(alice.locator(bubble("I can wait"))).to_contain_text("Sent")

            await alice.click(".thread-who")
            await alice.check("input[name=undelivered][value=after]", force=True)
            await alice.fill("#undelivered-min", "1")
            await alice.click("form[data-post$=fallback] button[type=submit]")
            await alice.click(".back")
            soon = alice.locator(bubble("I can wait"))
            await expect(soon.locator("summary")).to_contain_text("By SMS at")  # seen without opening anything
            await soon.locator("summary").click()
            await soon.locator("text=Take it back").click()
            await expect(soon).to_contain_text("Taken back")
            await write(alice, "This one is urgent")
            urgent = alice.locator(bubble("This one is urgent"))
            await urgent.locator("summary").click()
            await urgent.locator("text=Send as SMS").first.click()
            await alice.click("#ask-yes")
            await expect(urgent.locator(".channel-sms")).to_be_visible()
            await write(alice, "And this one goes by itself")
            itself = alice.locator(bubble("And this one goes by itself"))
            await expect(itself.locator(".channel-sms")).to_be_visible(timeout=110_000)

    run(main(), patience=PATIENCE_S + 120)


def test_two_lines_are_two_switches_and_an_answer_leaves_by_the_line_that_received(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path) as here:
            await here.phone("alice", "alice", "work")
            await here.phone("bob", "bob")
            await here.opt_in("alice", "work")
            page = await here.page("alice")
            await page.click("[aria-label=Settings]")
            await page.click("text=Cloud Messaging")
            await expect(page.locator("[role=switch][aria-checked=true]")).to_have_count(1)
            await expect(page.locator("[role=switch][aria-checked=false]")).to_have_count(1)
            await here.sms(SIMS["bob"], SIMS["work"], "to your work number")
            await page.click("#rows .row a")
            await expect(page.locator("#line-choice option:checked")).to_contain_text("work")
            await write(page, "answered from work")
            message = await here.client("bob").wait_for_message(
                lambda one: one.text == "answered from work", what="the answer"
            )
            assert message.number == SIMS["work"]
            from_work = await page.locator("#composer").get_attribute("data-conversation") or ""
            await hold_a_thread(page, but=f"/c/{from_work}")
            await page.fill("#text", "begun at")
            await page.select_option("#line-choice", label="alice")
            await page.evaluate(WRITTEN)
            await page.fill("#text", "begun at work")
            await page.evaluate(LATE)
            # The thread with Bob on the other line, whose composer says how it goes from there; the draft comes along,
            # with what was written until that thread was there.
            await expect(page.locator("#composer")).not_to_have_attribute("data-conversation", from_work)
            await expect(page.locator("#line-choice option:checked")).to_contain_text("alice")
            await expect(page.locator("#text")).to_have_value("begun at work")
            # And the line stays chosen, though the view is fetched anew since a line has changed.
            await here.client("alice").ask(ask.SetReadReceipts(line="work", on=True), ask.Done)
            await write(page, "and from home")
            await expect(page.locator("#line-choice option:checked")).to_contain_text("alice")
            message = await here.client("bob").wait_for_message(lambda one: one.text == "and from home", what="it")
            assert message.number == SIMS["alice"]
            await expect(page.locator("#rows .row")).to_have_count(2)

    run(main(), patience=PATIENCE_S)


def test_other_keys_are_shown_until_they_are_compared(tmp_path: Path) -> None:
    """Bob gets a new phone: Alice is told in the thread, on top of it, and by the composer's other safety number."""

    async def main() -> None:
        async with stage(tmp_path) as here:
            for name in ("alice", "bob"):
                await here.phone(name, name)
                await here.opt_in(name)
            await here.client("bob").ask(ask.Send(to=SIMS["alice"], text="from my old phone"), ask.Sending)
            page = await here.page("alice")
            await page.click("#rows .row a")
            await expect(page.locator(bubble("from my old phone", "in"))).to_be_visible()
            await here.client("bob").ask(ask.OptOut(), ask.OptedOut)
            await here.off("bob")
            await here.phone("bob-2", "bob")
            await here.opt_in("bob-2")
            await here.client("bob-2").ask(ask.Send(to=SIMS["alice"], text="from my new phone"), ask.Sending)
            await expect(page.locator(bubble("from my new phone", "in"))).to_be_visible()
            await expect(page.locator(".system-alarm")).to_contain_text("This number has other keys than before")
            await page.reload()
            await expect(page.locator(".banner-alarm")).to_be_visible()
            await page.click(".banner-alarm a")
            await page.click("text=They are the same")
            # Each by where it leads: a second click on a page that is about to go would lead nowhere.
            await page.click("a.back[href$='/about']")
            await page.click("a.back:not([href$='/about'])")
            await expect(page.locator(".thread-sub")).to_have_text("Encrypted, compared")
            await expect(page.locator(".banner-alarm")).to_have_count(0)

    run(main(), patience=PATIENCE_S)


def test_a_page_comes_back_by_itself_when_the_phone_does(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            await here.phone("alice", "alice")
            await here.sms(SIMS["bob"], SIMS["alice"], "before")
            page = await here.page("alice")
            await page.click("#rows .row a")
            await page.fill("#text", "a draft that stays")
            await here.off("alice")
            await expect(page.locator("#offline")).to_be_visible()
            await here.sms(SIMS["bob"], SIMS["alice"], "meanwhile")
            await here.phone("alice", "alice")
            await expect(page.locator(bubble("meanwhile", "in"))).to_be_visible()
            await expect(page.locator("#offline")).to_be_hidden()
            await expect(page.locator("#text")).to_have_value("a draft that stays")
            await here.sms(SIMS["bob"], SIMS["alice"], "after")
            await expect(page.locator(bubble("after", "in"))).to_be_visible()

    run(main(), patience=PATIENCE_S)
