"""A view is fetched anew while somebody reads, writes or taps in it: nothing is disturbed, nothing past is shown."""

import asyncio
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Locator, Page, Route, expect

from sayso.phone import command_types as ask
from tests.aio import run
from tests.integration.app.stage import (
    LATE,
    SIMS,
    WRITTEN,
    Stage,
    bob_knows_alice_and_is_away,
    bubble,
    hold_a_thread,
    stage,
    write,
)

pytestmark = pytest.mark.slow
PATIENCE_S: Final = 200.0
A_WHILE: Final = "() => new Promise((resolve) => setTimeout(resolve, 100))"
DOWN: Final = "id => document.querySelector(`#bubbles [data-id='${id}']`)?.getBoundingClientRect().top ?? -1"
MANY: Final = 130  # more than two pages of a thread
AT_TOP: Final = """() => {
  const log = document.getElementById("log");
  const top = log.getBoundingClientRect().top;
  return [...log.querySelectorAll("[data-id]")].find((one) => one.getBoundingClientRect().top > top).dataset.id;
}"""
# Has the last event that told of a text come once more whenever `again` is called.
TELL_AGAIN: Final = """
  const straight = window.fetch;
  window.fetch = async (path, options) => {
    const answer = await straight(path, options);
    if (path !== "/events") return answer;
    const reader = answer.body.getReader();
    let last;
    const body = new ReadableStream({
      start: (out) => { window.again = () => out.enqueue(last); },
      pull: async (out) => {
        const { done, value } = await reader.read();
        if (done) return out.close();
        const events = new TextDecoder().decode(value).split(/(?<=\\n\\n)/);
        const told = events.findLast((one) => one.startsWith("event: text"));
        if (told) last = new TextEncoder().encode(told);
        out.enqueue(value);
      },
    });
    return new Response(body, { status: 200 });
  };
"""


async def _thread(here: Stage) -> Page:
    """Alice's thread with Bob, of whom she has one SMS; she does not want to hear of Cloud Messaging."""
    await here.phone("alice", "alice")
    await here.sms(SIMS["bob"], SIMS["alice"], "hello")
    page = await here.page("alice")
    await page.click("text=Not now")
    await page.click("#rows .row a")
    await expect(page.locator(bubble("hello", "in"))).to_be_visible()
    return page


async def _told_again(page: Page, message: Locator) -> None:
    """Have the last event come once more, and wait until the bubble of its message is a new one."""
    old = await message.element_handle()
    await page.evaluate("window.again()")
    await page.wait_for_function("old => !old.isConnected", arg=old)


async def _fetched_anew(here: Stage, page: Page, *, on: bool) -> None:
    """Change the line, and wait until the view that this causes is in place."""
    old = await page.query_selector("#log")
    await here.client("alice").ask(ask.SetReadReceipts(on=on), ask.Done)
    await page.wait_for_function("old => !old.isConnected", arg=old)


def test_a_view_that_arrives_late_shows_nothing_of_the_past(tmp_path: Path) -> None:
    """A thread is written, a message comes and is heard of, and only then the thread arrives: it is fetched again."""

    async def main() -> None:
        async with stage(tmp_path) as here:
            await here.phone("alice", "alice")
            await here.sms(SIMS["bob"], SIMS["alice"], "the first one")
            page = await here.page("alice")
            await expect(page.locator("#rows .row")).to_have_count(1)
            await hold_a_thread(page)
            await page.click("#rows .row a")
            await page.evaluate(WRITTEN)
            alice = here.client("alice")
            await alice.ask(ask.Send(to=SIMS["bob"], text="the second one"), ask.Sending)
            await alice.wait_for_message(lambda one: one.state == "sms-sent", what="all that happens to it")
            await expect(page.locator("#rows .row")).to_contain_text("the second one")
            await page.evaluate(LATE)
            await expect(page.locator(bubble("the first one", "in"))).to_be_visible()
            await expect(page.locator(bubble("the second one"))).to_contain_text("Sent")

    run(main(), patience=PATIENCE_S)


def test_a_tap_is_not_lost_though_the_view_is_fetched_meanwhile(tmp_path: Path) -> None:
    """Between the press and the release a line changes: the button that is released is the one that was pressed."""

    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            page = await _thread(here)
            await page.fill("#text", "tapped")
            await page.hover(".send")
            await page.mouse.down()
            async with page.expect_response("**/c/1"):
                await here.client("alice").ask(ask.SetReadReceipts(on=True), ask.Done)
            await page.evaluate(A_WHILE)  # it would be in place by now
            await page.mouse.up()
            await expect(page.locator(bubble("tapped"))).to_be_visible()

    run(main(), patience=PATIENCE_S)


def test_what_is_being_written_is_not_disturbed_by_a_view_that_is_fetched_meanwhile(tmp_path: Path) -> None:
    """A word is selected, a line changes: what is typed replaces that word. A word half composed can be finished."""

    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            page = await _thread(here)
            await page.fill("#text", "keep this word")

            await page.locator("#text").evaluate("text => text.setSelectionRange(5, 9, 'backward')")
            await _fetched_anew(here, page, on=True)
            assert await page.evaluate("document.activeElement.selectionDirection") == "backward"
            await page.keyboard.insert_text("that")
            await expect(page.locator("#text")).to_have_value("keep that word")

            keys = await page.context.new_cdp_session(page)
            await keys.send("Input.imeSetComposition", {"text": "nihon", "selectionStart": 5, "selectionEnd": 5})
            async with page.expect_response("**/c/1"):
                await here.client("alice").ask(ask.SetReadReceipts(on=False), ask.Done)
            await page.evaluate(A_WHILE)
            await keys.send("Input.insertText", {"text": "日本"})
            await expect(page.locator("#text")).to_have_value("keep that日本 word")

    run(main(), patience=PATIENCE_S)


