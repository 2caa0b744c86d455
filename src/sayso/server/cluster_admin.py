"""What an operator's commands need of PostgreSQL: counts, and to be the only process on it for a while."""

from contextlib import AsyncExitStack
from dataclasses import replace

from sayso.server.adapters.postgres.inspection import count
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.cluster import open_cluster
from sayso.server.config import ServerConfig
from sayso.server.errors import ConfigError, OthersRunError
from sayso.server.ground import Ground
from sayso.server.ports import Clock, Keyring, Random


async def counts(config: ServerConfig, *, policy_sha256: bytes) -> dict[str, int]:
    """Count what is there; see `adapters.postgres.inspection.count`."""
    pool = await Pool.open(config.postgres or "", connections=1)
    try:
        return await count(pool, policy_sha256=policy_sha256)
    finally:
        await pool.close()


async def open_alone(
    config: ServerConfig, keyring: Keyring, closing: AsyncExitStack, *, clock: Clock, random: Random
) -> Ground:
    """Become the only node: none other runs, and none can start, until this one has left.

    Raises:
        ConfigError: a process of the server runs, here or on another machine.
        KeyringError: the hour keys are another server's, or too old.
        StoreError: the database failed.
    """
    try:
        # Without NATS: a node that nobody reaches suffers no other beside it.
        return await open_cluster(replace(config, nats=None), keyring, closing, clock=clock, random=random)
    except OthersRunError as error:
        raise ConfigError(
            "a process of this server runs: stop all of them first (one that was killed is let go of in 10 seconds)"
        ) from error
