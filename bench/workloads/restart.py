"""`kill -9` with many waiting: how long until the first one is delivered, and whether all are."""

import time

from bench.bench import Bench, no_collections
from bench.clients import close_all
from bench.procfs import Figures
from bench.workloads.custody import Offline


async def recovery(bench: Bench, size: int) -> Figures:
    """20,000 wait; the server is killed and started again; their recipients connect, receive and acknowledge."""
    settings = bench.settings
    async with bench.site() as site:
        offline = Offline(site, size=size, first=0)
        await site.connect(offline.senders)
        with no_collections():
            total = offline.run(settings.waiting)
            await site.finished(offline.senders)
        for sender in offline.senders:
            sender.closing = True
        killed = time.perf_counter()
        await site.server.kill()
        await site.server.start()
        serving = time.perf_counter()
        recipients = offline.recipients()
        await site.connect(recipients[:1])
        await site.until(lambda: recipients[0].first_at is not None)
        first = recipients[0].first_at or 0.0
        with no_collections():
            await site.connect(recipients[1:])
            await site.until(lambda: offline.received >= total)
        drained = time.perf_counter()
        await close_all(recipients)
        again = offline.recipients()
        await site.connect(again)
        await close_all(again)
    return {
        "waiting": total,
        "ready_s": serving - killed,
        "first_delivery_s": first - killed,
        "all_delivered_s": drained - killed,
    } | offline.faults()
