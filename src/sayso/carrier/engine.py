"""The network's driver: an event, the core's decision, the disk, then the phones. In this order, in one go.

It runs in the event loop's thread, commit and all, so events cannot overtake each other between decision and disk. A
commit costs an fsync: right for a simulated network of a few SIMs, wrong for the server, which has a commit thread.
"""

import asyncio
import contextlib

from sayso.carrier.core.commands import CloseModem, Forget, OpenModem, Save, ToPhone
from sayso.carrier.core.events import AddModem, AddSim, Event, Tick
from sayso.carrier.core.network import Network
from sayso.carrier.ports import CarrierStore, Clock, PhoneLinks


class Engine:
    """Drives one network. After a StoreError memory may be ahead of the disk: stop the process."""

    def __init__(self, network: Network, store: CarrierStore, clock: Clock) -> None:
        self.network = network
        self._store = store
        self._clock = clock
        self._links: PhoneLinks | None = None
        self._acted = asyncio.Event()

    def start(self, links: PhoneLinks) -> None:
        """Open every modem, and settle what came due while nobody was here."""
        self._links = links
        for modem in self.network.modems:
            links.open(modem)
        self.act(Tick())

    def act(self, event: Event) -> None:
        """Let an event happen; what follows from it is durable when this returns, and said to the phones.

        Raises:
            RefusedError: The event asks for what cannot be; nothing has changed.
            StoreError: The disk failed; nobody was told anything.
        """
        if self._links is None:
            raise RuntimeError("start() comes first")
        if isinstance(event, AddSim | AddModem):
            self._links.check(event.name)
        commands = self.network.handle(event, self._clock.now())
        changes = [command for command in commands if isinstance(command, Save | Forget)]
        if changes:
            self._store.commit(changes)
        for command in commands:
            match command:
                case ToPhone(modem, frame):
                    self._links.send(modem, frame)
                case OpenModem(modem):
                    self._links.open(modem)
                case CloseModem(modem):
                    self._links.close(modem)
                case Save() | Forget():
                    pass
        self._acted.set()

    async def keep_time(self) -> None:
        """Make a Tick whenever something comes due; runs until cancelled."""
        while True:
            self._acted.clear()
            due_at = self.network.next_due()
            wait_s = None if due_at is None else due_at - self._clock.now()
            if wait_s is not None and wait_s <= 0:
                self.act(Tick())
                await asyncio.sleep(0)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._acted.wait()
