"""Sets made away from the event loop: small ones on a thread, large ones in a process that ends with the work.

A million lines take some three seconds of Python, in which a thread would take every second turn from the event loop.
"""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final

from sayso.protocol.errors import SetError
from sayso.server.adapters.process import forbid_dumps_as_parent
from sayso.server.core.set_build import MadeSet, SetWork, make_set
from sayso.server.errors import ServerError

SMALL_LINES: Final = 10_000


class Workshop:
    """Makes sets."""

    def __init__(self, *, small_lines: int = SMALL_LINES) -> None:
        """Take the number of lines up to which a thread will do."""
        self._small_lines = small_lines

    async def make(self, work: SetWork) -> MadeSet:
        """See `SetWorkshop`."""
        try:
            if len(work.tokens) <= self._small_lines:
                return await asyncio.to_thread(make_set, work)
            return await self._elsewhere(work)
        except SetError as error:
            raise ServerError("the enrolled set could not be made") from error

    @staticmethod
    async def _elsewhere(work: SetWork) -> MadeSet:
        # Started fresh, so that it inherits nothing of the server's memory but the tokens.
        pool = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=forbid_dumps_as_parent
        )
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, make_set, work)
        except (BrokenProcessPool, OSError) as error:
            raise ServerError("the process that made the enrolled set died") from error
        finally:
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)
