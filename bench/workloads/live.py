"""Both ends online: as fast as it goes (`online`), and at a fixed, small rate for the latency (`light`)."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.accounts import account
from bench.bench import Bench, Site, no_collections
from bench.clients import Peer, Recipient, Sender, Tally
from bench.procfs import Figures


@dataclass(frozen=True, slots=True)
class Pair:
    """A sender and its recipient."""

    sender: Sender
    recipient: Recipient


class Pairs:
    """Pairs of which both ends are online: senders are the first accounts, recipients the next."""

    def __init__(self, site: Site, size: int) -> None:
        self._site = site
        self.all: list[Pair] = []
        count = site.settings.pairs
        for place in range(count):
            to = account(count + place)
            pair = Pair(site.sender(place, [to], size=size), site.recipient(to, Tally(), size=size))
            pair.recipient.tally.expect(pair.sender.drafts, 0)
            self.all.append(pair)

    @property
    def peers(self) -> list[Peer]:
        """All connections: the recipients first, so that the first deposit finds somebody."""
        return [pair.recipient for pair in self.all] + [pair.sender for pair in self.all]

    @property
    def delivered(self) -> int:
        """How often a sender was told `delivered`."""
        return sum(pair.sender.delivered for pair in self.all)

    def run(self) -> None:
        """Begin to deposit, as fast as answers come."""
        for pair in self.all:
            pair.sender.run(window=self._site.settings.window)

    async def finish(self) -> None:
        """Make no more deposits, and wait until all are answered."""
        senders = [pair.sender for pair in self.all]
        for sender in senders:
            sender.hold()
        await self._site.finished(senders)

    def faults(self) -> Figures:
        """What must be zero once all is answered."""
        tallies = [pair.recipient.tally for pair in self.all]
        return {
            "lost": sum(pair.recipient.tally.lost(pair.sender.drafts) for pair in self.all),
            "twice": sum(tally.twice for tally in tallies),
            "out_of_order": sum(tally.out_of_order for tally in tallies),
            "refused": sum(pair.sender.refused for pair in self.all),
            "not_live": sum(pair.sender.accepted for pair in self.all),
        }


async def online(bench: Bench, size: int) -> Figures:
    """50 senders keep 32 deposits each unanswered; a message counts when its sender is told `delivered`."""
    settings = bench.settings
    async with bench.site() as site:
        pairs = Pairs(site, size)
        async with site.connected(pairs.peers):
            await site.leases_written()
            with no_collections():
                pairs.run()
                await asyncio.sleep(settings.warm_up_s)
                meter = site.server.meter()
                before = pairs.delivered
                meter.start()
                await asyncio.sleep(settings.seconds)
                figures = meter.stop(pairs.delivered - before, "msgs")
                await pairs.finish()
        return figures | pairs.faults()


async def light(bench: Bench, size: int) -> Figures:
    """The same pairs at 200 messages a second in all: latency without a queue."""
    settings = bench.settings
    async with bench.site() as site:
        pairs = Pairs(site, size)
        async with site.connected(pairs.peers):
            await site.leases_written()
            with no_collections():
                senders = [pair.sender for pair in pairs.all]
                await paced(senders, settings.rate, settings.warm_up_s)
                await pairs.finish()
                for pair in pairs.all:
                    pair.sender.sent_at = pair.recipient.sent_at = {}
                meter = site.server.meter()
                meter.start()
                count = await paced(senders, settings.rate, settings.seconds)
                figures = meter.stop(count, "msgs")
                await pairs.finish()
        answers = sorted(seconds for pair in pairs.all for seconds in pair.sender.answer_times)
        receipts = sorted(seconds for pair in pairs.all for seconds in pair.recipient.receipt_times)
        return figures | pairs.faults() | quantiles("delivered", answers) | quantiles("receipt", receipts)


def quantiles(name: str, ordered: Sequence[float]) -> Figures:
    """Return p50, p99 and the longest, in milliseconds."""
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {
        f"{name}_p50_ms": 1000 * ordered[last // 2],
        f"{name}_p99_ms": 1000 * ordered[round(0.99 * last)],
        f"{name}_max_ms": 1000 * ordered[last],
    }


async def paced(senders: Sequence[Sender], rate: int, seconds: float) -> int:
    """Deposit at a fixed rate, the senders in turn; a late deposit is made up for at once. Returns how many."""
    start = time.perf_counter()
    count = max(1, round(rate * seconds))
    for number in range(count):
        wait = start + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        senders[number % len(senders)].deposit(1)
    return count
