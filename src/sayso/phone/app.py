"""Puts one phone together: data directory, store, ports, lines, command socket."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.gate import Gate
from sayso.consent.policy import current_policy
from sayso.consent.ports import Journal
from sayso.consent.records import VerifiedConsent
from sayso.phone.adapters.command_feed import CommandFeed
from sayso.phone.adapters.commands import SOCKET_NAME, serve_commands
from sayso.phone.adapters.control_client import ControlClient
from sayso.phone.adapters.hardening import harden_in_thread
from sayso.phone.adapters.mark_file import MarkFile, usual_directory
from sayso.phone.adapters.modems import ModemChoice, make_modem
from sayso.phone.adapters.remedies import read_remedy
from sayso.phone.adapters.set_cache import SetDirectory
from sayso.phone.adapters.store import Store
from sayso.phone.adapters.store_key import DataDirectory
from sayso.phone.adapters.stream_client import StreamClient
from sayso.phone.adapters.system import SystemClock, SystemRandom
from sayso.phone.adapters.vodozemac_ratchet import VodozemacRatchet
from sayso.phone.core.lines import Line
from sayso.phone.core.sms.alphabet import segments
from sayso.phone.errors import StoreLockedError, WebAppError
from sayso.phone.line.book import Book
from sayso.phone.line.owner import Owner
from sayso.phone.line.remedy import take_off
from sayso.phone.line.restored import follow_mark
from sayso.phone.line.service import LineService
from sayso.phone.line.world import OpenReach, Reach, World
from sayso.phone.ports import Clock, Random, UpdateSwitch
from sayso.phone.web.desk import Desk
from sayso.phone.web.sessions import KeptSessions, Sessions
from sayso.protocol.ids import DeviceId, KeyDigest
from sayso.protocol.passphrase import STANDARD, Cost

if TYPE_CHECKING:  # needs an extra: see _site
    from sayso.phone.web.site import Site

_RATCHET_KEY: Final = "ratchet-key"
_RATCHET_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemConfig:
    """One modem, and so one line."""

    name: str
    """How the owner calls the line."""
    modem: ModemChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneConfig:
    """A phone's settings."""

    data: Path
    """Directory with all state; 0700."""
    modems: tuple[ModemConfig, ...]
    passphrase: str | None = None
    """Opens the store."""
    plain_key: bool = False
    """In place of a passphrase: the store's key lies beside it, readable by whoever copies the directory."""
    passphrase_cost: Cost = STANDARD
    web: bool = True
    """Whether the web app is served, on loopback."""
    server: str = ""
    """The server that Settings > Cloud Messaging suggests; nothing is asked of it by that."""
    server_key: str = ""
    """Digest of its long-term key, hex."""
    updates: UpdateSwitch | None = None
    """The yes to checks for updates, for Settings > Updates; None: this phone gets its updates from elsewhere."""
    marks: Path | None = None
    """Directory of the mark that tells an older copy of `data`, which must not be copied along; None: the usual one."""


async def run(
    config: PhoneConfig,
    *,
    ready: asyncio.Event,
    stop: asyncio.Event,
    boundary: Callable[[str, str], None] | None = None,
) -> None:
    """Run a phone until `stop` is set.

    Args:
        config: see `PhoneConfig`.
        ready: set when commands are answered.
        stop: set by the caller to end; everything durable stays.
        boundary: called with each transaction's name and "before" or "after" around its COMMIT; for the kill tests.

    Raises:
        StoreLockedError: the data directory or store cannot be used.
        CommandError: the command socket cannot be made, or a package for a modem is not installed.
        WebAppError: the web app cannot be served, or its packages are not installed.
    """
    clock, random = SystemClock(), SystemRandom()
    directory = DataDirectory(config.data)
    try:
        key = _store_key(directory, config, random)
        store = Store(directory.database, key, boundary=boundary)
        try:
            await _serve(config, store, clock, random, ready=ready, stop=stop)
        finally:
            store.close()
    finally:
        directory.close()


