"""A flood of deposits to one mailbox: what the senders of others notice."""

import asyncio
from collections.abc import Sequence

from bench.accounts import account
from bench.bench import Bench, Site, no_collections
from bench.clients import Peer, Sender, close_all
from bench.procfs import Figures
from bench.workloads.custody import Offline
from bench.workloads.live import Pairs, paced, quantiles
from sayso.protocol.frames import Refused


class Flooder(Sender):
    """A sender that goes on when it is refused."""

    def take(self, frame: object) -> None:
        """See `Peer`."""
        if isinstance(frame, Refused):
            self.refused += 1
            self.go_on()
        else:
            super().take(frame)


async def flood(bench: Bench, size: int) -> Figures:
    """Pairs at 200 a second, and deposits for people who are away; first alone, then while lines flood one mailbox."""
    settings = bench.settings
    async with bench.site() as site:
        pairs = Pairs(site, size)
        offline = Offline(site, size=size, first=2 * settings.pairs)
        senders = [pair.sender for pair in pairs.all]
        flooders = _flooders(site, size, first=3 * settings.pairs + settings.offline)
        mine: Sequence[Peer] = [*pairs.peers, *offline.senders]
        async with site.connected(mine):
            await site.connect(flooders)
            await site.leases_written()
            with no_collections():
                await _both(site, senders, offline.senders, settings.rate, settings.warm_up_s)
                quiet = await _timed(site, senders, offline.senders, settings.rate, settings.seconds)
                for one in flooders:
                    one.run(window=settings.window)
                await asyncio.sleep(settings.warm_up_s)
                meter = site.server.meter()
                meter.start()
                before = sum(one.answered for one in flooders)
                flooded = await _timed(site, senders, offline.senders, settings.rate, settings.seconds)
                figures = meter.stop(sum(one.answered for one in flooders) - before, "flood")
                for one in flooders:
                    one.hold()
                await pairs.finish()
            refused = sum(one.refused for one in flooders)
            kept = sum(one.accepted for one in flooders)
            await site.finished(offline.senders)
            await site.finished(flooders)
        await close_all(flooders)
    return (
        figures
        | {f"quiet_{name}": value for name, value in quiet.items()}
        | {f"flooded_{name}": value for name, value in flooded.items()}
        | {"flood_refused": refused, "flood_accepted": kept}
        | {"p99_ratio": _ratio(flooded, quiet, "delivered_p99_ms")}
        | pairs.faults()
    )


def _flooders(site: Site, size: int, *, first: int) -> list[Flooder]:
    """Make the flooding lines; all of them deposit for the account at `first`, which never comes."""
    to = [account(first)]
    return [site.sender_of(Flooder, first + 1 + place, to, size=size) for place in range(site.settings.flooders)]


async def _timed(site: Site, online: Sequence[Sender], away: Sequence[Sender], rate: int, seconds: float) -> Figures:
    for sender in (*online, *away):
        sender.sent_at, sender.answer_times = {}, []
    await _both(site, online, away, rate, seconds)
    answers = {
        name: sorted(waited for sender in group for waited in sender.answer_times)
        for name, group in (("delivered", online), ("accepted", away))
    }
    for sender in (*online, *away):
        sender.sent_at = None
    return quantiles("delivered", answers["delivered"]) | quantiles("accepted", answers["accepted"])


async def _both(site: Site, online: Sequence[Sender], away: Sequence[Sender], rate: int, seconds: float) -> None:
    """Deposit at a fixed rate, for who is there and for who is away in turn; then wait until all is answered."""
    await paced([sender for pair in zip(online, away, strict=True) for sender in pair], rate, seconds)
    await site.until(lambda: all(sender.answered >= sender.sent for sender in (*online, *away)))


def _ratio(one: Figures, other: Figures, name: str) -> float:
    return one[name] / other[name] if other.get(name) else 0.0
