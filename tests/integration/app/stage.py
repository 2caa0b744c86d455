"""A mobile network, a server, phones and a browser: real processes; everything that a page asks for is seen."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect

from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.core.events import Inject
from sayso.demo.processes import Part
from sayso.phone import command_types as ask
from sayso.phone.adapters.daemon_client import DaemonClient
from tests.accounting import not_tested

SIMS: Final = {
    "alice": "+447700900001",
    "bob": "+447700900002",
    "work": "+447700900003",
    "carol": "+447700900004",
}
FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
PATIENCE_MS: Final = 30_000
_HOLD: Final = """(but) => {
  const straight = window.fetch;
  let first = true, told;
  window.written = new Promise((resolve) => { told = resolve; });
  window.fetch = async (path, options) => {
    const answer = await straight(path, options);
    if (!/^\\/c\\/[0-9]+$/.test(path) || path === but || !first) return answer;
    first = false;
    const html = await answer.text();
    const held = new Promise((resolve) => { window.late = resolve; });
    told();
    await held;
    return new Response(html, { status: 200 });
  };
}"""
WRITTEN: Final = "() => window.written"
"""Waits until the thread of `hold_a_thread` is written."""
LATE: Final = "window.late()"
"""Lets it arrive."""
AXE: Final = Path(__file__).resolve().parents[2] / "peers" / "axe" / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class Stage:
    """What is running, and the browser."""

    data: Path
    browser: Browser
    tasks: asyncio.TaskGroup
    parts: AsyncExitStack
    modems: Path = Path()
    server: dict[str, str] = field(default_factory=dict)
    phones: dict[str, Part] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    """Origins that pages asked for anything."""
    wrong: list[str] = field(default_factory=list)
    """What pages complained of."""

    def client(self, name: str) -> DaemonClient:
        """The daemon of a phone."""
        return DaemonClient(self.data / name)

    async def phone(self, name: str, *sims: str) -> None:
        """Switch a phone on; its lines are called as their SIMs."""
        modems = [word for sim in sims for word in ("--modem", f"{sim}={self.modems / sim}.sock")]
        suggested = ("--server", self.server["http"], "--server-key", self.server["key"]) if self.server else ()
        words = ["phone", "run", "--data", str(self.data / name), "--plain-store-key", *modems, *suggested]
        part = await self.parts.enter_async_context(Part(f"phone of {name}", words))
        await part.start(self.tasks)
        self.phones[name] = part

    async def off(self, name: str) -> None:
        """Switch a phone off."""
        await self.phones.pop(name).stop()

    async def sms(self, sender: str, to: str, text: str) -> None:
        """Have somebody send an SMS."""
        async with AsyncControlClient(self.data / "carrier" / "control.sock") as carrier:
            await carrier.call(Inject(sender=sender, to=to, text=text))

    async def opt_in(self, name: str, line: str | None = None) -> None:
        """Say yes at the command socket."""
        command = ask.OptIn(
            line=line, server=self.server["http"], server_key=self.server["key"], findable="everyone", method="test"
        )
        answer = await self.client(name).ask(command, ask.CodeOnItsWay)
        await self.client(name).wait_for_line(
            lambda one: one.name == answer.line and one.state == "on" and one.connected, what="the line to come on"
        )

    async def link(self, name: str) -> str:
        """A one-time link to a phone's app."""
        return (await self.client(name).ask(ask.OpenApp(), ask.AppLink)).link

    async def context(self, **options: Any) -> BrowserContext:
        """A browser profile of its own. What it asks for anywhere but on this machine is noted, and cut off."""
        context = await self.browser.new_context(
            **{"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
        )
        context.set_default_timeout(PATIENCE_MS)

        async def watch(route: Route) -> None:
            origin = "/".join(route.request.url.split("/")[:3])
            self.asked.add(origin)
            if ".localhost:" in origin or origin.startswith("blob:"):
                await route.continue_()
            else:
                await route.abort()

        await context.route("**/*", watch)
        return context

    async def page(self, name: str, **options: Any) -> Page:
        """A phone's app in a fresh profile."""
        page = await (await self.context(**options)).new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on(
            "console",
            lambda said: self.wrong.append(said.text) if said.type == "error" and "ERR_" not in said.text else None,
        )
        await page.goto(await self.link(name))
        await page.wait_for_selector("body:not([data-view='locked'], [data-view='starting'])")
        return page


@asynccontextmanager
async def stage(data: Path, *, server: bool = True) -> AsyncIterator[Stage]:
    """Run network and server, and a browser; afterwards nothing was asked for elsewhere, and no page complained."""
    chromium = shutil.which("chromium")
    if chromium is None:
        not_tested("chromium is missing: scripts/setup --tools")
    await asyncio.to_thread(data.mkdir, mode=0o700, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        async with asyncio.TaskGroup() as tasks, AsyncExitStack() as parts:
            made = Stage(data, browser, tasks, parts)
            sims = [word for name, number in SIMS.items() for word in ("--sim", f"{name}={number}")]
            words = ["carrier", "run", "--data", str(data / "carrier"), *sims]
            carrier = await (await parts.enter_async_context(Part("carrier", words))).start(tasks)
            made.modems = Path(carrier["modems"])
            if server:
                made.server = await _server(data, parts, tasks, carrier["gateway"])
            yield made
            for context in browser.contexts:
                await context.close()
        await browser.close()
    assert all(".localhost:" in origin or origin.startswith("blob:") for origin in made.asked), made.asked
    assert made.wrong == []


async def _server(data: Path, parts: AsyncExitStack, tasks: asyncio.TaskGroup, gateway: str) -> dict[str, str]:
    account = json.loads((data / "carrier" / "carrier.json").read_text())
    password = data / "gateway-password"
    password.touch(mode=0o600)
    password.write_text(account["password"])
    words = [
        *("server", "run", "--data", str(data / "server"), "--plain-keyring"),
        *("--http", "127.0.0.1:0", "--stream", "127.0.0.1:0", "--sms-gateway", gateway),
        *("--sms-username", account["username"], "--sms-password-file", str(password)),
    ]
    return await (await parts.enter_async_context(Part("server", words))).start(tasks)


async def write(page: Page, text: str) -> None:
    """Type a text into the open conversation, and send it."""
    await page.fill("#text", text)
    await page.click(".send")


async def conversation(page: Page, number: str) -> None:
    """Begin a conversation, or go to it."""
    await page.click(".fab")
    await page.fill("#to", number)
    await page.click("#new-form button[type=submit]")
    await page.wait_for_selector("#text")


async def bob_knows_alice_and_is_away(here: Stage) -> Page:
    """Both are on, a text has gone each way, so that outcomes are told at once; then Bob's phone is switched off."""
    for name in ("alice", "bob"):
        await here.phone(name, name)
        await here.opt_in(name)
    await here.client("bob").ask(ask.Send(to=SIMS["alice"], text="hello"), ask.Sending)
    page = await here.page("alice")
    await page.click("#rows .row a")
    await write(page, "hello yourself")
    await expect(page.locator(bubble("hello yourself"))).to_contain_text("Delivered")
    await here.off("bob")
    return page


async def hold_a_thread(page: Page, *, but: str = "") -> None:
    """Have the first answer with a thread arrive only when `LATE` is evaluated; `but` is the path of one that may."""
    await page.evaluate(_HOLD, but)


def bubble(text: str, side: Literal["in", "out"] = "out") -> str:
    """Select a bubble by its text."""
    return f".bubble.{side}:has(bdi:text-is({json.dumps(text, ensure_ascii=False)}))"


async def offences(page: Page, impacts: Sequence[str] = ("serious", "critical")) -> list[str]:
    """What axe-core finds on a page, by WCAG 2.0 to 2.2, A and AA."""
    if not AXE.exists():
        not_tested("axe-core is missing: scripts/setup --tools")
    # Not by a script element, which the app's own policy of content refuses, as it should.
    await page.evaluate(AXE.read_text(encoding="utf-8") + "\n;0")
    found: dict[str, Any] = await page.evaluate(
        "async () => await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
    )
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in impacts
        for node in one["nodes"]
    ]


__all__ = [
    "LATE",
    "SIMS",
    "WRITTEN",
    "Stage",
    "bob_knows_alice_and_is_away",
    "bubble",
    "conversation",
    "hold_a_thread",
    "offences",
    "stage",
    "write",
]
