"""Waits for the next of a queue, but not for ever; by the phone's clock, so that tests can move it."""

import asyncio
from typing import TypeVar

from sayso.phone.ports import Clock

T = TypeVar("T")


async def next_within(clock: Clock, seconds: float, queue: "asyncio.Queue[T | None]") -> T | None:
    """Return the next of a queue; None when time is over, or for a None in it, which says: look up.

    Nothing that is put into the queue is lost when both happen at once: a call that finds something does not wait. What
    may be left behind then is one None too many.
    """
    if not queue.empty():
        return queue.get_nowait()

    async def ring() -> None:
        await clock.sleep(seconds)
        queue.put_nowait(None)

    async with asyncio.TaskGroup() as tasks:
        ringing = tasks.create_task(ring())
        found = await queue.get()
        ringing.cancel()
    return found
