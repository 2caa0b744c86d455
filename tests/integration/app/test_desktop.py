"""As an app on a desktop: opened by the command, installable, with notifications; and by links to numbers."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.aio import run
from tests.integration.app.stage import SIMS, Stage, bubble, stage

pytestmark = pytest.mark.slow
PATIENCE_S = 200.0
# Headless browsers show no notification; what the page asks for is what one with a desktop would show.
NOTED = """() => {
  window.noted = [];
  window.Notification = class {
    static permission = "granted";
    static requestPermission = async () => "granted";
    constructor(title, options) { window.noted.push({ title, body: options.body, note: this }); }
    close() {}
  };
}"""


def _opener(tools: Path) -> None:
    """Put a program that notes what it is to open in the place of the desktop's own."""
    tools.mkdir()
    opener = tools / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tools}/opened"\n')
    opener.chmod(0o755)


def _mode(file: str) -> int | None:
    """Return who may do what with a file; None where there is none."""
    try:
        return Path(file).stat().st_mode & 0o777
    except FileNotFoundError:
        return None


async def _opened_by_the_command(here: Stage, tools: Path) -> Page:
    """Run `sayso phone open` where what opens files is ours, and go where the file that it was given leads."""
    await asyncio.to_thread(_opener, tools)
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sayso", "phone", "open", "--data", str(here.data / "alice")),
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await command.communicate()
    assert (command.returncode, said) == (0, b""), complained
    opened = (await asyncio.to_thread((tools / "opened").read_text)).removeprefix("file://")
    assert opened == str((here.data / "alice" / "open.html").absolute()), "not the link: others can read a command line"
    assert await asyncio.to_thread(_mode, opened) == 0o600
    found = re.search('href="([^"]+)"', await asyncio.to_thread(Path(opened).read_text))
    assert found is not None
    page = await (await here.context()).new_page()
    await page.goto(found.group(1))  # where the file leads; a browser of ours opens nothing but the app itself
    await page.wait_for_selector("body[data-view='list']")
    assert await asyncio.to_thread(_mode, opened) is None, "the link was used"
    return page


def test_opened_by_the_command_installable_and_told_of_what_comes(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(tmp_path / "w", server=False) as here:
            await here.phone("alice", "alice")
            page = await _opened_by_the_command(here, tmp_path / "tools")
            assert "#" not in page.url.rstrip("/#"), "the code does not stay in the address"
            await page.click("text=Not now")

            browser = await page.context.new_cdp_session(page)
            manifest = await browser.send("Page.getAppManifest")
            assert manifest["errors"] == []
            found = await browser.send("Page.getInstallabilityErrors")
            errors = {one["errorId"] for one in found["installabilityErrors"]}
            assert errors <= {"in-incognito"}, errors  # which is what a browser profile of a test is

            await page.evaluate(NOTED)
            await page.click("[aria-label=Settings]")
            await here.sms(SIMS["bob"], SIMS["alice"], "are you there? 🌙")
            # Not by `wait_for_function`: it evaluates a string in the page, which the app's policy forbids.
            while await page.evaluate("window.noted.length") == 0:
                await page.wait_for_timeout(50)
            await expect(page).to_have_title("(1) Messages")
            noted = await page.evaluate("({ ...window.noted[0], note: undefined })")
            assert (noted["title"], noted["body"]) == ("+44 7700 900002", "are you there? 🌙")
            await page.evaluate("window.noted[0].note.onclick()")
            await expect(page.locator(bubble("are you there? 🌙", "in"))).to_be_visible()
            await expect(page).to_have_title("Messages")
            await here.sms(SIMS["bob"], SIMS["alice"], "I see that you are")
            await expect(page.locator(bubble("I see that you are", "in"))).to_be_visible()
            assert await page.evaluate("window.noted.length") == 1, "who looks at it is not told of it"

            for link, number, text in (
                ("sms:+447700900003?body=On%20my%20way%20%F0%9F%9A%B2", "+44 7700 900003", "On my way 🚲"),
                ("tel:+447700900004", "+44 7700 900004", ""),
            ):
                await page.evaluate("link => { location.hash = '#/link/' + encodeURIComponent(link) }", link)
                await expect(page.locator("#to-echo")).to_have_text(f"That is {number}")
                assert number.replace(" ", "") not in page.url
                await page.click("#new-form button[type=submit]")
                await expect(page.locator("#thread-name")).to_have_text(number)
                await expect(page.locator("#text")).to_have_value(text)

    run(main(), patience=PATIENCE_S)
