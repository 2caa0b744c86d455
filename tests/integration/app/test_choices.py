"""What only the person decides: whether a text goes by SMS, what is taken back, who may find them, whom they meant."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from sayso.phone import command_types as ask
from tests.aio import run
from tests.integration.app.stage import SIMS, bob_knows_alice_and_is_away, bubble, stage, write

pytestmark = pytest.mark.slow
PATIENCE_S = 240.0


def test_after_its_time_the_question_is_asked_and_nothing_goes_before_the_answer(tmp_path: Path) -> None:
    """Policy `ask`: first it says when it will ask; then it asks, in the thread and the list; yes sends it once."""

    async def main() -> None:
        async with stage(tmp_path) as here:
            page = await bob_knows_alice_and_is_away(here)
            await page.click(".thread-who")
            await page.check("input[name=undelivered][value=ask]", force=True)
            await page.fill("#undelivered-min", "1")
            await page.click("form[data-post$=fallback] button[type=submit]")
            await page.click(".back")
            await write(page, "Shall this go by SMS?")
            await write(page, "And this?")
            asked, other = (page.locator(bubble(text)) for text in ("Shall this go by SMS?", "And this?"))
            await expect(asked.locator("summary")).to_contain_text("You are asked at")
            await expect(asked.locator("details")).not_to_have_attribute("open", "")

            await expect(asked).to_contain_text("Not delivered yet. Send it by SMS", timeout=110_000)
            await expect(asked.locator("details")).to_have_attribute("open", "")  # seen without opening anything
            await expect(asked.locator(".channel-sms")).to_have_count(0)
            await asked.locator("button:has-text('Send as SMS')").first.click()
            await expect(page.locator("#ask-text")).to_contain_text("SMS are not encrypted")
            await page.keyboard.press("Escape")  # no answer is a no
            await expect(page.locator("#ask")).to_be_hidden()
            await expect(asked.locator(".channel-sms")).to_have_count(0)
            await asked.locator("button:has-text('Send as SMS')").first.click()
            await page.click("#ask-yes")
            await expect(asked.locator(".channel-sms")).to_be_visible()
            await expect(asked).to_contain_text("Sent")

            await expect(other).to_contain_text("Not delivered yet. Send it by SMS", timeout=60_000)
            await other.locator("button:has-text('Take it back')").click()
            await expect(other).to_contain_text("Taken back")
            await expect(other.locator(".channel-sms")).to_have_count(0)

            await here.phone("bob", "bob")  # what went by SMS is there once, what was taken back never comes
            bob = await here.page("bob")
            await bob.click("#rows .row a")
            await expect(bob.locator(bubble("Shall this go by SMS?", "in"))).to_have_count(1)
            await expect(bob.locator(bubble("And this?", "in"))).to_have_count(0)

    run(main(), patience=PATIENCE_S + 120)


def test_off_is_one_tap_and_what_still_waits_is_taken_back_if_that_was_ticked(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path) as here:
            page = await bob_knows_alice_and_is_away(here)
            await write(page, "nobody needs this any more")
            await expect(page.locator(bubble("nobody needs this any more"))).to_contain_text("Sent")
            await page.evaluate("location.hash = '#/settings/cloud'")
            offer = page.locator("input[name=recall_waiting]")
            await expect(offer).not_to_be_checked()
            await offer.check()
            # The page is fetched anew, since a line has changed: what was ticked stays so.
            await here.client("alice").ask(ask.SetReadReceipts(on=True), ask.Done)
            await expect(offer).to_be_checked()
            await page.click("button.switch")
            await expect(page.locator("#main")).to_contain_text("1 text that still waited was taken back first.")
            await expect(page.locator(".note-good")).to_contain_text("The server has erased what it held of you")
            await page.click("text=Back to Messages")
            await page.click("#rows .row a")
            await expect(page.locator(bubble("nobody needs this any more"))).to_contain_text("Taken back")

            await here.phone("bob", "bob")
            await here.client("bob").wait_for_line(lambda one: one.connected, what="Bob to be on")
            messages = (await here.client("bob").ask(ask.Messages(), ask.MessageList)).messages
            assert "nobody needs this any more" not in [one.text for one in messages]

    run(main(), patience=PATIENCE_S)


def test_who_may_find_me_is_changed_where_it_is_shown(tmp_path: Path) -> None:
    """A consent of its own; the receipts show both, the server's answer the new one, and messages go on."""

    async def main() -> None:
        async with stage(tmp_path) as here:
            for name in ("alice", "bob"):
                await here.phone(name, name)
                await here.opt_in(name)
            page = await here.page("alice")
            await page.evaluate("location.hash = '#/settings/cloud'")
            await page.click("a.item-text[href^='#/lines/']")
            await expect(page.locator("input[name=findable][value=everyone]")).to_be_checked()
            await page.check("input[name=findable][value=nobody]")
            await page.click("text=Agree to the change")
            await here.client("alice").wait_for_line(
                lambda one: one.findable == "nobody" and one.connected, what="the line to be hidden, and back"
            )
            await expect(page.locator("input[name=findable][value=nobody]")).to_be_checked()
            await page.click("text=What the server holds about you")
            await expect(page.locator("#main")).to_contain_text("nobody until you write first")
            proofs = await here.client("alice").ask(ask.Receipts(), ask.ReceiptList)
            assert (len(proofs.proofs), proofs.unanswered) == (2, 0)
            await here.client("alice").ask(ask.Send(to=SIMS["bob"], text="still here"), ask.Sending)
            came = await here.client("bob").wait_for_message(lambda one: one.text == "still here", what="the text")
            assert came.channel == "cloud"

    run(main(), patience=PATIENCE_S)


def test_a_number_without_a_country_code_is_shown_whole_before_anything_goes_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            await here.phone("alice", "alice")
            page = await here.page("alice")
            await page.click("text=Not now")
            await page.click(".fab")
            await page.fill("#to", "07700 900002")
            await expect(page.locator("#to-echo")).to_have_text("That is +44 7700 900002")
            await page.fill("#to", "077")  # nothing is said of what may be the beginning of many numbers
            await expect(page.locator("#to-echo")).to_have_text("")
            await page.fill("#to", "07700 900002")
            await page.click("#new-form button[type=submit]")
            await expect(page.locator("#thread-name")).to_have_text("+44 7700 900002")
            await page.evaluate("location.hash = '#/link/' + encodeURIComponent('sms:07700900002?body=On%20my%20way')")
            await expect(page.locator("#to-echo")).to_have_text("That is +44 7700 900002")
            await page.click("#new-form button[type=submit]")
            await expect(page.locator("#text")).to_have_value("On my way")
            assert "07700900002" not in page.url

    run(main(), patience=PATIENCE_S)
