"""Keeps this process among the living, and stops it when it may no longer be one of them.

beat answered ─▶ lease of 7 s ─ none answered since ─▶ stop: nothing is taken or given any more, start anew
(others may take this node's place after 10 s)
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from sayso.server.core.running_clock import RunningClock
from sayso.server.errors import StoreError
from sayso.server.ports import Clock, HourKeys

_BEAT_S: Final = 1.0
_RUNNING_EVERY: Final = 10
"""Beats between two notes of the running time, which is one row for all nodes."""


class Registered(Protocol):
    """This process in the table of nodes."""

    async def beat(self, *, generation: int) -> int:
        """Say that it lives; returns the newest generation of all nodes' hour keys."""
        ...

    async def keep_running_time(self, running: float) -> float:
        """Note the running time; returns that of the node that is ahead."""
        ...


class Generation(HourKeys, Protocol):
    """Hour keys that know where they stand."""

    @property
    def generation(self) -> int:
        """Of the hour key that wraps now."""
        ...


class Living:
    """This process's lease to be a node."""

    def __init__(
        self,
        node: Registered,
        *,
        clock: Clock,
        running: RunningClock,
        hours: Generation,
        lease_s: float,
        check: Callable[[], Awaitable[None]],
    ) -> None:
        """Begin with a lease that starts now: the process has just registered.

        Args:
            node: where it beats.
            clock: monotonic time; it must go on while the process is stopped.
            running: the running time, shared by all nodes.
            hours: the hour keys; they follow the other nodes'.
            lease_s: for how long a beat is good.
            check: refuses a database that is no longer safe.
        """
        self._node = node
        self._clock = clock
        self._running = running
        self._hours = hours
        self._lease_s = lease_s
        self._check = check
        self._until = clock.monotonic() + lease_s

    def now(self) -> float:
        """Return running seconds, for whoever is about to act on a mailbox.

        Raises:
            StoreError: the lease is over; this process has to stop.
        """
        monotonic = self._clock.monotonic()
        if monotonic > self._until:
            raise StoreError("this process has not reached PostgreSQL for too long: start it anew")
        return self._running.now(monotonic)

    async def run(self) -> None:
        """Beat until cancelled.

        Raises:
            StoreError: the lease is over, or this node was fenced. In an ExceptionGroup.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beat())
            tasks.create_task(self._watch())

    async def _beat(self) -> None:
        beats = 0
        while True:
            begun = self._clock.monotonic()
            newest = await self._node.beat(generation=self._hours.generation)
            self._until = begun + self._lease_s
            if newest > self._hours.generation:
                await self._hours.turn(newest)
            if beats % _RUNNING_EVERY == 0:
                await self._check()
                ahead = await self._node.keep_running_time(self._running.now(self._clock.monotonic()))
                self._running.catch_up(ahead, monotonic=self._clock.monotonic())
            beats += 1
            await asyncio.sleep(_BEAT_S)

    async def _watch(self) -> None:
        while True:
            self.now()
            await asyncio.sleep(_BEAT_S / 2)
