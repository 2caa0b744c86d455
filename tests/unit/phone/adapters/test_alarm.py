"""The next of a queue, or the end of a time: by the phone's clock, and nothing is lost between the two."""

import asyncio

from sayso.phone.adapters.alarm import next_within
from tests.aio import run
from tests.fakes.phone_clock import FakeClock, settle


def test_what_is_there_is_taken_at_once() -> None:
    async def main() -> None:
        clock, queue = FakeClock(), asyncio.Queue[int | None]()
        queue.put_nowait(7)
        assert await next_within(clock, 5.0, queue) == 7
        assert clock.sleeping == 0

    run(main())


def test_what_comes_in_time_ends_the_wait() -> None:
    async def main() -> None:
        clock, queue = FakeClock(), asyncio.Queue[int | None]()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(next_within(clock, 5.0, queue))
            await settle()
            assert clock.sleeping == 1
            queue.put_nowait(7)
        assert waiting.result() == 7
        assert clock.sleeping == 0
        assert queue.empty()

    run(main())


def test_when_time_is_over_there_is_none() -> None:
    async def main() -> None:
        clock, queue = FakeClock(), asyncio.Queue[int | None]()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(next_within(clock, 5.0, queue))
            await settle()
            await clock.advance(4.9)
            assert not waiting.done()
            await clock.advance(0.1)
        assert waiting.result() is None
        assert queue.empty()

    run(main())


def test_what_comes_in_the_moment_in_which_time_is_over_is_not_lost() -> None:
    async def main() -> None:
        clock, queue = FakeClock(turns=0), asyncio.Queue[int | None]()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(next_within(clock, 5.0, queue))
            await settle()
            advancing = tasks.create_task(clock.advance(5.0))
            queue.put_nowait(7)
            await advancing
        found = [waiting.result()]
        while not queue.empty():
            found.append(queue.get_nowait())
        assert 7 in found

    run(main())
