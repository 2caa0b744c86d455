"""The auditor: megabytes of captures per second of processor time, how fast it starts, how fast its page opens."""

import asyncio
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from playwright.async_api import async_playwright

from bench.bench import Bench
from bench.procfs import Figures
from bench.settings import Settings
from sayso.audit.core import fresh
from sayso.audit.core import seeds as seeds_file
from sayso.audit.core.findings import Report
from sayso.audit.report import html
from tests.fakes import audit_captures as captures
from tests.fakes.audit_captures import Call
from tests.fakes.audit_world import exchange, scanner

SEEDS = 12
FINDINGS = 10_000
PATIENCE_MS = 300_000
"""For the browser. The usual thirty seconds are too few on a busy machine: a slow page is a figure, no failure."""
_USUAL = (
    ("User-Agent", "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "gzip, br"),
)


async def audit(bench: Bench, size: int) -> Figures:  # noqa: ARG001  no envelope is sent
    """Scan captures like those of phones with 12 seeds at the default depth; start; open a page of 10,000 findings."""
    folder = _folder(bench.settings)
    try:
        return await asyncio.to_thread(_scans, folder, bench.settings) | await _page(folder)
    finally:
        shutil.rmtree(folder)


def _folder(settings: Settings) -> Path:
    folder = Path(os.environ.get("SAYSO_BENCH_DIR", "build")) / "audit"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    calls = list(_calls(Random(5), settings.audit_exchanges))
    (folder / "c.har").write_bytes(captures.har(calls))
    (folder / "c.mitm").write_bytes(captures.flows(calls))
    (folder / "one.har").write_bytes(captures.har(calls[:1]))
    seeds, _ = fresh.new_set(Random(6), decoys=0)
    decoys = fresh.decoys_for(seeds[:SEEDS], Random(7), each=1)
    (folder / "seeds.toml").write_text(seeds_file.render(seeds[:SEEDS], decoys))
    return folder


def _calls(rng: Random, count: int) -> Iterator[Call]:
    """Half telemetry in JSON, then scripts, pictures, packed answers, base64: much of it said once only."""
    words = [
        "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randrange(2, 11))) for _ in range(4000)
    ]

    def some(number: int) -> str:
        return " ".join(rng.choice(words) for _ in range(number))

    for number in range(count):
        host = f"{rng.choice(('api', 'cdn', 'log'))}.{rng.choice(words)}.example"
        own = (("X-Request-Id", rng.randbytes(16).hex()), ("Cookie", f"sid={rng.randbytes(16).hex()}; consent=1"))
        base = Call(url=f"https://{host}/{rng.choice(words)}", headers=(*_USUAL, *own))
        yield replace(base, **_content(rng, some, number))


def _content(rng: Random, some: Any, number: int) -> dict[str, Any]:
    kind = rng.random()
    if kind < 0.5:
        sent = {"event": some(1), "ts": 1_790_000_000_000 + number, "id": rng.randbytes(16).hex()}
        sent["props"] = {some(1): some(4) for _ in range(12)}
        got = [{"id": rng.randrange(10**9), "title": some(6)} for _ in range(rng.randrange(1, 25))]
        return {"body": json.dumps(sent).encode(), "answer": json.dumps(got).encode()}
    if kind < 0.7:
        lines = (f'function {some(1)}(a){{return this.{some(1)}["{some(3)}"]}}' for _ in range(rng.randrange(50, 900)))
        return {"method": "GET", "answer": ";".join(lines).encode()}
    if kind < 0.85:
        return {"method": "GET", "answer": b"\xff\xd8\xff\xe0" + rng.randbytes(rng.randrange(2000, 60_000))}
    if kind < 0.95:
        packed = gzip.compress(json.dumps({some(1): some(9) for _ in range(200)}).encode())
        return {"answer": packed, "answer_headers": (("Content-Encoding", "gzip"),)}
    return {"body": json.dumps({"d": some(50)}).encode().hex().encode()}


def _scans(folder: Path, settings: Settings) -> Figures:
    figures: Figures = {"capture_mb": (folder / "c.har").stat().st_size / 1e6}
    for name, engine in (("har", "auto"), ("mitm", "auto"), ("har", "aho-corasick")):
        seconds, _ = _scan(folder, f"c.{name}", engine)
        figure = f"{name}_mb_per_cpu_s" if engine == "auto" else f"{name}_aho_corasick_mb_per_cpu_s"
        figures[figure] = (folder / f"c.{name}").stat().st_size / 1e6 / seconds
    starts = [_scan(folder, "one.har", "auto") for _ in range(settings.repeat)]
    figures["start_wall_s"] = min(wall for _, wall in starts)
    figures["start_cpu_s"] = min(cpu for cpu, _ in starts)
    return figures


def _scan(folder: Path, capture: str, engine: str) -> tuple[float, float]:
    """Seconds of processor time, of the reader's process too, and of the clock."""
    command = [sys.executable, "-m", "sayso", "audit", "scan", capture, "--seeds", "seeds.toml", "--quiet"]
    # An installed package is compiled; this variable would have every start compile it anew.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, start = _children(), time.perf_counter()
    done = subprocess.run([*command, "--engine", engine], cwd=folder, env=env, check=False)
    if done.returncode not in {0, 3}:
        raise RuntimeError(f"the scan of {capture} ended with {done.returncode}")
    return _children() - before, time.perf_counter() - start


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _report() -> Report:
    made = scanner()
    for number in range(FINDINGS):
        made.feed(exchange(b"id=%d&imei=490154203237518&x=<b>" % number, record=number, time=1_790_000_000.0 + number))
    return made.report()


async def _page(folder: Path) -> Figures:
    page = html.render(_report()).encode()
    (folder / "report.html").write_bytes(page)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"], timeout=PATIENCE_MS)
        tab = await browser.new_page()
        start = time.perf_counter()
        await tab.goto((folder / "report.html").absolute().as_uri(), wait_until="load", timeout=PATIENCE_MS)
        seconds = time.perf_counter() - start
        await browser.close()
    return {"page_mb": len(page) / 1e6, "page_load_s": seconds}


def _chromium() -> str:
    names: Iterable[str] = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), "chromium")