async def _serve(
    config: PhoneConfig, store: Store, clock: Clock, random: Random, *, ready: asyncio.Event, stop: asyncio.Event
) -> None:
    owner = Owner(store, CommandFeed())
    world = World(
        store=store,
        clock=clock,
        random=random,
        ratchet=VodozemacRatchet(_ratchet_key(store, random)),
        sets=SetDirectory(config.data / "sets"),
        open_reach=_opener(clock),
        news=owner,
        policy=current_policy(),
        harden=harden_in_thread,
    )
    follow_mark(world, MarkFile(config.marks or usual_directory(), config.data))
    services = [_line_service(world, modem) for modem in config.modems]
    for service in services:
        owner.serve(service)
    remedy = read_remedy(config.data)
    if remedy is not None:
        for service in services:
            take_off(world, service.id, remedy)
    sessions = Sessions(KeptSessions(store), now=clock.wall, random=random)
    desk = Desk(owner, sessions, data=config.data)
    site = _site(config, store, owner, desk, sessions, clock, random) if config.web else None
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(service.run()) for service in services]
        if site is not None:
            served = asyncio.Event()
            desk.serve(lambda: site.address)
            running.append(tasks.create_task(site.run(ready=served)))
            await served.wait()
        running.append(tasks.create_task(serve_commands(config.data / SOCKET_NAME, desk, ready=ready)))
        await stop.wait()
        for task in running:
            task.cancel()


def _line_service(world: World, config: ModemConfig) -> LineService:
    line = line_of(world.store, world.random, config.name)
    modem = make_modem(config.modem, book=world.store.handed(line), clock=world.clock)
    return LineService(world, line, modem)


def line_of(store: Store, random: Random, name: str) -> bytes:
    """Return the id of the line of a modem; made, switched off, when the modem is new."""
    line = store.lines.named(name)
    if line is None:
        line = Line(id=random.token_bytes(16), name=name)
        with store.transaction("line-made"):
            store.lines.add(line)
    return line.id


def _site(
    config: PhoneConfig, store: Store, owner: Owner, desk: Desk, sessions: Sessions, clock: Clock, random: Random
) -> "Site":
    """Put the web app together.

    Raises:
        WebAppError: a package that it needs is not installed.
    """
    try:
        from sayso.phone.web.context import Context, Suggested  # noqa: PLC0415  an extra
        from sayso.phone.web.languages import load_languages  # noqa: PLC0415  an extra
        from sayso.phone.web.site import Site  # noqa: PLC0415  an extra
    except ImportError as error:
        raise WebAppError(
            "for the web app, install the extra: pip install 'sayso[phone]'; or start the phone without it: --no-web"
        ) from error
    context = Context(
        store=store,
        owner=owner,
        desk=desk,
        book=Book(store, clock, random),
        sessions=sessions,
        languages=load_languages(),
        clock=clock,
        segments=segments,
        suggested=Suggested(server=config.server, key=config.server_key),
        updates=config.updates,
    )
    return Site(context=context, random=random)


def _store_key(directory: DataDirectory, config: PhoneConfig, random: Random) -> bytes:
    if config.plain_key:
        return directory.plain_key(random=random)
    if not config.passphrase:
        raise StoreLockedError("the phone's store needs a passphrase, or the option that keeps its key in a plain file")
    return directory.key_under_passphrase(config.passphrase, random=random, cost=config.passphrase_cost)


def _ratchet_key(store: Store, random: Random) -> bytes:
    key = store.secret(_RATCHET_KEY)
    if key is None:
        key = random.token_bytes(_RATCHET_KEY_BYTES)
        with store.transaction("ratchet-key"):
            store.put_secret(_RATCHET_KEY, key)
    return key


def _opener(clock: Clock) -> OpenReach:
    def open_reach(consent: VerifiedConsent, *, device: DeviceId, key: Ed25519PrivateKey, journal: Journal) -> Reach:
        gate = Gate(consent, journal=journal, now=clock.wall)
        server = KeyDigest(consent.record.server_key)
        return Reach(
            gate=gate,
            control=ControlClient(gate, consent.record.server, device=device, key=key, server=server),
            stream=StreamClient(gate, device=device, key=key, server=server),
        )

    return open_reach
