"""What all streams of one server share: the relay, who is open, budgets, and the turn of the loop that sends."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from sayso.protocol.ids import KeyDigest
from sayso.server.core.budgets import LineBudgets
from sayso.server.core.limits import FloodLimits, StreamLimits
from sayso.server.core.networks import Networks
from sayso.server.core.relay.relay import Relay
from sayso.server.ports import DepositDesk, DeviceAdmission, Random


class Connected(Protocol):
    """One stream."""

    def flush(self) -> None:
        """Send what is queued."""
        ...

    def abort(self) -> None:
        """Cut the connection off."""
        ...


class Connections:
    """What all connections of one server share."""

    def __init__(
        self,
        relay: Relay,
        *,
        server: KeyDigest,
        now: Callable[[], float],
        random: Random,
        limits: StreamLimits | None = None,
        floods: FloodLimits | None = None,
        desk: DepositDesk | None = None,
        admission: DeviceAdmission | None = None,
    ) -> None:
        """Wire it.

        Args:
            relay: takes what the connections bring.
            server: the server's key digest, which logins sign.
            now: the server's running time, in seconds.
            random: draws the challenges.
            limits: others than the ordinary ones.
            floods: the same for what all, a network and a line may cost together.
            desk: takes deposits and questions instead of the relay, where mailboxes lie in several processes.
            admission: looks lines up and takes mailboxes over at a login; without it the relay knows all lines.
        """
        floods = floods or FloodLimits()
        self.limits = limits or StreamLimits()
        self.relay = relay
        self.server = server
        self.now = now
        self.random = random
        self.desk: DepositDesk = desk or relay
        self.admission = admission
        self.networks = Networks(floods, key=random.token_bytes(32))
        self.budgets = LineBudgets(floods)
        self.open: set[Connected] = set()
        self._gone = asyncio.Event()
        self._dirty: list[Connected] = []

    async def wait_closed(self, patience_s: float) -> None:
        """Give connections that are ending time to go, then cut off what is left."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self.open:
                    self._gone.clear()
                    await self._gone.wait()
        for connection in list(self.open):
            connection.abort()

    def closed(self, connection: Connected) -> None:
        """Note that a connection is gone."""
        self.open.discard(connection)
        self._gone.set()

    def dirty(self, connection: Connected) -> None:
        """Have a connection's queue sent at the end of this turn of the loop."""
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty.append(connection)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            connection.flush()
