"""Lets a device log in at this node: looks its line up, and takes its mailbox over once its signature was right.

In this order: who cannot sign for a device must not be able to move its mailbox about.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from sayso.protocol.ids import DeviceId
from sayso.server.core.lines import Line
from sayso.server.services.cluster.gather import Gather
from sayso.server.services.cluster.holder import Holder


class Admission:
    """`Connections` asks it."""

    def __init__(self, holder: Holder, *, lines: Callable[[Collection[DeviceId]], Awaitable[list[Line]]]) -> None:
        """Wire it; `lines` reads the directory."""
        self._holder = holder
        self._lines: Gather[DeviceId, Line | None] = Gather(self._read)
        self._read_lines = lines
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await self._lines.run()

    def look_up(self, device: DeviceId, then: Callable[[Line | None], None]) -> None:
        """Read a line, then do something with it."""

        async def work() -> None:
            then(await self._lines.ask(device))

        if self._tasks is not None:
            self._tasks.create_task(work())

    def admit(self, device: DeviceId, then: Callable[[], None]) -> None:
        """Hold a device's mailbox here, then do something at once."""

        async def work() -> None:
            while not self._holder.holds(device):
                await self._holder.take(device)
            then()

        if self._tasks is not None:
            self._tasks.create_task(work())

    async def _read(self, devices: Collection[DeviceId]) -> dict[DeviceId, Line | None]:
        found: dict[DeviceId, Line | None] = dict.fromkeys(devices)
        found.update({line.device: line for line in await self._read_lines(devices)})
        return found
