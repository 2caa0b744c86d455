"""Jobs that outlive the request that started them, so that its answer takes the same time whatever they do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from sayso.protocol.api import ProblemType
from sayso.protocol.errors import SaysoError
from sayso.server.errors import Refused

_LOG: Final = structlog.get_logger()
_RETRY_S: Final = 5


class Background:
    """Runs jobs in one TaskGroup, a bounded number at a time."""

    def __init__(self, *, at_most: int = 256, grace_s: float = 5.0) -> None:
        """Start nothing yet.

        Args:
            at_most: how many jobs may be under way.
            grace_s: how long a stopping server waits for them.
        """
        self._at_most = at_most
        self._grace_s = grace_s
        self._jobs: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take jobs inside the block; at its end wait a few seconds for those under way, then cancel them."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                yield
            finally:
                self._group = None
                await self.settle(self._grace_s)
                for job in self._jobs:
                    job.cancel()

    def start(self, kind: str, job: Callable[[], Awaitable[None]]) -> None:
        """Start a job.

        Args:
            kind: what it is, for the log.
            job: what to do; its failure is logged, by kind of error only.

        Raises:
            Refused: too many are under way, or the server is stopping.
        """
        if self._group is None or len(self._jobs) >= self._at_most:
            raise Refused(ProblemType.UNAVAILABLE, "The server is busy.", retry_after_s=_RETRY_S)
        task = self._group.create_task(_guarded(kind, job))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    @property
    def under_way(self) -> int:
        """How many jobs are under way."""
        return len(self._jobs)

    async def settle(self, patience_s: float | None = None) -> None:
        """Wait until no job is under way, or for so many seconds."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=patience_s)


async def _guarded(kind: str, job: Callable[[], Awaitable[None]]) -> None:
    try:
        await job()
    except SaysoError as error:
        _LOG.warning("job failed", job=kind, error=type(error).__name__)
    # The kind only: a traceback could show a number.
    except Exception as error:  # noqa: BLE001  one request's fault must not end the group, and with it every other's job
        _LOG.error("job broke", job=kind, error=type(error).__name__)
