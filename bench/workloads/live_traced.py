"""The same load as `online`, under strace: no call of the server touches a file."""

import asyncio
from pathlib import Path

from bench.bench import Bench, Site, no_collections
from bench.procfs import Figures
from bench.strace import Traced, traced
from bench.workloads.custody import Offline
from bench.workloads.live import Pairs


async def online_strace(bench: Bench, size: int) -> Figures:
    """A short run, whose speed says nothing; then, as a control, deposits that have to show up."""
    settings = bench.settings
    async with bench.site() as site:
        pairs = Pairs(site, size)
        async with site.connected(pairs.peers):
            await site.leases_written()
            output = Path(f"{site.server.data}.strace")
            async with traced(site.server.pid, output) as found:
                with no_collections():
                    pairs.run()
                    await asyncio.sleep(settings.seconds / 2)
                    await pairs.finish()
        msgs = pairs.delivered
        control = await _control(site, size, output)
    return _told(bench, found, control, size) | {"msgs": msgs} | pairs.faults()


async def _control(site: Site, size: int, output: Path) -> Traced:
    offline = Offline(site, size=size, first=2 * site.settings.pairs)
    async with site.connected(offline.senders):
        await site.leases_written()
        async with traced(site.server.pid, output) as found:
            offline.run(len(offline.senders))
            await site.finished(offline.senders)
    return found


def _told(bench: Bench, found: Traced, control: Traced, size: int) -> Figures:
    if found.refused or control.refused or not control.file_calls:
        why = found.refused or control.refused or "the control deposits did not show up"
        bench.remark(f"online-strace: not measured: {why}")
        return {}
    title = f"online-strace, {size} bytes:"
    bench.remark(f"{title} strace -c while messages were delivered live:\n{found.summary or '(no such call at all)'}")
    bench.remark(f"{title} strace -c of the control, a few deposits for people who are away:\n{control.summary}")
    for name, count in found.files.most_common(5):
        bench.remark(f"{title} touched {name} {count} times")
    return {"file_calls": sum(found.file_calls.values()), "file_calls_control": sum(control.file_calls.values())}
