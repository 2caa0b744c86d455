"""The phone's web app, on a store of 50,000 texts: first load in Chromium, a thread of 5,000, search, live."""

import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import httpcore
from playwright.async_api import Browser, async_playwright

from bench.bench import Bench
from bench.procfs import Figures, sample
from sayso.phone import command_types as ask
from sayso.phone.adapters.daemon_client import DaemonClient
from sayso.phone.adapters.store import Store
from sayso.phone.adapters.store_key import DataDirectory
from sayso.phone.adapters.system import SystemRandom
from sayso.phone.app import line_of
from sayso.phone.core.texts import Channel, Direction, InState, Text

LONG: Final = 5_000
"""Texts of the long thread."""
THREADS: Final = 300
EACH: Final = 150
"""Texts of each other thread: with the long one some 50,000."""
LOADS: Final = 5
"""In a fresh profile each."""
OPENINGS: Final = 30
SENDINGS: Final = 60
_WORDS: Final = (
    *("lunch", "friday", "canal", "terrace", "lemon", "cake", "tickets", "row", "eight", "meeting", "minutes", "heron"),
    *("火锅", "周五", "مرحبا"),
)


async def web_app(bench: Bench, size: int) -> Figures:  # noqa: ARG001  no envelope is sent
    """First load, opening a thread, searching, and how long a text takes to an open page."""
    # Not in the bench's own place, which may lie deep: the name of a socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as folder:
        data = Path(folder)
        _fill(data)
        async with _daemon(data) as (client, pid):
            began = sample(pid)
            loaded = await _first_load(bench, client)
            if loaded:
                loaded["first_load_phone_cpu_ms"] = (sample(pid).cpu_s - began.cpu_s) * 1000 / LOADS
            page = await _Page.open(client)
            before = sample(pid)
            openings = [await page.time("GET", "/c/1") for _ in range(OPENINGS)]
            opened = sample(pid)
            lists = [await page.time("GET", "/list") for _ in range(OPENINGS)]
            searches = [
                await page.time("POST", "/search", {"words": words}) for words in ("lemon cake", "heron 5", "火锅")
            ]
            live = await _live(page, client)
            await page.close()
    return {
        "texts": LONG + THREADS * EACH,
        **loaded,
        "open_thread_p50_ms": statistics.median(openings),
        "open_thread_worst_ms": max(openings),
        "open_thread_cpu_ms": (opened.cpu_s - before.cpu_s) * 1000 / OPENINGS,
        "list_p50_ms": statistics.median(lists),
        "search_worst_ms": max(searches),
        "live_p50_ms": statistics.median(live),
        "live_worst_ms": max(live),
    }


def _fill(data: Path) -> None:
    """Write the store of a phone with one line, whose modem is not there."""
    random, directory = Random(5), DataDirectory(data)
    store = Store(directory.database, directory.plain_key(random=SystemRandom()))
    line = line_of(store, SystemRandom(), "sim")
    at = time.time() - 10_000_000
    threads = [("+447700900900", LONG), *((f"+4477009{number:05}", EACH) for number in range(THREADS))]
    for number, count in threads:
        with store.transaction("bench"):
            for _ in range(count):
                at += 100
                store.texts.add(
                    Text(
                        line=line,
                        number=number,
                        message_id=random.randbytes(16),
                        direction=Direction.IN if random.random() < 0.5 else Direction.OUT,
                        channel=Channel.SMS,
                        text=" ".join(random.choices(_WORDS, k=random.randint(1, 30))),
                        state=InState.READ,
                        at=at,
                    )
                )
    store.close()
    directory.close()


