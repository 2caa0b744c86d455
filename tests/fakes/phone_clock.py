"""Time and randomness for the phone's tests: nothing moves unless the test says so."""

import asyncio
import heapq
import itertools
from random import Random


class FakeClock:
    """The Clock port. `advance` moves both clocks and wakes who sleeps, in order of their waking."""

    def __init__(self, *, wall: float = 1_800_000_000.0, turns: int = 50) -> None:
        """Begin at `wall`; each sleeper that wakes has `turns` of the loop before time goes on."""
        self._turns = turns
        self._wall = wall
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def wall(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), woken))
        await woken

    @property
    def sleeping(self) -> int:
        """How many wait."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    def jump(self, seconds: float) -> None:
        """Set the wall clock alone, as its owner or the network does."""
        self._wall += seconds

    async def advance(self, seconds: float) -> None:
        """Let time pass: each sleeper wakes at its own moment and runs until it waits again."""
        end = self._monotonic + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, woken = heapq.heappop(self._sleepers)
            self._move(max(moment, self._monotonic))
            if not woken.done():
                woken.set_result(None)
                await settle(self._turns)
        self._move(end)

    def _move(self, moment: float) -> None:
        self._wall += moment - self._monotonic
        self._monotonic = moment


async def settle(turns: int = 50) -> None:
    """Give every task that can run the turns to do so."""
    for _ in range(turns):
        await asyncio.sleep(0)


class SeededRandom:
    """The Random port, repeatable."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)

    def token_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)
