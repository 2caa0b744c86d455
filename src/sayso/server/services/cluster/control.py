"""What the control plane tells the relay, wherever the mailbox is held: `RelayControl` for several processes."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId
from sayso.server.cluster_port import Ownership
from sayso.server.core.lines import Line
from sayso.server.ports import RelayControl
from sayso.server.services.cluster.desk import Desk
from sayso.server.services.cluster.holder import Holder


class ClusterControl:
    """Tells the node that holds a mailbox; takes the mailbox over to end it."""

    def __init__(
        self,
        here: RelayControl,
        holder: Holder,
        desk: Desk,
        ownership: Ownership,
        *,
        lines: Callable[[Collection[DeviceId]], Awaitable[list[Line]]],
    ) -> None:
        """Wire it; `here` is this node's relay, `lines` reads the directory."""
        self._here = here
        self._holder = holder
        self._desk = desk
        self._ownership = ownership
        self._lines = lines
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await asyncio.get_running_loop().create_future()

    def line_changed(self, line: Line) -> None:
        """See `RelayControl`."""
        if self._holder.holds(line.device):
            self._here.line_changed(line)
        elif self._tasks is not None:
            self._tasks.create_task(self._tell(line.device))

    async def end_custody(self, device: DeviceId, state: OutcomeState) -> None:
        """See `RelayControl`."""
        while not self._holder.holds(device):
            await self._holder.take(device)
        await self._here.end_custody(device, state)

    async def holdings(self, device: DeviceId) -> tuple[int, int]:
        """See `RelayControl`."""
        if self._holder.holds(device):
            return await self._here.holdings(device)
        return await self._ownership.holdings(device)

    async def look_anew(self, device: DeviceId) -> None:
        """Read a device's line, because another node has changed it."""
        if await self._holder.settled(device):
            for line in await self._lines([device]):
                if self._holder.holds(device):
                    self._here.line_changed(line)

    async def _tell(self, device: DeviceId) -> None:
        while not self._holder.holds(device):
            node = await self._ownership.owner(device)
            if node is None:
                return
            if await self._desk.tell_changed(node, device):
                return
        await self.look_anew(device)
