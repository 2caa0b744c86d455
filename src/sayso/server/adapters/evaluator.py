"""VOPRF evaluation in worker processes: the library holds the GIL, 94 µs an element (libraries.md F5).

A worker is started fresh (spawn), so that it inherits nothing of the server's memory but the keys it is given, and
ends when the server does, even by `kill -9`.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final

import structlog

from sayso.protocol import tokens
from sayso.server.adapters.process import forbid_dumps_as_parent
from sayso.server.errors import ServerError

_LOG: Final = structlog.get_logger()


class PoolEvaluator:
    """Evaluates in a pool of processes."""

    def __init__(self, keys: Mapping[int, bytes], *, workers: int = 1) -> None:
        """Start nothing yet.

        Args:
            keys: VOPRF seeds by epoch, 32 bytes each.
            workers: processes.
        """
        self._keys = dict(keys)
        self._workers = workers
        self._pool = self._new_pool()

    async def warm(self) -> None:
        """Start the workers, so that the first person does not wait for them."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.gather(*(loop.run_in_executor(self._pool, os.getpid) for _ in range(self._workers)))
        except (BrokenProcessPool, OSError) as error:
            raise ServerError("no worker process can be started for evaluations") from error

    async def use(self, keys: Mapping[int, bytes]) -> None:
        """Take other keys: workers that have a key which is gone finish what they are at, and end."""
        if self._keys == keys:
            return
        self._keys = dict(keys)
        pool, self._pool = self._pool, self._new_pool()
        await asyncio.to_thread(pool.shutdown, wait=True)

    async def evaluate(self, epoch: int, elements: Sequence[bytes]) -> bytes:
        """See `Evaluator`."""
        if epoch not in self._keys:
            raise ServerError("this epoch has just ended")
        loop = asyncio.get_running_loop()
        pool = self._pool
        try:
            return await loop.run_in_executor(pool, _evaluate, epoch, list(elements))
        except (BrokenProcessPool, OSError) as error:
            if self._pool is pool:
                _LOG.warning("evaluation workers died, starting others")
                pool.shutdown(wait=False, cancel_futures=True)
                self._pool = self._new_pool()
            raise ServerError("the evaluation's worker process died") from error

    async def close(self) -> None:
        """End the workers."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self._keys,),
        )


_worker_keys: dict[int, bytes] = {}


def _begin(keys: dict[int, bytes]) -> None:
    forbid_dumps_as_parent()
    _worker_keys.update(keys)  # a worker's one state, set once by the pool's initializer
    # Ctrl-C goes to the whole process group; the server tells its workers when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_server, daemon=True).start()


def _end_with_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        signal.raise_signal(signal.SIGKILL)  # nothing of a worker is worth saving


def _evaluate(epoch: int, elements: list[bytes]) -> bytes:
    return tokens.evaluate(_worker_keys[epoch], elements)
