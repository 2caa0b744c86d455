"""A server of several processes over PostgreSQL and NATS: what the hop costs, and what PostgreSQL carries."""

import asyncio

from bench.backing import BesideMeter, backing, lacking
from bench.bench import Bench, no_collections
from bench.clients import DriverError
from bench.procfs import Figures
from bench.workloads.custody import Offline, drain
from bench.workloads.live import Pairs


async def workers(bench: Bench, size: int) -> Figures:
    """The pairs of `online` on one process and on several, both over PostgreSQL and NATS."""
    if missing := lacking():
        bench.remark(f"workers is not measured: {missing}.")
        return {}
    one = await _online(bench, size, processes=1)
    many = await _online(bench, size, processes=bench.settings.workers)
    figures: Figures = {"workers": bench.settings.workers}
    figures |= {f"one_{name}": one[name] for name in _KEPT} | {f"many_{name}": many[name] for name in _KEPT}
    per_message = many["msgs_per_server_cpu_s"]
    figures["cpu_ratio"] = one["msgs_per_server_cpu_s"] / per_message if per_message else 0.0
    of_all = many["msgs_per_cpu_s_of_all"]
    figures["cpu_ratio_of_all"] = one["msgs_per_cpu_s_of_all"] / of_all if of_all else 0.0
    return figures | {name: one[name] + many[name] for name in _FAULTS}


_KEPT = (
    "msgs_per_s",
    "msgs_per_server_cpu_s",
    "msgs_per_cpu_s_of_all",
    "server_cpu_pct",
    "server_waited_pct",
    "postgres_cpu_pct",
    "nats_cpu_pct",
    "driver_cpu_pct",
)
_FAULTS = ("lost", "twice", "out_of_order", "refused", "not_live")


async def _online(bench: Bench, size: int, *, processes: int) -> Figures:
    settings = bench.settings
    async with backing(2 * settings.pairs) as beneath:
        options = (*beneath.options, "--workers", str(processes))
        async with bench.site(options=options, seeded=False) as site:
            pairs = Pairs(site, size)
            async with site.connected(pairs.peers):
                await site.leases_written()
                with no_collections():
                    pairs.run()
                    await asyncio.sleep(settings.warm_up_s)
                    meter = site.server.meter()
                    before = pairs.delivered
                    beside = BesideMeter(beneath)
                    meter.start()
                    await asyncio.sleep(settings.seconds)
                    figures = beside.add(meter.stop(pairs.delivered - before, "msgs"), "msgs")
                    await pairs.finish()
            return figures | pairs.faults()


async def postgres_deposits(bench: Bench, size: int) -> Figures:
    """`deposits` on one process over PostgreSQL and NATS."""
    if missing := lacking():
        bench.remark(f"postgres-deposits is not measured: {missing}.")
        return {}
    settings = bench.settings
    async with (
        backing(settings.pairs + settings.offline) as beneath,
        bench.site(options=beneath.options, seeded=False) as site,
    ):
        offline = Offline(site, size=size, first=0)
        await site.connect(offline.senders)
        await site.leases_written()
        with no_collections():
            meter = site.server.meter()
            beside = BesideMeter(beneath)
            meter.start()
            total = offline.run(settings.deposits * settings.offline)
            await site.finished(offline.senders)
            figures = beside.add(meter.stop(total, "deposits"), "deposits")
        if any(sender.delivered for sender in offline.senders):
            raise DriverError("the server told `delivered` of an envelope that nobody received")
        return figures | await drain(site, offline, total)
