"""A phone with people and texts in it, for tests that look at every page, and for the pictures of the documentation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Page, expect

from sayso.phone import command_types as ask
from tests.integration.app.stage import SIMS, Stage, stage

NAMES: Final = {"bob": "Bob Okafor", "carol": "李小龙", "work": "Mara Lindqvist"}
TALK: Final = (
    ("bob", "Just did. One switch, and a receipt for it. 🎉"),
    ("alice", "So this one only you can read?"),
    ("bob", "Only us. The server cannot."),
    ("bob", "I compared the digits too."),
    ("alice", "👍"),
    ("bob", "Lunch on Friday? The place by the canal has its terrace open again, and the lemon cake is back."),
    ("alice", "Count me in.\nTwelve thirty?"),
)


@asynccontextmanager
async def furnished(data: Path) -> AsyncIterator[Stage]:
    """Alice's phone with people and texts in it, on and connected; Bob's beside it."""
    async with stage(data) as here:
        for name in ("alice", "bob"):
            await here.phone(name, name)
        alice, bob = here.client("alice"), here.client("bob")
        for sim, name in NAMES.items():
            await alice.ask(ask.AddContact(name=name, number=SIMS[sim]), ask.Done)
        await here.sms("POST", SIMS["alice"], "Your parcel GB-1188 arrives today between 14:00 and 15:00.")
        await here.sms("+447700900013", SIMS["alice"], "مرحبا أليس! هل ما زلنا سنلتقي يوم الجمعة؟ 🌙")
        await here.sms(SIMS["carol"], SIMS["alice"], "周五晚上吃火锅吗?")
        await here.sms(SIMS["work"], SIMS["alice"], "Did you get the tickets?")
        for name in ("alice", "bob"):
            await here.opt_in(name)
        for who, text in TALK:
            to = SIMS["alice" if who == "bob" else "bob"]
            sent = (await here.client(who).ask(ask.Send(to=to, text=text), ask.Sending)).message
            await here.client(who).wait_for_message(
                lambda one, sent=sent: one.id == sent.id and one.state in {"accepted", "delivered", "read"},  # type: ignore[misc]
                what="it to be sent",
            )
        await bob.ask(ask.SetReadReceipts(on=True), ask.Done)
        await bob.ask(ask.OpenThread(number=SIMS["alice"]), ask.MessageList)
        await alice.wait_for_message(lambda one: one.text.startswith("Count") and one.state == "read", what="a tick")
        yield here


async def go(page: Page, where: str, until: str) -> None:
    """Go to a view, and wait until it is there."""
    await page.evaluate("where => { location.hash = where }", where)
    await expect(page.locator(until).first).to_be_visible()


async def views(page: Page) -> list[tuple[str, str, str]]:
    """Name, place and mark of every view there is."""
    row = await page.locator(f"#rows .row:has-text('{NAMES['bob']}')").get_attribute("data-id")
    await go(page, "#/settings/cloud", "button.switch")
    line = str(await page.locator("a.item-text[href^='#/lines/']").first.get_attribute("href"))
    return [
        ("list", "#/", "#rows"),
        ("thread", f"#/c/{row}", "#text"),
        ("about", f"#/c/{row}/about", ".hero"),
        ("safety", f"#/c/{row}/safety", ".qr"),
        ("new", "#/new", "#to"),
        ("contacts", "#/contacts", "#contact-name"),
        ("settings", "#/settings", "#language"),
        ("cloud", "#/settings/cloud", "button.switch"),
        ("line", line, ".facts"),
        ("consent", f"{line}/on", ".sent"),
        ("held", f"{line}/held", ".facts"),
        ("policy", "#/policy", ".policy"),
        ("privacy", "#/privacy", ".sums"),
    ]
