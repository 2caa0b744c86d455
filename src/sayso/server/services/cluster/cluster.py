"""Puts this process's part of a cluster together, and hands round what other nodes say."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from sayso.protocol.ids import DeviceId, Token
from sayso.server.cluster_port import Bus, Nodes, Ownership
from sayso.server.core.lines import Line
from sayso.server.core.relay.relay import Relay
from sayso.server.ports import RelayControl
from sayso.server.services.cluster.admission import Admission
from sayso.server.services.cluster.channels import Channels
from sayso.server.services.cluster.control import ClusterControl
from sayso.server.services.cluster.desk import Desk, answer_when_done
from sayso.server.services.cluster.holder import HeldStore, Holder
from sayso.server.services.cluster.messages import (
    AnyItem,
    Back,
    Changed,
    Done,
    Forward,
    Give,
    Left,
    NotKnown,
    NotMine,
    Question,
    WhoHas,
)
from sayso.server.services.cluster.router import Router


class Cluster:
    """Everything that a server of several processes has more than one of a single process."""

    def __init__(
        self,
        node: int,
        relay: Relay,
        store: HeldStore,
        here: RelayControl,
        *,
        ownership: Ownership,
        nodes: Nodes,
        bus: Bus,
        secret: bytes,
        lines: Callable[[Collection[DeviceId]], Awaitable[list[Line]]],
        device_of: Callable[[Token], Awaitable[DeviceId | None]],
        now: Callable[[], float],
    ) -> None:
        """Wire it; see the parts."""
        self._channels: Final = Channels(node, secret=secret, bus=bus, nodes=nodes)
        self._desk: Final = Desk(self._channels)
        self.holder: Final = Holder(relay, store, ownership, lines=lines, ask_to_give=self._desk.ask_to_give, now=now)
        self.router: Final = Router(
            relay, self.holder, self._channels, self._desk, ownership, nodes, device_of=device_of, now=now
        )
        self.control: Final = ClusterControl(here, self.holder, self._desk, ownership, lines=lines)
        self.admission: Final = Admission(self.holder, lines=lines)
        self._channels.received = self._received
        self._channels.gone = self._gone
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            StoreError: the storage failed, or this node was fenced. In an ExceptionGroup.
        """
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for part in (self.holder, self.router, self.control, self.admission, self._channels):
                tasks.create_task(part.run())

    async def minute(self) -> None:
        """Do a minute's work."""
        await self.holder.minute()

    def _received(self, node: int, item: AnyItem) -> None:
        router = self.router
        match item:
            case Forward():
                router.forwarded(node, item)
            case Question():
                router.questioned(node, item)
            case Left():
                router.far_left(node, item.connection)
            case Back() | NotMine() | NotKnown() | Done():
                self._answered(item)
            case Give():
                self._start(node, item.request, self.holder.give(DeviceId(item.device)))
            case Changed():
                self._start(node, item.request, self.control.look_anew(DeviceId(item.device)))
            case WhoHas():
                self._channels.send(node, Done(item.request, router.knows(item.handle_hash)))

    def _answered(self, item: Back | NotMine | NotKnown | Done) -> None:
        match item:
            case Back():
                self.router.answered(item.connection, item.frame)
            case NotMine():
                self.router.came_back(item.ref)
            case NotKnown():
                self.router.not_known(item.ref)
            case Done():
                self._desk.done(item)

    def _start(self, node: int, request: int, work: Awaitable[None]) -> None:
        if self._tasks is not None:
            self._tasks.create_task(answer_when_done(self._channels, node, request, work))

    def _gone(self, node: int) -> None:
        self._desk.node_gone(node)
        self.router.node_gone(node)
