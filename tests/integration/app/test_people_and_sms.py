"""People, and what an SMS costs: an address book comes in, somebody is blocked, a conversation is kept and deleted."""

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.aio import run
from tests.integration.app.stage import SIMS, bubble, stage, write

pytestmark = pytest.mark.slow
PATIENCE_S = 200.0
CARDS = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bob Okafor\r\nTEL;TYPE=CELL:07700 900002\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:نور\r\nTEL:+44 7700 900003\r\nTEL:ask me\r\nEND:VCARD\r\n"
)


async def _downloaded(page: Page, words: str) -> bytes:
    async with page.expect_download() as download:
        await page.click(f"text={words}")
    return await asyncio.to_thread(Path(await (await download.value).path()).read_bytes)


def test_an_address_book_a_block_an_export_and_an_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            await here.phone("alice", "alice")
            page = await here.page("alice")
            await page.click("text=Not now")
            await page.goto(page.url.split("#")[0] + "#/contacts")
            file = {"name": "people.vcf", "mimeType": "text/vcard", "buffer": CARDS.encode()}
            await page.set_input_files("[data-upload]", [file])  # type: ignore[arg-type]  # Playwright's own form
            await expect(page.locator(".toast")).to_contain_text("2 contacts taken over. 1 was left out")
            await expect(page.locator("#main")).to_contain_text("Bob Okafor")
            await expect(page.locator("#main")).to_contain_text("+44 7700 900002")

            # Right to left, with emoji, beside a name in another direction; in both places where it is shown.
            text = "مرحبا 🌙 see you at 8"
            await here.sms(SIMS["bob"], SIMS["alice"], text)
            await page.click(f"#rows .row:has-text('{text}') a")
            await expect(page.locator(bubble(text, "in"))).to_be_visible()
            direction = "getComputedStyle(document.querySelector('.bubble-text')).direction"
            assert await page.evaluate(direction) == "rtl"
            await expect(page.locator("#thread-name")).to_have_text("Bob Okafor")
            await write(page, "👍")
            await expect(page.locator(".bubble.big")).to_be_visible()

            await page.click(".thread-who")
            assert text in (await _downloaded(page, "Export as text")).decode()
            exported = json.loads(await _downloaded(page, "Export for programs"))
            assert [one["text"] for one in exported["messages"]] == [text, "👍"]

            await page.click(".item-alarm:has-text('Block')")
            await page.click("#ask-yes")
            await expect(page.locator("#rows .row")).to_have_count(0)
            await here.sms(SIMS["bob"], SIMS["alice"], "you cannot see this")
            await page.goto(page.url.split("#")[0] + "#/contacts")
            await page.click("text=Unblock")
            await page.click("#rows .row a")
            await expect(page.locator(bubble("you cannot see this", "in"))).to_be_visible()  # kept, and told to nobody

            await page.click(".thread-who")
            await page.click("text=Delete this conversation")
            await page.keyboard.press("Escape")
            await expect(page.locator("#rows .row")).to_have_count(1)
            await page.click("text=Delete this conversation")
            await page.click("#ask-yes")
            await expect(page.locator("#rows .row")).to_have_count(0)

    run(main(), patience=PATIENCE_S)


def test_an_sms_says_what_it_is_while_it_is_written(tmp_path: Path) -> None:
    """The channel before the first key; then segments, as the alphabet makes them, and what they cost."""

    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            await here.phone("alice", "alice")
            page = await here.page("alice")
            await page.click("text=Not now")
            await page.click("[aria-label=Settings]")
            await page.fill("#price", "0.09 €")
            await page.click("form[data-post='/settings'] button[type=submit]")
            await page.wait_for_load_state()
            await page.click(".fab")
            await conversation_begun(page)
            await expect(page.locator("#goes")).to_contain_text("By SMS: the networks can read it.")
            await expect(page.locator(".send")).to_have_attribute("aria-label", "Send as SMS, not encrypted")
            await expect(page.locator("#counter")).to_have_text("")
            await page.fill("#text", "a" * 160)
            await expect(page.locator("#counter")).to_have_text("0 left, 1 SMS · 0.09 €")
            await page.fill("#text", "a" * 161)
            await expect(page.locator("#counter")).to_have_text("145 left, 2 SMS · 0.18 €")
            await page.fill("#text", "火锅" * 40)  # UCS-2: 70 in one, 67 in each of several
            await expect(page.locator("#counter")).to_have_text("54 left, 2 SMS · 0.18 €")

    run(main(), patience=PATIENCE_S)


async def conversation_begun(page: Page) -> None:
    """Begin one from the view that is open already."""
    await page.fill("#to", SIMS["bob"])
    await page.click("#new-form button[type=submit]")
    await page.wait_for_selector("#text")
