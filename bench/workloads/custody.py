"""Recipients who are away: durable deposits, then the drain; alone, and while both ends of others are online."""

import asyncio
from collections.abc import Sequence

from bench.accounts import Account, account
from bench.bench import Bench, Site, no_collections
from bench.clients import DriverError, Peer, Recipient, Tally, close_all
from bench.procfs import Figures
from bench.workloads.live import Pairs, quantiles


class Offline:
    """Senders, and recipients who are away; every sender deposits for every recipient in turn."""

    def __init__(self, site: Site, *, size: int, first: int) -> None:
        """Make them of the accounts from `first` on."""
        settings = site.settings
        self._site = site
        self._size = size
        self.away: list[Account] = [account(first + settings.pairs + place) for place in range(settings.offline)]
        self.tallies = [Tally() for _ in self.away]
        self.senders = [site.sender(first + place, self.away, size=size) for place in range(settings.pairs)]
        for sender in self.senders:
            for turn, tally in enumerate(self.tallies):
                tally.expect(sender.drafts, turn)

    def run(self, total: int) -> int:
        """Begin to deposit; returns how many it will be in all: each sender makes the same number."""
        each = -(-total // len(self.senders))
        for sender in self.senders:
            sender.run(window=self._site.settings.window, quota=each)
        return each * len(self.senders)

    def recipients(self) -> list[Recipient]:
        """Make the recipients' connections; their tallies stay the same."""
        pairs = zip(self.away, self.tallies, strict=True)
        return [self._site.recipient(one, tally, size=self._size) for one, tally in pairs]

    @property
    def received(self) -> int:
        """How many envelopes came."""
        return sum(tally.received for tally in self.tallies)

    @property
    def news(self) -> int:
        """How many outcomes the senders were told."""
        return sum(sender.news_delivered + sender.news_other for sender in self.senders)

    def faults(self) -> Figures:
        """What must be zero in the end."""
        return {
            "lost": sum(tally.lost(sender.drafts) for tally in self.tallies for sender in self.senders),
            "twice": sum(tally.twice for tally in self.tallies),
            "out_of_order": sum(tally.out_of_order for tally in self.tallies),
            "strange": sum(tally.strange for tally in self.tallies),
            "refused": sum(sender.refused for sender in self.senders),
        }


async def deposits(bench: Bench, size: int) -> Figures:
    """50 senders deposit for 100 recipients who are away; then these connect, receive and acknowledge all."""
    settings = bench.settings
    async with bench.site() as site:
        offline = Offline(site, size=size, first=0)
        await site.connect(offline.senders)
        await site.leases_written()
        with no_collections():
            meter = site.server.meter()
            meter.start()
            total = offline.run(settings.deposits * settings.offline)
            await site.finished(offline.senders)
            figures = meter.stop(total, "deposits")
        if any(sender.delivered for sender in offline.senders):
            raise DriverError("the server told `delivered` of an envelope that nobody received")
        return figures | await drain(site, offline, total)


async def deposits_while_online(bench: Bench, size: int) -> Figures:
    """The same while 50 pairs exchange as much as goes: the commit thread must not starve, nor the loop."""
    settings = bench.settings
    async with bench.site() as site:
        pairs = Pairs(site, size)
        offline = Offline(site, size=size, first=2 * settings.pairs)
        async with site.connected(pairs.peers):
            await site.connect(offline.senders)
            await site.leases_written()
            with no_collections():
                pairs.run()
                await asyncio.sleep(settings.warm_up_s)
                for sender in offline.senders:
                    sender.sent_at = {}
                meter = site.server.meter()
                before = pairs.delivered
                meter.start()
                total = offline.run(settings.deposits * settings.offline // 4)
                await site.finished(offline.senders)
                figures = meter.stop(total, "deposits")
                msgs = pairs.delivered - before
                await pairs.finish()
            waits = sorted(seconds for sender in offline.senders for seconds in sender.answer_times)
            for sender in offline.senders:
                sender.sent_at = None
            drained = await drain(site, offline, total)
    cpu_s = figures["seconds"] * figures["server_cpu_pct"] / 100
    figures |= {
        "msgs": msgs,
        "msgs_per_s": msgs / figures["seconds"],
        "both_per_server_cpu_s": (total + msgs) / cpu_s if cpu_s else 0.0,
    }
    online = pairs.faults()
    return figures | quantiles("accepted", waits) | drained | {n: drained.get(n, 0) + online[n] for n in online}


async def drain(site: Site, offline: Offline, total: int) -> Figures:
    """Receive and acknowledge everything; connect once more, when nothing may come again."""
    recipients: Sequence[Peer] = offline.recipients()
    with no_collections():
        meter = site.server.meter()
        meter.start()
        await site.connect(recipients)
        await site.until(lambda: offline.received >= total)
        await site.until(lambda: offline.news >= total)
        figures = meter.stop(total, "drained")
    await close_all(recipients)
    again = offline.recipients()
    await site.connect(again)
    await close_all(again)
    await close_all(offline.senders)
    kept = ("drained_per_s", "drained_per_server_cpu_s")
    told = sum(sender.news_delivered for sender in offline.senders)
    return {name: figures[name] for name in kept} | offline.faults() | {"outcomes_missing": total - told}
