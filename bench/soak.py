"""Load and `kill -9`, for as long as you like: nothing lost, nothing twice, every deposit answered.

A round has three lives of the server over the same data: load, killed; load and drain, killed; drain to the end. After
each kill every sender connects again and sends what was not answered once more, byte for byte, as a phone does. An
envelope whose acknowledgement died with the server may come again in the next life, and one that was sent again may
come again at once: the phone's dedupe is there for both (counted as `again`). Any other repetition is `twice`.
"""

import asyncio
import random
import time
from collections.abc import Sequence

from bench.accounts import Account, account
from bench.bench import Bench, Site
from bench.clients import Drafts, Recipient, Sender, Tally, Watch, close_all
from bench.procfs import Figures
from bench.settings import Settings

_SHORTEST_S = 0.5
_LONGEST_S = 3.0


class SoakSender(Sender):
    """Knows which of its deposits were not answered."""

    open: set[int]

    def deposit_again(self, numbers: Sequence[int]) -> None:
        """See `Sender`."""
        self.open.update(numbers)
        super().deposit_again(numbers)

    def answered_with(self, refs: Sequence[int], states: Sequence[int]) -> None:
        """See `Sender`."""
        self.open.difference_update(refs)
        super().answered_with(refs, states)


class SoakTally(Tally):
    """What one recipient got, in this round and in this life of the server."""

    def __init__(self, again: set[tuple[bytes, int]]) -> None:
        """Take the deposits that were sent again in this life, of all senders."""
        super().__init__()
        self._sent_again = again
        self.ever: set[tuple[bytes, int]] = set()
        self._this_life: set[tuple[bytes, int]] = set()
        self._last: dict[bytes, int] = {}
        self.again = 0

    def new_life(self) -> None:
        """Begin a life of the server."""
        self._this_life.clear()
        self._last.clear()

    def take(self, origins: Sequence[bytes], numbers: Sequence[int]) -> None:  # type: ignore[override]  # sequences are what comes
        """See `Tally`."""
        for one in zip(origins, numbers, strict=True):
            self.received += 1
            origin, number = one
            if one in self._this_life and one not in self._sent_again:
                self.twice += 1
            if one in self.ever:
                self.again += 1
            elif one not in self._sent_again:
                if number < self._last.get(origin, 0):
                    self.out_of_order += 1
                self._last[origin] = number
            self.ever.add(one)
            self._this_life.add(one)


class Round:
    """Senders and recipients of one round; they outlive the server."""

    def __init__(self, settings: Settings, size: int) -> None:
        pairs, offline = settings.pairs, settings.offline
        self._settings = settings
        self._size = size
        self._again: set[tuple[bytes, int]] = set()
        self._online = [account(pairs + place) for place in range(pairs)]
        self._away = [account(3 * pairs + place) for place in range(offline)]
        self._tallies = {one.place: SoakTally(self._again) for one in self._online + self._away}
        self._drafts = {place: Drafts([self._online[place]], size=size) for place in range(pairs)}
        self._drafts |= {2 * pairs + place: Drafts(self._away, size=size) for place in range(pairs)}
        self._open: dict[int, set[int]] = {place: set() for place in self._drafts}

    async def life(self, site: Site, *, load: bool, everybody: bool, last: bool) -> None:
        """Run one life of the server.

        Args:
            site: whose server was just started.
            load: whether there are new deposits.
            everybody: whether those who were away connect.
            last: whether to go on until all is answered and received; otherwise it is killed at some moment.
        """
        site.watch = Watch()
        self._again.clear()
        self._again.update((self._drafts[place].origin, number) for place in self._open for number in self._open[place])
        for tally in self._tallies.values():
            tally.new_life()
        recipients = [self._recipient(site, one) for one in self._online + (self._away if everybody else [])]
        senders = [self._sender(site, place) for place in self._drafts]
        await site.connect(recipients)
        await site.connect(senders)
        for sender in senders:
            sender.deposit_again(sorted(sender.open))
            if load:
                sender.run(window=self._settings.window)
        if last:
            await site.until(lambda: not any(self._open.values()))
            await site.until(lambda: not self.missing())
            await close_all([*recipients, *senders])
            return
        await site.watch.of(asyncio.sleep(random.uniform(_SHORTEST_S, _LONGEST_S)))
        for peer in (*recipients, *senders):
            peer.closing = True
        await site.server.kill()
        await asyncio.sleep(0.2)  # what the server had sent before it died is still read
        await site.server.start()

    def missing(self) -> int:
        """How many deposits have not come to their recipient."""
        sent = sum(drafts.next - drafts.first for drafts in self._drafts.values())
        return sent - sum(len(tally.ever) for tally in self._tallies.values())

    def figures(self) -> Figures:
        """Count."""
        tallies = self._tallies.values()
        return {
            "sent": sum(drafts.next - drafts.first for drafts in self._drafts.values()),
            "again": sum(tally.again for tally in tallies),
            "lost": self.missing(),
            "twice": sum(tally.twice for tally in tallies),
            "out_of_order": sum(tally.out_of_order for tally in tallies),
        }

    def _sender(self, site: Site, place: int) -> SoakSender:
        sender = SoakSender(account(place), site.server.digest, site.watch, self._drafts[place])
        sender.open = self._open[place]
        return sender

    def _recipient(self, site: Site, one: Account) -> Recipient:
        return site.recipient(one, self._tallies[one.place], size=self._size)


async def soak(bench: Bench, *, minutes: float) -> int:
    """Load and kill for so many minutes, one round at least; returns how many faults there were."""
    end = time.monotonic() + 60 * minutes
    faults = rounds = 0
    sums: Figures = {}
    async with bench.site() as site:
        while rounds == 0 or time.monotonic() < end:
            size = bench.settings.sizes[rounds % len(bench.settings.sizes)]
            this = Round(bench.settings, size)
            await this.life(site, load=True, everybody=False, last=False)
            await this.life(site, load=True, everybody=True, last=False)
            await this.life(site, load=False, everybody=True, last=True)
            figures = this.figures()
            rounds += 1
            sums = {name: sums.get(name, 0) + value for name, value in figures.items()}
            faults = int(sums["lost"] + sums["twice"] + sums["out_of_order"])
            told = ", ".join(f"{name} {value:,.0f}" for name, value in sums.items())
            print(f"round {rounds}: {2 * rounds} kills, {told}", flush=True)
    return faults
