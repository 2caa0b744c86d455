"""Puts the control plane together: directory, registrar, keys, discovery, erasure, and their HTTP application."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from litestar import Litestar

from sayso.consent.policy import current_policy
from sayso.protocol.ids import DeviceId
from sayso.server.adapters.control.app import ControlServices, control_app
from sayso.server.adapters.control.signed import Signatures
from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.adapters.evaluator import PoolEvaluator
from sayso.server.core.claim_budget import LINES_PER_DAY
from sayso.server.core.directory import Counts
from sayso.server.core.model import Line
from sayso.server.directory_port import DirectoryStore
from sayso.server.ports import Clock, CodeSender, Random, RelayControl, ServerSecrets
from sayso.server.services.background import Background
from sayso.server.services.discovery import Discovery
from sayso.server.services.erasure import Erasures, Withdrawals
from sayso.server.services.identity import ServerIdentity
from sayso.server.services.key_desk import KeyDesk
from sayso.server.services.lines import Lines
from sayso.server.services.registrar import Registrar

_LOG: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlConfig:
    """Settings of the control plane."""

    directory: Path
    """The directory's database file; made at first use. Its folder exists and is the server's alone."""
    stream: str
    """Where phones find the stream: a ws or wss URL, as they see it from outside."""
    service: str = "Sayso"
    """Who the SMS with the code says that it is from."""
    claims_per_day: int = LINES_PER_DAY
    evaluation_workers: int = 1
    warm_up: bool = True
    """Start the evaluation workers when serving begins, in the background, and not at the first evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control plane that is ready to serve."""

    app: Litestar
    """For uvicorn, with `lifespan="on"`, `access_log=False`, `server_header=False`."""
    identity: ServerIdentity
    background: Background
    """Codes on their way; `settle` waits for them."""
    _store: DirectoryStore
    _erasures: Erasures
    _relay: RelayControl
    _evaluator: PoolEvaluator
    _running: Callable[[], float]

    async def finish_erasures(self) -> int:
        """Finish what a crash interrupted. Returns how many.

        Call when the relay can commit, and before anything is served.
        """
        count = await self._erasures.finish_all()
        if count:
            _LOG.info("erasures finished", count=count)
        return count

    async def lines(self) -> list[Line]:
        """Return all lines, for the relay to begin with."""
        return await self._store.load_lines(now=self._running())

    async def renew_leases(self, leases: Mapping[DeviceId, float]) -> None:
        """Make lease ends durable that the relay moved for devices that are online.

        Args:
            leases: running seconds at which each lease ends now.
        """
        await self._store.renew_leases(leases, now=self._running())

    async def sweep(self) -> None:
        """Erase after 28 days, forget codes and answers, retire envelope keys. Call every minute or so."""
        now = self._running()
        expired = await self._store.expire(now=now)
        await self._erasures.finish_all()
        for line in await self._store.forget(now=now):
            self._relay.line_changed(line)
        if expired:
            _LOG.info("enrolments expired", count=len(expired))

    async def counts(self) -> Counts:
        """Count, for the operator."""
        return await self._store.counts(now=self._running())

    async def close(self) -> None:
        """Let go of database and workers. The application has been shut down before."""
        await self._evaluator.close()
        await self._store.close()


async def open_control(
    config: ControlConfig,
    secrets: ServerSecrets,
    relay: RelayControl,
    *,
    clock: Clock,
    random: Random,
    running: Callable[[], float],
    code_sender: CodeSender,
) -> Control:
    """Open the directory and put the control plane together. Serves nothing and starts no process yet.

    Args:
        config: see `ControlConfig`.
        secrets: from the keyring.
        relay: is told of every change, after it is durable.
        clock: wall clock for days and expiry, monotonic for nonces.
        random: fit for keys.
        running: the server's running seconds.
        code_sender: takes the codes; its owner closes it.

    Raises:
        ConfigError: the directory's database cannot be opened, or is not durable.
        KeyringError: a key is damaged.
    """
    identity = ServerIdentity(secrets, policy=current_policy(), stream=config.stream, clock=clock)
    store = SqlDirectory(await open_database(config.directory))
    background = Background()
    erasures = Erasures(store=store, lines=store, relay=relay, running=running)
    evaluator = PoolEvaluator(secrets.voprf, workers=config.evaluation_workers)
    services = ControlServices(
        identity=identity,
        signatures=Signatures(server=identity.digest, clock=clock, random=random),
        directory=store,
        registrar=Registrar(
            identity=identity,
            store=store,
            relay=relay,
            erasures=erasures,
            sender=code_sender,
            background=background,
            random=random,
            running=running,
            service=config.service,
        ),
        keys=KeyDesk(
            identity=identity,
            store=store,
            relay=relay,
            clock=clock,
            running=running,
            claims_per_day=config.claims_per_day,
        ),
        lines=Lines(identity=identity, store=store, keys=store, relay=relay, running=running),
        discovery=Discovery(epoch=identity.epoch, evaluator=evaluator),
        withdrawals=Withdrawals(identity=identity, store=store, lines=store, erasures=erasures, running=running),
        background=background,
        warm_up=evaluator.warm if config.warm_up else None,
        running=running,
    )
    return Control(
        app=control_app(services),
        identity=identity,
        background=background,
        _store=store,
        _erasures=erasures,
        _relay=relay,
        _evaluator=evaluator,
        _running=running,
    )
