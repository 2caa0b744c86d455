"""Connections that do nothing: what each costs in memory, and how fast they log in."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from picows import WSListener, ws_connect

from bench.bench import Bench, no_collections
from bench.clients import Peer, close_all
from bench.procfs import Figures, sample
from bench.server import on_core
from bench.settings import Settings

_FLOOR: Final = Path(__file__).parent.parent / "floor.py"


async def idle(bench: Bench, size: int) -> Figures:  # noqa: ARG001  no envelope is sent
    """5,000 connected, logged-in, caught-up devices; and as many connections of a bare picows server beside it."""
    settings = bench.settings
    async with bench.site() as site:
        # What the first connection of a process costs once is none of the others' doing.
        first = [site.idler(settings.idle)]
        await site.connect(first)
        await close_all(first)
        await asyncio.sleep(settings.settle_s)
        before = sample(site.server.pid)
        peers: Sequence[Peer] = [site.idler(place) for place in range(settings.idle)]
        with no_collections():
            start = time.perf_counter()
            await site.connect(peers)
            seconds = time.perf_counter() - start
            stormed = sample(site.server.pid)
        await asyncio.sleep(settings.settle_s)
        after = sample(site.server.pid)
        await close_all(peers)
    storm_cpu = stormed.cpu_s - before.cpu_s
    floor = await _floor(settings)
    each = (after.rss_kib - before.rss_kib) / settings.idle
    return {
        "connections": settings.idle,
        "kib_per_connection": each,
        "picows_floor_kib": floor,
        "above_floor_kib": each - floor,
        "logins_per_s": settings.idle / seconds,
        "logins_per_server_cpu_s": settings.idle / storm_cpu if storm_cpu else 0.0,
        "server_rss_mib": after.rss_kib / 1024,
        "server_peak_mib": after.peak_kib / 1024,
    }


async def _floor(settings: Settings) -> float:
    """Return KiB a connection of a picows server with the stream's settings and nothing behind it."""
    with on_core(settings.server_core):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(_FLOOR), stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
        )
    try:
        if process.stdout is None:
            raise RuntimeError("the bare server has no output")
        url = f"ws://127.0.0.1:{int(await process.stdout.readline())}/"
        transports = [(await ws_connect(WSListener, url))[0]]
        await asyncio.sleep(settings.settle_s / 2)
        before = sample(process.pid)
        transports += [(await ws_connect(WSListener, url))[0] for _ in range(settings.idle)]
        await asyncio.sleep(settings.settle_s / 2)
        after = sample(process.pid)
        for transport in transports:
            transport.disconnect(graceful=False)
            await transport.wait_disconnected()
        return (after.rss_kib - before.rss_kib) / settings.idle
    finally:
        process.kill()
        await process.wait()