@asynccontextmanager
async def _daemon(data: Path) -> AsyncIterator[tuple[DaemonClient, int]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sayso", "phone", "run", "--data", str(data), "--plain-store-key", "--json"),
        *("--modem", f"sim={data / 'no-modem.sock'}", "--mark-dir", str(data / "marks")),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None or not await process.stdout.readline():
            raise RuntimeError("the phone did not start")
        yield DaemonClient(data), process.pid
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _first_load(bench: Bench, client: DaemonClient) -> Figures:
    chromium = shutil.which("chromium")
    if chromium is None:
        bench.remark("There is no chromium here: the app's first load was not measured.")
        return {}
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        warm = await browser.new_page()  # the browser's own first page is not the app's doing
        await warm.goto("about:blank")
        loads = [await _load(browser, (await client.ask(ask.OpenApp(), ask.AppLink)).link) for _ in range(LOADS)]
        await browser.close()
    return {
        "first_load_bytes": max(load["bytes"] for load in loads),
        "first_paint_ms": statistics.median(load["paint"] for load in loads),
        "requests_before_paint": max(load["requestsBeforePaint"] for load in loads),
        "bytes_before_paint": max(load["bytesBeforePaint"] for load in loads),
        "first_load_page_cpu_ms": statistics.median(load["cpu"] for load in loads),
        "layout_shift": max(load["shift"] for load in loads),
    }


async def _load(browser: Browser, link: str) -> dict[str, float]:
    """Load the app in a profile that has never seen it."""
    context = await browser.new_context()
    page = await context.new_page()
    counting = await context.new_cdp_session(page)
    await counting.send("Performance.enable", {"timeDomain": "threadTicks"})
    await page.goto(link)
    await page.wait_for_selector(".row")
    await page.wait_for_timeout(500)
    tasks = {one["name"]: one["value"] for one in (await counting.send("Performance.getMetrics"))["metrics"]}
    seen: dict[str, float] = await page.evaluate(
        """() => new Promise(resolve => {
            let shift = 0;
            new PerformanceObserver(list => {
                for (const one of list.getEntries()) shift += one.value;
            }).observe({type: 'layout-shift', buffered: true});
            const loaded = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
            const before = loaded.filter(one =>
                one.entryType === 'navigation' || one.renderBlockingStatus === 'blocking');
            setTimeout(() => resolve({
                shift,
                requestsBeforePaint: before.length,
                bytesBeforePaint: before.reduce((sum, one) => sum + one.transferSize, 0),
                paint: performance.getEntriesByType('paint')
                    .find(one => one.name === 'first-contentful-paint').startTime,
                bytes: loaded.reduce((sum, one) => sum + one.transferSize, 0),
            }), 200);
        })"""
    )
    await context.close()
    return {**seen, "cpu": tasks["TaskDuration"] * 1000}


class _Page:
    """What a page asks for, without a browser."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        # The name leads to loopback; the system's resolver need not know that.
        self._base = f"http://127.0.0.1:{origin.rpartition(':')[2]}"
        self._pool = httpcore.AsyncConnectionPool()
        self._fields = [
            ("Host", origin.removeprefix("http://")),
            ("Origin", origin),
            ("Content-Type", "application/json"),
        ]

    @classmethod
    async def open(cls, client: DaemonClient) -> "_Page":
        """Open a session."""
        origin, _, code = (await client.ask(ask.OpenApp(), ask.AppLink)).link.partition("/#open=")
        page = cls(origin)
        answer = await page.ask("POST", "/session/open", {"code": code})
        cookie = next(value for name, value in answer.headers if name.lower() == b"set-cookie")
        page._fields += [
            ("Cookie", cookie.decode().partition(";")[0]),
            ("X-Sayso-Tab", json.loads(answer.content)["tab"]),
        ]
        return page

    async def ask(self, method: str, path: str, body: object = None) -> httpcore.Response:
        """Ask once."""
        content = b"" if body is None else json.dumps(body).encode()
        answer = await self._pool.request(method, self._base + path, headers=self._fields, content=content)
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered with {answer.status}")
        return answer

    async def time(self, method: str, path: str, body: object = None) -> float:
        """Ask once; returns milliseconds."""
        start = time.perf_counter()
        await self.ask(method, path, body)
        return (time.perf_counter() - start) * 1000

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """Hear what happens."""
        async with self._pool.stream("GET", self._base + "/events", headers=self._fields) as answer:
            yield answer.aiter_stream()

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


async def _live(page: _Page, client: DaemonClient) -> list[float]:
    """From the command to the page's event, in milliseconds."""
    times: list[float] = []
    async with page.events() as events:
        await anext(events)
        for number in range(SENDINGS):
            wanted = f"live {number:04}"
            start = time.perf_counter()
            await client.ask(ask.Send(to="+447700900900", text=wanted), ask.Sending)
            while wanted.encode() not in await anext(events):
                pass
            times.append((time.perf_counter() - start) * 1000)
    return times
