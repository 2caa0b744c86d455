"""What a server stands on: its own files here, or PostgreSQL and NATS (`cluster`)."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from sayso.protocol.ids import DeviceId
from sayso.server.adapters.directory.engine import Database
from sayso.server.adapters.heartbeat import HeartbeatFile
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.config import ServerConfig
from sayso.server.core.lines import LineTable
from sayso.server.core.model import Batch, all_handed
from sayso.server.core.running_clock import Heartbeat, RunningClock, stood_still
from sayso.server.discovery_port import SetFiles
from sayso.server.ports import Clock, DepositDesk, DeviceAdmission, Keyring, Random, RelayControl
from sayso.server.services.housekeeping import Generation
from sayso.server.services.relay_runner import RelayRunner

_log = structlog.get_logger()


class Swept(Protocol):
    """The control plane, as housekeeping knows it."""

    async def renew_leases(self, leases: Mapping[DeviceId, float]) -> None:
        """Make lease ends durable."""
        ...

    async def sweep(self) -> None:
        """Erase what has expired."""
        ...


async def _nothing() -> None:
    pass


def _kept_elsewhere(heartbeat: Heartbeat) -> None:
    del heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Storage, relay, and running time of one process."""

    runner: RelayRunner
    control: RelayControl
    """What the control plane talks to."""
    running: RunningClock
    now: Callable[[], float]
    """Running seconds, for whoever is about to act."""
    hours: Generation
    write_heartbeat: Callable[[Heartbeat], None] = _kept_elsewhere
    database: Database | None = None
    """Of the directory; None for a file of this server's own."""
    set_files: SetFiles | None = None
    desk: DepositDesk | None = None
    admission: DeviceAdmission | None = None
    """With it, lines are read when they are needed; without it the relay knows all of them."""
    tasks: tuple[Callable[[], Awaitable[None]], ...] = field(default=())
    """What has to run from the beginning to the end."""
    minute: Callable[[], Awaitable[None]] = _nothing
    """What is due once a minute."""
    leave: Callable[[], Awaitable[None]] = _nothing
    """The end of a graceful stop, when everything is durable."""


class Sweeping:
    """Once a minute: the control plane's part, then the ground's."""

    def __init__(self, control: Swept, ground: Ground) -> None:
        self._control = control
        self._ground = ground

    async def renew_leases(self, leases: Mapping[DeviceId, float]) -> None:
        """See the control plane."""
        await self._control.renew_leases(leases)

    async def sweep(self) -> None:
        """Erase what has expired; then what else is due."""
        await self._control.sweep()
        await self._ground.minute()


async def open_files(
    config: ServerConfig, keyring: Keyring, closing: AsyncExitStack, *, clock: Clock, random: Random
) -> Ground:
    """Open this server's own files.

    Raises:
        ConfigError: another server holds them, or a commit would not be durable there.
        StoreError: they cannot be read.
    """
    store = await EmbeddedMailboxStore.open(config.data / "mailbox", keyring, random)
    closing.push_async_callback(store.close)
    held = await store.load()
    heartbeat = HeartbeatFile(config.data / "heartbeat")
    last = heartbeat.read()
    if stood_still(last, wall=clock.wall()):
        _log.warning("server-was-away", envelopes=len(held.waiting))
        await store.commit(Batch(handed=all_handed(held.waiting)))
    running = RunningClock(last, wall=clock.wall(), monotonic=clock.monotonic(), floor=store.latest)

    def now() -> float:
        return running.now(clock.monotonic())

    if store.set_aside:
        _log.error("mailbox-set-aside", envelopes=store.set_aside)
    runner = RelayRunner(LineTable(), held, store, now=now)
    return Ground(runner=runner, control=runner, running=running, now=now, hours=store, write_heartbeat=heartbeat.write)
