"""Run a coroutine in a test, on the event loop that production uses."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")

# Not a measure of anything: it turns a test that hangs into one that fails.
PATIENCE_SECONDS = 60.0


def run(main: Coroutine[Any, Any, T], *, patience: float = PATIENCE_SECONDS) -> T:
    """Run `main` to its end under uvloop and return its result; TimeoutError after `patience` seconds."""

    async def bounded() -> T:
        async with asyncio.timeout(patience):
            return await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(bounded())
