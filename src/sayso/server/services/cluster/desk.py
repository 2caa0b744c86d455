"""Requests to other nodes and their answers; and what other nodes ask of this one."""

import asyncio
from collections.abc import Awaitable, Callable

from sayso.protocol.ids import DeviceId
from sayso.server.services.cluster.channels import Channels
from sayso.server.services.cluster.messages import Changed, Done, Give, Knowledge, Request


class Desk:
    """Asks other nodes."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._waiting: dict[int, tuple[int, asyncio.Future[Knowledge]]] = {}
        self._next = 1

    async def request(self, node: int, make: Callable[[int], Request]) -> Knowledge:
        """Ask a node; of one that is gone the answer is that it knows nothing."""
        if self._channels.is_gone(node):
            return Knowledge.NOTHING
        ref, self._next = self._next, self._next + 1
        future: asyncio.Future[Knowledge] = asyncio.get_running_loop().create_future()
        self._waiting[ref] = (node, future)
        self._channels.send(node, make(ref))
        try:
            return await future
        finally:
            self._waiting.pop(ref, None)

    async def ask_to_give(self, node: int, device: DeviceId) -> None:
        """Ask a node to let a mailbox go; returns when it has, or is gone."""
        await self.request(node, lambda ref: Give(ref, device))

    async def tell_changed(self, node: int, device: DeviceId) -> bool:
        """Have a node look at a device's line anew. Returns whether it has; else it is gone."""
        return await self.request(node, lambda ref: Changed(ref, device)) is Knowledge.HERE

    def done(self, item: Done) -> None:
        """Take an answer."""
        _, future = self._waiting.get(item.request, (0, None))
        if future is not None and not future.done():
            future.set_result(item.knowledge)

    def node_gone(self, node: int) -> None:
        """A node is fenced: it knows nothing any more."""
        for of, future in self._waiting.values():
            if of == node and not future.done():
                future.set_result(Knowledge.NOTHING)


async def answer_when_done(channels: Channels, node: int, request: int, work: Awaitable[None]) -> None:
    """Do what another node asked for, and say so."""
    await work
    channels.send(node, Done(request, Knowledge.HERE))
