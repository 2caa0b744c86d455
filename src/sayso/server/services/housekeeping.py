"""What a running server does by the clock: heartbeat, hour keys, leases, sweeps."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

import structlog

from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import LIMITS
from sayso.server.core import hour_ratchet
from sayso.server.core.running_clock import Heartbeat, RunningClock
from sayso.server.errors import KeyringError, NoSpaceError
from sayso.server.ports import Clock, HourKeys
from sayso.server.services.relay_runner import RelayRunner

_LEASES_EVERY_S: Final = 1.0
_log = structlog.get_logger()


class Directory(Protocol):
    """What housekeeping asks of the control plane."""

    async def renew_leases(self, leases: Mapping[DeviceId, float]) -> None:
        """Make lease ends durable."""
        ...

    async def sweep(self) -> None:
        """Erase what has expired."""
        ...


class Generation(HourKeys, Protocol):
    """Hour keys that know where they stand."""

    @property
    def generation(self) -> int:
        """Of the hour key that wraps now."""
        ...


class Housekeeping:
    """Runs the periodic work of one server. A full disk skips a turn of it; other failures end the server."""

    def __init__(
        self,
        *,
        runner: RelayRunner,
        directory: Directory,
        hours: Generation,
        clock: Clock,
        running: RunningClock,
        write_heartbeat: Callable[[Heartbeat], None],
    ) -> None:
        self._runner = runner
        self._directory = directory
        self._hours = hours
        self._clock = clock
        self._running = running
        self._write_heartbeat = write_heartbeat
        self._turned: float | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._every(_LEASES_EVERY_S, "leases", self.flush_leases))
            tasks.create_task(self._every(LIMITS.heartbeat_s, "minute", self.minute))

    async def flush_leases(self) -> None:
        """Write down the leases that connections have renewed: many at once, seconds after they were told."""
        renewed = self._runner.relay.take_renewed()
        if not renewed:
            return
        try:
            await self._directory.renew_leases(renewed)
        except NoSpaceError:
            self._runner.relay.put_back_renewed(renewed)
            raise

    async def minute(self) -> None:
        """Do a minute's work."""
        self.heartbeat()
        await self.turn_if_due()
        self._runner.sweep()
        await self._directory.sweep()

    def heartbeat(self) -> None:
        """Write down where the running time stands."""
        self._write_heartbeat(self._running.heartbeat(wall=self._clock.wall(), monotonic=self._clock.monotonic()))

    async def turn_if_due(self) -> None:
        """Turn the hour key when its hour is over."""
        now = self._clock.monotonic()
        since = None if self._turned is None else now - self._turned
        generation = hour_ratchet.due(self._hours.generation, wall=self._clock.wall(), since_turn=since)
        if self._turned is None:
            self._turned = now
        if generation is not None:
            await self._hours.turn(generation)
            self._turned = now

    async def _every(self, seconds: float, what: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except (NoSpaceError, KeyringError) as error:
                _log.warning("housekeeping-postponed", what=what, error=type(error).__name__)
            await asyncio.sleep(seconds)
