"""Opens what a server of several processes stands on: PostgreSQL, NATS, and this process's place among the others."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sayso.server.adapters.bus.nats import NatsBus, NatsConfig
from sayso.server.adapters.bus.nowhere import Nowhere
from sayso.server.adapters.directory.postgres import device_of, open_postgres
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.adapters.postgres.hours import Hours
from sayso.server.adapters.postgres.mailbox import PostgresMailboxStore
from sayso.server.adapters.postgres.nodes import LEASE_S, Node
from sayso.server.adapters.postgres.owners import Owners
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import make_schema, refuse_half_moved
from sayso.server.adapters.postgres.set_files import PostgresSetFiles
from sayso.server.cluster_port import Bus
from sayso.server.config import ServerConfig
from sayso.server.core.lines import LineTable
from sayso.server.core.model import Held
from sayso.server.core.running_clock import RunningClock
from sayso.server.ground import Ground
from sayso.server.ports import Clock, Keyring, Random, ServerSecrets
from sayso.server.services.cluster.cluster import Cluster
from sayso.server.services.cluster.node import Living
from sayso.server.services.identity import public_digest
from sayso.server.services.relay_runner import RelayRunner

_SPACE_HEX: Final = 16


async def open_cluster(
    config: ServerConfig,
    keyring: Keyring,
    closing: AsyncExitStack,
    *,
    clock: Clock,
    random: Random,
) -> Ground:
    """Connect, become a node, and wire this process's part.

    Raises:
        ConfigError: PostgreSQL or NATS cannot be used like this; the message says what to do.
        KeyringError: the hour keys are another server's, or too old.
        StoreError: the database failed.
    """
    secrets = keyring.secrets()
    pool = await Pool.open(config.postgres or "")
    closing.push_async_callback(pool.close)
    await pool.run(make_schema)
    await pool.run(refuse_half_moved)
    database = await open_postgres(pool)
    closing.push_async_callback(database.close)
    bus = await _bus(config, secrets)
    closing.push_async_callback(bus.close)
    hours = Hours(pool, keyring, random, exclusively=_turning(config.data))
    await hours.catch_up()
    node = await Node.register(pool, generation=hours.generation, bus=config.nats is not None)
    closing.callback(node.drop)
    hours.node = node.id
    await hours.catch_up()
    start = await node.start()
    running = RunningClock(start.heartbeat, wall=start.wall, monotonic=clock.monotonic())
    living = Living(node, clock=clock, running=running, hours=hours, lease_s=LEASE_S, check=pool.check)
    store = PostgresMailboxStore(pool, node.id, hours, random)
    runner = RelayRunner(LineTable(), Held(waiting=[], doubts=[], next_seq=0), store, now=living.now)
    directory = SqlDirectory(database)
    owners = Owners(pool, node.id)
    cluster = Cluster(
        node.id,
        runner.relay,
        store,
        runner,
        ownership=owners,
        nodes=node,
        bus=bus,
        secret=_bus_secret(secrets),
        lines=lambda devices: directory.load_lines(now=living.now(), devices=devices),
        device_of=lambda token: device_of(pool, token),
        now=living.now,
    )

    async def minute() -> None:
        await cluster.minute()
        await node.forget_fenced()

    return Ground(
        runner=runner,
        control=cluster.control,
        running=running,
        now=living.now,
        hours=hours,
        database=database,
        set_files=PostgresSetFiles(pool),
        desk=cluster.router,
        admission=cluster.admission,
        tasks=(living.run, cluster.run),
        minute=minute,
        leave=node.leave,
    )


async def _bus(config: ServerConfig, secrets: ServerSecrets) -> Bus:
    if config.nats is None:
        return Nowhere()
    settings = NatsConfig(
        url=config.nats, token=config.nats_token, ca=None if config.nats_ca is None else str(config.nats_ca)
    )
    return await NatsBus.connect(settings, space=public_digest(secrets.long_term).hex()[:_SPACE_HEX])


def _bus_secret(secrets: ServerSecrets) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sayso/bus-secret/1").derive(secrets.codes)


def _turning(data: Path) -> Callable[[], AbstractContextManager[None]]:
    return lambda: _exclusive(data / "keyring" / "turn.lock")


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Keep the other processes of this machine from changing the keyring."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
