"""Every page: without a serious offence against WCAG 2.2 AA, at every width, mirrored, enlarged, by keyboard alone."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import expect

from tests.aio import run
from tests.integration.app.furnished import furnished, go, views
from tests.integration.app.stage import SIMS, bubble, offences, stage, write

pytestmark = pytest.mark.slow
PATIENCE_S = 280.0
LOCKED: Final = re.compile("is locked|ist gesperrt|已锁定")
MOST_SHIFT: Final = 0.05
SHIFT: Final = """() => new Promise(resolve => {
    let sum = 0;
    const watch = new PerformanceObserver(list => list.getEntries().forEach(one => { sum += one.value; }));
    watch.observe({type: 'layout-shift', buffered: true});
    // What was laid out before is reported with the frame after the next.
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
        watch.takeRecords().forEach(one => { sum += one.value; });
        resolve(sum);
    })));
})"""
"""Sums what has jumped since the page was loaded."""
HOSTILE: Final = (
    "<script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "\u202eevil\u202e " * 20,
    "\u200b" * 500,
    "x" * 5000,
    "a\u0301" * 500,
    "</bdi></li></ol><h1>pwned</h1>",
)


def test_axe_finds_nothing_serious(tmp_path: Path) -> None:
    """On every view, light and dark, at 200 % (half the width), with reduced motion; and on the locked page."""

    async def main() -> None:
        async with furnished(tmp_path) as here:
            found: list[str] = []
            looks: list[dict[str, Any]] = [
                {"color_scheme": "light"},
                {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}},
                {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
            ]
            for look in looks:
                page = await here.page("alice", **look)
                for name, where, until in await views(page):
                    await go(page, where, until)
                    found += [f"{name} {look}: {one}" for one in await offences(page)]
            locked = await (await here.context()).new_page()
            await locked.goto((await here.link("alice")).split("#")[0])
            await expect(locked.locator("h1")).to_have_text("Sayso is locked")
            found += await offences(locked)
            assert found == []

    run(main(), patience=PATIENCE_S)


def test_nothing_is_wider_than_the_screen_and_nothing_jumps(tmp_path: Path) -> None:
    """From 320 to 1600 px, in both directions and three languages; layout shift at most 0.05 when a page is loaded."""

    async def main() -> None:
        async with furnished(tmp_path) as here:
            for width, direction, locale in (
                (320, "ltr", "de-DE"),
                (320, "rtl", "en-GB"),
                (800, "rtl", "zh-CN"),
                (1600, "ltr", "zh-CN"),
            ):
                page = await here.page("alice", viewport={"width": width, "height": 720}, locale=locale)
                await page.evaluate("direction => { document.documentElement.dir = direction }", direction)
                for name, where, until in await views(page):
                    await go(page, where, until)
                    over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    assert over <= 0, f"{name} at {width} px, {direction}, {locale}: {over} px too wide"
                    if name in {"list", "thread", "cloud"}:
                        await page.reload()
                        await expect(page.locator(until).first).to_be_visible()
                        assert await page.evaluate(SHIFT) <= MOST_SHIFT, f"{name} at {width} px jumps"
                        await page.evaluate("direction => { document.documentElement.dir = direction }", direction)
                await page.context.clear_cookies()
                await page.evaluate("sessionStorage.clear()")
                await page.reload()
                await expect(page.locator("h1")).to_have_text(LOCKED)
                assert await page.evaluate(SHIFT) <= MOST_SHIFT, f"the locked page at {width} px jumps"

    run(main(), patience=PATIENCE_S)


def test_by_keyboard_alone(tmp_path: Path) -> None:
    """Search, open, write, send, look at a message, and go back; focus is always somewhere that shows."""

    async def main() -> None:
        async with furnished(tmp_path) as here:
            page = await here.page("alice")
            await page.keyboard.press("Control+k")
            await expect(page.locator("#search")).to_be_focused()
            await page.keyboard.type("lemon")
            await expect(page.locator("#found .row-link")).to_be_visible()
            await page.keyboard.press("Tab")
            await expect(page.locator("#found .row-link")).to_be_focused()
            await page.keyboard.press("Enter")
            await expect(page.locator("#text")).to_be_focused()
            await page.keyboard.type("By keyboard")
            await page.keyboard.press("Shift+Enter")
            await page.keyboard.type("in two lines")
            await page.keyboard.press("Enter")
            await expect(page.locator(".bubble.out:has-text('By keyboard')")).to_contain_text("Delivered")
            await page.keyboard.press("Shift+Tab")
            for _ in range(3):
                outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none"
                await page.keyboard.press("Shift+Tab")
            await page.keyboard.press("Escape")
            await expect(page.locator("body")).to_have_attribute("data-view", "list")

    run(main(), patience=PATIENCE_S)


def test_hostile_texts_in_a_real_browser(tmp_path: Path) -> None:
    """They run nothing, break out of nothing, and the bubble stays inside its thread."""

    async def main() -> None:
        async with stage(tmp_path, server=False) as here:
            await here.phone("alice", "alice")
            page = await here.page("alice", viewport={"width": 360, "height": 740})
            for text in HOSTILE:
                await here.sms(SIMS["bob"], SIMS["alice"], text)
            await page.click("#rows .row a")
            await expect(page.locator(".bubble")).to_have_count(len(HOSTILE))
            assert "pwned" not in await page.title()
            assert await page.locator("h1").count() == 1
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            shown = await page.locator(".bubble-text").all_text_contents()
            assert sorted(shown) == sorted(HOSTILE)
            await page.click("text=Show all of it >> nth=0")
            await expect(page.locator(".bubble.long")).to_have_count(0)
            await write(page, "<b>answer</b>")
            await expect(page.locator(bubble("<b>answer</b>"))).to_be_visible()

    run(main(), patience=PATIENCE_S)
