"""Which mailboxes this node holds: takes them over, gives them away.

    nobody's ── find, take ──▶ held ── asked to give, or idle ──▶ leaving ─ all durable ─▶ nobody's
                                ▲                                    │
                                └── take: ask the holder to give ────┘ (of another node)

Who wants a mailbox that is leaving waits until it has left, then asks PostgreSQL anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, Protocol

from sayso.protocol.ids import DeviceId
from sayso.server.cluster_port import Ownership
from sayso.server.core.lines import Line
from sayso.server.core.model import Held
from sayso.server.core.relay.relay import Relay
from sayso.server.services.cluster.gather import Gather

SEQ_BLOCK: Final = 2**20
"""As `adapters.postgres.schema` draws them."""
_IDLE_AT_ONCE: Final = 256
_OVERDUE_AT_ONCE: Final = 1024
_BLOCK_CHECK_S: Final = 1.0


class HeldStore(Protocol):
    """A mailbox store that follows what is taken up and let go."""

    def took_up(self, held: Held) -> None:
        """Envelopes were read."""
        ...

    def let_go(self, seqs: Collection[int]) -> None:
        """Another node takes envelopes over."""
        ...


class Holder:
    """The mailboxes that this node holds."""

    def __init__(
        self,
        relay: Relay,
        store: HeldStore,
        ownership: Ownership,
        *,
        lines: Callable[[Collection[DeviceId]], Awaitable[list[Line]]],
        ask_to_give: Callable[[int, DeviceId], Awaitable[None]],
        now: Callable[[], float],
    ) -> None:
        """Wire it.

        Args:
            relay: takes mailboxes up.
            store: of that relay.
            ownership: who holds what.
            lines: reads lines from the directory.
            ask_to_give: asks another node to let a mailbox go; returns when it has, or when that node is gone.
            now: running seconds.
        """
        self._relay = relay
        self._store = store
        self._ownership = ownership
        self._lines = lines
        self._ask_to_give = ask_to_give
        self._now = now
        self._held: set[DeviceId] = set()
        self._settling: set[DeviceId] = set()
        """Held since before the last look: what is idle then goes."""
        self._leaving: dict[DeviceId, asyncio.Future[None]] = {}
        self._claims: Gather[DeviceId, int | None] = Gather(self._claim)
        self._releases: Gather[DeviceId, None] = Gather(self._release)
        self._top = 0

    def holds(self, device: bytes) -> bool:
        """Whether a device's mailbox is here, and stays."""
        return device in self._held

    async def run(self) -> None:
        """Claim and release until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._claims.run())
            tasks.create_task(self._releases.run())
            tasks.create_task(self._keep_seqs())

    async def find(self, device: DeviceId) -> int | None:
        """Find out who holds a mailbox; None: this node does now. One that nobody holds is taken."""
        while device not in self._held:
            if (leaving := self._leaving.get(device)) is not None:
                await asyncio.shield(leaving)
            elif (node := await self._claims.ask(device)) is not None:
                return node
        return None

    async def take(self, device: DeviceId) -> None:
        """Hold a mailbox, whoever holds it now."""
        while (node := await self.find(device)) is not None:
            await self._ask_to_give(node, device)

    async def give(self, device: DeviceId) -> None:
        """Let a mailbox go, if it is here; returns when nothing of it is left here."""
        leaving = self._leaving.get(device)
        if leaving is None:
            if device not in self._held:
                return
            leaving = self._leave(device)
        await asyncio.shield(leaving)

    async def settled(self, device: DeviceId) -> bool:
        """Wait for a claim or a release that is under way; then whether the mailbox is held here."""
        if device in self._leaving:
            await self.give(device)
        await self._claims.passed(device)
        return device in self._held

    async def minute(self) -> None:
        """Take what is overdue and nobody's, so that the relay ends its custody; let go of what is idle."""
        for device in await self._ownership.overdue(now=self._now(), at_most=_OVERDUE_AT_ONCE):
            await self.find(device)
        idle = [device for device in self._settling & self._held if self._relay.is_idle(device)]
        self._settling = set(self._held)
        for start in range(0, len(idle), _IDLE_AT_ONCE):
            await asyncio.gather(*(self.give(device) for device in idle[start : start + _IDLE_AT_ONCE]))

    def _leave(self, device: DeviceId) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        left: asyncio.Future[None] = loop.create_future()
        self._held.discard(device)
        self._leaving[device] = left

        def durable(seqs: list[int]) -> None:
            self._store.let_go(seqs)
            self._releases.start(device, released)

        def released() -> None:
            del self._leaving[device]
            if not left.done():
                left.set_result(None)

        self._relay.release(device, now=self._now(), done=durable)
        return left

    async def _claim(self, devices: Collection[DeviceId]) -> Mapping[DeviceId, int | None]:
        wanted = [device for device in devices if device not in self._held and device not in self._leaving]
        claimed = await self._ownership.claim(wanted)
        lines = await self._lines(claimed.mine) if claimed.mine else []
        self._store.took_up(claimed.held)
        self._relay.take_up(claimed.held, lines)
        self._top = claimed.held.next_seq + SEQ_BLOCK
        self._held |= claimed.mine
        return {device: claimed.elsewhere.get(device) for device in devices}

    async def _release(self, devices: Collection[DeviceId]) -> Mapping[DeviceId, None]:
        await self._ownership.release(devices)
        return dict.fromkeys(devices)

    async def _keep_seqs(self) -> None:
        """Draw a fresh block of seqs before the present one is used up."""
        while True:
            if self._relay.seqs_left(self._top) < SEQ_BLOCK // 2:
                held = (await self._ownership.claim([])).held
                self._relay.take_up(held, [])
                self._top = held.next_seq + SEQ_BLOCK
            await asyncio.sleep(_BLOCK_CHECK_S)
