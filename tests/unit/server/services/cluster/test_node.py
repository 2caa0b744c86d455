"""A node that has not heard of its own beat for too long stops by itself, before others may take its place."""

import asyncio

import pytest

from sayso.server.core.running_clock import RunningClock
from sayso.server.errors import StoreError
from sayso.server.services.cluster.node import Living
from tests.aio import run
from tests.fakes.clock import FakeClock


class Row:
    """The node's row."""

    def __init__(self) -> None:
        self.beats = 0
        self.newest = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def beat(self, *, generation: int) -> int:
        await self.answers.wait()
        self.beats += 1
        return max(generation, self.newest)

    async def keep_running_time(self, running: float) -> float:
        return running + 100.0


class Hours:
    """Follows."""

    generation = 0

    async def turn(self, generation: int) -> None:
        self.generation = generation


async def safe() -> None:
    pass


def living(clock: FakeClock, row: Row, hours: Hours) -> Living:
    running = RunningClock(None, wall=clock.wall(), monotonic=clock.monotonic())
    return Living(row, clock=clock, running=running, hours=hours, lease_s=7.0, check=safe)


def test_without_an_answer_it_stops() -> None:
    async def main() -> None:
        clock, row = FakeClock(), Row()
        row.answers.clear()
        node = living(clock, row, Hours())
        node.now()
        clock.advance(6.9)
        node.now()
        clock.advance(0.2)
        with pytest.raises(StoreError, match="start it anew"):
            node.now()
        with pytest.raises(BaseExceptionGroup):
            await node.run()

    run(main())


def test_a_beat_extends_the_lease_and_brings_time_and_hour_of_the_others() -> None:
    async def main() -> None:
        clock, row, hours = FakeClock(), Row(), Hours()
        row.newest = 9
        node = living(clock, row, hours)
        clock.advance(5)
        running = asyncio.ensure_future(node.run())
        while not row.beats:  # noqa: ASYNC110  a beat is what it waits for
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        clock.advance(5)
        assert node.now() >= 110.0
        assert hours.generation == 9
        running.cancel()

    run(main())
