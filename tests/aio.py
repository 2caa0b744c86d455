"""Run a coroutine in a test, on the event loop that production uses."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")

# Not a measure of anything: it turns a test that hangs into one that fails.
PATIENCE_SECONDS = 120
_END_SECONDS = 10.0
_left: list[asyncio.Runner] = []


def run(main: Coroutine[Any, Any, T], *, patience: float = PATIENCE_SECONDS) -> T:
    """Run `main` to its end under uvloop and return its result; TimeoutError after `patience` seconds."""

    async def bounded() -> T:
        try:
            async with asyncio.timeout(patience):
                return await main
        except BaseException:
            await _end_all_tasks()
            raise

    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    # A test that fails may leave a connection open, and closing the loop would wait for it forever: the failure would
    # never be told. Such a loop is left as it is, and not freed under its handles.
    _left.append(runner)
    result = runner.run(bounded())
    _left.remove(runner)
    runner.close()
    return result


async def _end_all_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_END_SECONDS)
