"""Puts the control plane together: directory, registrar, keys, discovery, erasure, and their HTTP application."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from litestar import Litestar

from sayso.consent.policy import current_policy
from sayso.protocol.ids import DeviceId
from sayso.server.adapters.control.app import ControlServices, control_app
from sayso.server.adapters.control.signed import Signatures
from sayso.server.adapters.directory.discovery import SqlDiscovery
from sayso.server.adapters.directory.engine import Database, open_database
from sayso.server.adapters.directory.sms_budget import SqlSmsBudget
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.adapters.evaluator import PoolEvaluator
from sayso.server.adapters.set_files import SetDirectory
from sayso.server.adapters.set_workshop import Workshop
from sayso.server.core.claim_budget import LINES_PER_DAY
from sayso.server.core.directory import Counts
from sayso.server.core.discovery_budget import Allowance
from sayso.server.core.lines import Line
from sayso.server.core.sms_caps import SmsCaps
from sayso.server.directory_port import DirectoryStore
from sayso.server.discovery_port import DiscoveryBudgetStore, SetFiles
from sayso.server.ports import Clock, CodeSender, Random, RelayControl, SecretsFile, ServerSecrets, SmsBudgetStore
from sayso.server.services.background import Background
from sayso.server.services.discovery import Discovery
from sayso.server.services.enrolled_set import EnrolledSet
from sayso.server.services.epochs import Epochs
from sayso.server.services.erasure import Erasures, Withdrawals
from sayso.server.services.identity import ServerIdentity
from sayso.server.services.key_desk import KeyDesk
from sayso.server.services.lines import Lines
from sayso.server.services.lock import RegistrationLock
from sayso.server.services.registrar import Registrar
from sayso.server.services.rotation import Rotation
from sayso.server.services.spending import Spending

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
    sets: Path | None = None
    """Where builds of the enrolled set lie; `sets` beside the directory by default."""
    discovery: Allowance = field(default_factory=Allowance)
    """How many new numbers a line may ask for."""
    sms_caps: SmsCaps = field(default_factory=SmsCaps)
    """How many SMS may be sent."""
    evaluation_workers: int = 1
    warm_up: bool = True
    """Start the evaluation workers when serving begins, in the background, and not at the first evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control plane that is ready to serve."""

    app: Litestar
    """For uvicorn, with `lifespan="on"`, `access_log=False`, `proxy_headers=False`, `server_header=False`."""
    identity: ServerIdentity
    background: Background
    """Codes on their way; `settle` waits for them."""
    _store: DirectoryStore
    _spent: SmsBudgetStore
    _budgets: DiscoveryBudgetStore
    sets: EnrolledSet
    """Builds of the enrolled set; `sweep` makes one when its hour has come."""
    _rotation: Rotation
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
        """Erase after 28 days, forget codes, answers and keys, build the enrolled set. Call every minute or so."""
        now = self._running()
        expired = await self._store.expire(now=now)
        await self._spent.forget_spent(now=now)
        await self._budgets.forget_full(now=now)
        await self._erasures.finish_all()
        for line in await self._store.forget(now=now):
            self._relay.line_changed(line)
        if expired:
            _LOG.info("enrolments expired", count=len(expired))
        await self.sets.build_if_due()
        await self._rotation.end_due()

    async def counts(self) -> Counts:
        """Count, for the operator."""
        return await self._store.counts(now=self._running())

    async def without_consent(self) -> int:
        """Count lines whose consent was given to another policy than the present one."""
        return await self._store.without_consent(self.identity.policy.sha256)

    def jobs(self) -> int:
        """Count the jobs that are under way in the background."""
        return self.background.under_way

    def set_built_at(self) -> float | None:
        """Tell when the enrolled set that is shown was built, Unix seconds; None before the first build."""
        return self.sets.built_at

    async def close(self) -> None:
        """Let go of database and workers. The application has been shut down before."""
        await self._evaluator.close()
        await self._store.close()


async def open_control(
    config: ControlConfig,
    secrets: ServerSecrets,
    relay: RelayControl,
    *,
    secrets_file: SecretsFile,
    clock: Clock,
    random: Random,
    running: Callable[[], float],
    code_sender: CodeSender,
    database: Database | None = None,
    set_files: SetFiles | None = None,
) -> Control:
    """Open the directory and put the control plane together. Serves nothing and starts no process yet.

    Args:
        config: see `ControlConfig`.
        secrets: from the keyring.
        relay: is told of every change, after it is durable.
        secrets_file: where keys whose overlap is over are destroyed.
        clock: wall clock for days and expiry, monotonic for nonces.
        random: fit for keys.
        running: the server's running seconds.
        code_sender: takes the codes; its owner closes it.
        database: the directory's, instead of a file of this server's own.
        set_files: where builds of the enrolled set lie, instead of files of this server's own.

    Raises:
        ConfigError: the directory's database cannot be opened, or is not durable.
        KeyringError: a key is damaged.
    """
    allowance = config.discovery
    identity = ServerIdentity(
        secrets,
        policy=current_policy(),
        stream=config.stream,
        clock=clock,
        running=running,
        limits={"discovery_bucket": allowance.bucket, "discovery_per_day": allowance.per_day},
    )
    database = database or await open_database(config.directory)
    store, spent, discovering = SqlDirectory(database), SqlSmsBudget(database), SqlDiscovery(database)
    background = Background()
    erasures = Erasures(store=store, lines=store, relay=relay, running=running)
    evaluator = PoolEvaluator(identity.voprf_keys, workers=config.evaluation_workers)
    rotation = Rotation(
        secrets,
        file=secrets_file,
        identity=identity,
        evaluator=evaluator,
        store=store,
        erasures=erasures,
        relay=relay,
        running=running,
    )
    await rotation.begin()
    sets = EnrolledSet(
        identity=identity,
        store=discovering,
        files=set_files or SetDirectory(config.sets or config.directory.parent / "sets"),
        workshop=Workshop(),
        clock=clock,
        random=random,
        running=running,
    )
    await sets.open()
    discovery = Discovery(
        epochs=lambda: identity.epochs,
        evaluator=evaluator,
        lines=store,
        budgets=discovering,
        codes_key=secrets.codes,
        allowance=allowance,
        running=running,
    )
    registrar = Registrar(
        identity=identity,
        store=store,
        relay=relay,
        erasures=erasures,
        codes=Spending(sender=code_sender, store=spent, caps=config.sms_caps, secret=secrets.codes, running=running),
        background=background,
        random=random,
        running=running,
        service=config.service,
    )
    services = ControlServices(
        identity=identity,
        signatures=Signatures(server=identity.digest, clock=clock, random=random),
        directory=store,
        registrar=registrar,
        lock=RegistrationLock(
            identity=identity,
            registrar=registrar,
            pins=store,
            store=store,
            relay=relay,
            random=random,
            running=running,
        ),
        keys=KeyDesk(
            identity=identity,
            store=store,
            relay=relay,
            clock=clock,
            running=running,
            claims_per_day=config.claims_per_day,
        ),
        lines=Lines(
            identity=identity,
            store=store,
            keys=store,
            pins=store,
            locks=store,
            discovery=discovery,
            sets=discovering,
            relay=relay,
            running=running,
        ),
        epochs=Epochs(identity=identity, store=store, lines=store, relay=relay, running=running),
        discovery=discovery,
        sets=sets,
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
        _spent=spent,
        _budgets=discovering,
        sets=sets,
        _rotation=rotation,
        _erasures=erasures,
        _relay=relay,
        _evaluator=evaluator,
        _running=running,
    )