def test_reading_goes_on_where_it_was_though_the_view_is_fetched_meanwhile(tmp_path: Path) -> None:
    """Three pages back, a line changes: the message at the top stays where it is."""

    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            page = await _thread(here)
            for count in range(MANY):
                await here.sms(SIMS["bob"], SIMS["alice"], f"number {count}")
            await expect(page.locator(bubble(f"number {MANY - 1}", "in"))).to_be_visible()
            await page.reload()
            first = page.locator(bubble("hello", "in"))
            await expect(page.locator(bubble(f"number {MANY - 1}", "in"))).to_be_visible()
            await expect(first).to_have_count(0)
            while await first.count() == 0:
                await page.evaluate("() => { document.getElementById('log').scrollTop = 0 }")
                await page.evaluate(A_WHILE)
            await page.evaluate("() => { document.getElementById('log').scrollTop = 700 }")
            top = await page.evaluate(AT_TOP)
            before = await page.evaluate(DOWN, top)
            await _fetched_anew(here, page, on=True)
            await page.wait_for_function(f"id => Math.abs(({DOWN})(id) - {before}) < 2", arg=top)
            await expect(page.locator("#to-end")).to_be_visible()

    run(main(), patience=PATIENCE_S)


def test_what_somebody_unfolded_stays_unfolded_and_takes_a_tap(tmp_path: Path) -> None:
    """The help of a message and a long text: when the message is told of again, and when the view is fetched anew."""

    async def main() -> None:
        async with stage(tmp_path) as here:
            page = await bob_knows_alice_and_is_away(here)
            await page.add_init_script(TELL_AGAIN)
            await page.reload()
            await here.sms(SIMS["carol"], SIMS["alice"], "long " * 320)
            await page.click("#rows .row:has-text('long') a")
            await page.click("text=Show all of it")
            await expect(page.locator(".bubble.long")).to_have_count(0)
            await _fetched_anew(here, page, on=True)
            await expect(page.locator(".bubble.in")).to_have_count(1)
            await expect(page.locator(".bubble.long")).to_have_count(0)

            await page.click("#rows .row:not(:has-text('long')) a")
            await expect(page.locator(bubble("hello", "in"))).to_be_visible()
            await write(page, "It waits")
            waits = page.locator(bubble("It waits"))
            folded = waits.locator("details")
            await expect(waits).to_contain_text("Sent")
            await folded.locator("summary").click()
            await _told_again(page, waits)
            await expect(folded).to_have_attribute("open", "")
            await _fetched_anew(here, page, on=False)
            await expect(folded).to_have_attribute("open", "")
            await waits.locator("text=Take it back").hover()
            await page.mouse.down()
            await page.evaluate("window.again()")
            await page.evaluate(A_WHILE)
            await page.mouse.up()
            await expect(waits).to_contain_text("Taken back")

    run(main(), patience=PATIENCE_S)


def test_a_draft_waits_in_its_conversation(tmp_path: Path) -> None:
    """One goes elsewhere and comes back; what could not be sent comes back too; a lock forgets it all."""

    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            page = await _thread(here)
            await here.sms(SIMS["carol"], SIMS["alice"], "and I am Carol")
            bob, carol = (page.locator(f"#rows .row:has-text('{words}') a") for words in ("hello", "Carol"))
            text = page.locator("#text")
            await text.fill("for Bob")
            await carol.click()
            await expect(page.locator(bubble("and I am Carol", "in"))).to_be_visible()
            await expect(text).to_have_value("")
            await text.fill("for Carol")
            await page.click(".thread-who")
            await page.click(".back")
            await expect(text).to_have_value("for Carol")

            await page.route("**/send", lambda route: route.abort())
            await page.click(".send")
            await expect(page.locator(".toast")).to_be_visible()
            await expect(text).to_have_value("for Carol")
            await bob.click()
            await expect(text).to_have_value("for Bob")
            await text.fill("")
            await expect(page.locator("#counter")).to_have_text("")
            await carol.click()
            await expect(page.locator("#counter")).not_to_have_text("")  # how long a draft is, is said again
            await expect(text).to_have_value("for Carol")
            await here.client("alice").ask(ask.LockApp(), ask.Done)
            await expect(page.locator("h1")).to_have_text("Sayso is locked")
            await page.goto(await here.link("alice"))
            for row in (bob, carol):
                await row.click()
                await expect(page.locator("#rows .current a")).to_have_attribute(
                    "href", await row.get_attribute("href") or ""
                )
                await expect(text).to_have_value("")

    run(main(), patience=PATIENCE_S)


def test_who_has_left_before_the_other_lines_thread_is_there_stays_where_they_went(tmp_path: Path) -> None:
    """And what they write there is not carried away."""

    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            await here.phone("alice", "alice", "work")
            for sender, words in (("bob", "hello"), ("carol", "and I am Carol")):
                await here.sms(SIMS[sender], SIMS["alice"], words)
            page, answered = await here.page("alice"), asyncio.Event()

            async def late(route: Route) -> None:
                await answered.wait()
                await route.continue_()

            await page.route("**/line", late)
            await page.click("#rows .row:has-text('hello') a")
            await page.select_option("#line-choice", label="work")
            await page.click("#rows .row:has-text('Carol') a")
            await expect(page.locator(bubble("and I am Carol", "in"))).to_be_visible()
            await page.fill("#text", "for Carol")
            async with page.expect_response("**/line"):
                answered.set()
            await page.evaluate(A_WHILE)
            await expect(page.locator(bubble("and I am Carol", "in"))).to_be_visible()
            await expect(page.locator("#text")).to_have_value("for Carol")

    run(main(), patience=PATIENCE_S)
