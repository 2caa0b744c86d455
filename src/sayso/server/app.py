"""Puts one server together and runs it: `sayso server run`.

    keyring, mailbox store ─▶ relay ◀─ streams (picows)
                 directory ─▶ control plane (Litestar, uvicorn)
    housekeeping: heartbeat, hour keys, leases, sweeps

Both listeners live in one event loop. Nothing is served before what a crash interrupted is finished.
"""

import asyncio
import gc
import importlib
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog
import uvicorn

from sayso.protocol.frames import ByeReason
from sayso.server.adapters.connections import Connections
from sayso.server.adapters.data_lock import held
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.private_file import make_private_directory, write_atomically
from sayso.server.adapters.process import allow_open_files, end_with_parent, forbid_dumps
from sayso.server.adapters.stream import serve_streams
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.codes.opening import open_code_sender
from sayso.server.config import Listeners, ServerConfig, allowance, check, flood_limits, sms_caps
from sayso.server.control import Control, ControlConfig, open_control
from sayso.server.core.addresses import Address
from sayso.server.errors import ConfigError
from sayso.server.ground import Ground, Sweeping, open_files
from sayso.server.ports import Clock, Random
from sayso.server.services.event_counts import EventCounts
from sayso.server.services.housekeeping import Housekeeping
from sayso.server.services.relay_runner import RelayRunner
from sayso.server.services.vitals import Vitals

_SWITCH_INTERVAL_S: Final = 0.0005
"""A busy event loop hands the interpreter to the commit thread this often: with Python's 5 ms it would starve."""
_BACKLOG: Final = 1024
_SETTLE_S: Final = 10.0
_GOODBYE_S: Final = 1.0
"""How long streams are given to take what is queued for them at a graceful stop."""
_log = structlog.get_logger()


class _HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers (stopping is the app's business), and with a word when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening: Final = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone."""
        yield


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerAddresses:
    """Where a running server is found."""

    http: str
    stream: str
    key: str
    """Digest of its long-term key, hex: what phones pin."""
    metrics: str | None
    """Metrics and health, for this machine."""


async def run(
    config: ServerConfig,
    *,
    stop: asyncio.Event,
    ready: Callable[[ServerAddresses], None] | None = None,
    clock: Clock | None = None,
    random: Random | None = None,
    events: EventCounts | None = None,
) -> None:
    """Run a server until `stop` is set; then stop gracefully.

    Args:
        config: see there.
        stop: set it to stop; a kill loses nothing either.
        ready: called once, when everything is served.
        clock: the system's by default.
        random: the system's by default.
        events: counts what is logged, for the metrics.

    Raises:
        ConfigError: it refuses to start like this.
        KeyringError: the keyring cannot be opened.
        StoreError: the storage failed; start anew once the disk is well.
    """
    listeners = check(config)
    clock, random = clock or SystemClock(), random or SystemRandom()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    if not config.debuggable:
        forbid_dumps()
    if config.worker is not None:
        end_with_parent()
    make_private_directory(config.data)
    async with AsyncExitStack() as closing:
        if config.worker is None:  # else the process that has started the workers holds it
            closing.enter_context(held(config.data))
        server = await _open(config, listeners, closing, clock=clock, random=random)
        await _serve(server, stop, ready, events or EventCounts())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Server:
    config: ServerConfig
    listeners: Listeners
    http: socket.socket
    streams: socket.socket
    metrics: socket.socket | None
    ground: Ground
    control: Control
    connections: Connections
    housekeeping: Housekeeping
    clock: Clock

    @property
    def addresses(self) -> ServerAddresses:
        scheme = "https" if self.listeners.tls else "http"
        return ServerAddresses(
            http=self.listeners.http.url(scheme, self.http.getsockname()[1]),
            stream=self.config.public_stream or self.listeners.stream_url(self.streams.getsockname()[1]),
            key=self.control.identity.digest.hex(),
            metrics=self._metrics_url(),
        )

    def _metrics_url(self) -> str | None:
        if self.metrics is None or self.listeners.metrics is None:
            return None
        return self.listeners.metrics.url("http", self.metrics.getsockname()[1])


async def _open(
    config: ServerConfig, listeners: Listeners, closing: AsyncExitStack, *, clock: Clock, random: Random
) -> _Server:
    """Open everything; `closing` closes it again, last opened first."""
    shared = config.worker is not None
    http = closing.enter_context(_bind(listeners.http, "control plane", shared=shared))
    streams = closing.enter_context(_bind(listeners.stream, "stream", shared=shared))
    metrics = None if listeners.metrics is None else closing.enter_context(_bind(listeners.metrics, "metrics"))
    keyring = open_keyring(config.data, config.passphrase, clock=clock, random=random)
    if config.postgres is None:
        ground = await open_files(config, keyring, closing, clock=clock, random=random)
    else:
        # Not imported where there is no cluster: its libraries are an extra.
        cluster = importlib.import_module("sayso.server.cluster")
        ground = await cluster.open_cluster(config, keyring, closing, clock=clock, random=random)
    code_sender = await open_code_sender(config, closing, clock=clock, random=random)
    secrets = keyring.secrets()
    stream_url = config.public_stream or listeners.stream_url(streams.getsockname()[1])
    control = await open_control(
        ControlConfig(
            directory=config.data / "directory.db",
            sets=config.data / "sets",
            stream=stream_url,
            sms_caps=sms_caps(config),
            discovery=allowance(config),
        ),
        secrets,
        ground.control,
        secrets_file=keyring,
        clock=clock,
        random=random,
        running=ground.now,
        code_sender=code_sender,
        database=ground.database,
        set_files=ground.set_files,
    )
    closing.push_async_callback(control.close)
    housekeeping = Housekeeping(
        runner=ground.runner,
        directory=Sweeping(control, ground),
        hours=ground.hours,
        clock=clock,
        running=ground.running,
        write_heartbeat=ground.write_heartbeat,
    )
    connections = Connections(
        ground.runner.relay,
        server=control.identity.digest,
        now=ground.now,
        random=random,
        floods=flood_limits(config, open_files=allow_open_files()),
        desk=ground.desk,
        admission=ground.admission,
    )
    return _Server(
        config=config,
        listeners=listeners,
        http=http,
        streams=streams,
        metrics=metrics,
        ground=ground,
        control=control,
        connections=connections,
        housekeeping=housekeeping,
        clock=clock,
    )


async def _serve(
    server: _Server, stop: asyncio.Event, ready: Callable[[ServerAddresses], None] | None, events: EventCounts
) -> None:
    ground, control = server.ground, server.control
    runner = ground.runner
    async with asyncio.TaskGroup() as tasks:
        driving = [tasks.create_task(_drive(work)) for work in (*ground.tasks, runner.run)]
        await control.finish_erasures()
        if ground.admission is None:
            for line in await control.lines():
                runner.line_changed(line)
        keeping = tasks.create_task(server.housekeeping.run())
        streams = await serve_streams(
            server.connections, sock=server.streams, tls=server.listeners.tls, lean=server.config.lean_connections
        )
        http = _http_server(control, server.listeners)
        serving = tasks.create_task(http.serve(sockets=[server.http]))
        await http.listening.wait()
        watching, vitals = await _show_metrics(server, events, tasks)
        if not server.config.worker:
            _publish(server)
        settle_collector()
        if ready is not None:
            ready(server.addresses)
        await stop.wait()

        vitals.stopping = True
        if server.config.drain_s > 0:
            _log.info("draining")
            await asyncio.sleep(server.config.drain_s)
        http.should_exit = True
        if watching is not None:
            watching.should_exit = True
        streams.close()
        await _settle(runner)
        runner.say_bye(ByeReason.STOPPING)
        await server.connections.wait_closed(_GOODBYE_S)
        await serving
        await _settle(runner)
        await server.housekeeping.flush_leases()
        server.housekeeping.heartbeat()
        keeping.cancel()
        await ground.leave()
        for one in driving:
            one.cancel()


async def _drive(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _show_metrics(
    server: _Server, events: EventCounts, tasks: asyncio.TaskGroup
) -> tuple[_HttpServer | None, Vitals]:
    """Serve metrics and health, if they are wanted, now that there is something to be ready for."""
    runner, networks = server.ground.runner, server.connections.networks
    vitals = Vitals(
        runner=runner,
        control=server.control,
        clock=server.clock,
        now=runner.now,
        logging_in=lambda: networks.counts[1],
    )
    if server.metrics is None:
        return None, vitals
    # Most servers show none, and what stands between a crash and the mail is the time to load everything.
    metrics = importlib.import_module("sayso.server.adapters.metrics")
    shown = _HttpServer(
        uvicorn.Config(
            metrics.MetricsApp(vitals.gather, events.counts),
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
            limit_concurrency=16,
        )
    )
    tasks.create_task(shown.serve(sockets=[server.metrics]))
    await shown.listening.wait()
    return shown, vitals


async def _settle(runner: RelayRunner) -> None:
    """Make everything durable that was taken; a full disk does not keep the server from stopping.

    What is not written then was not `accepted` either: its senders try again.
    """
    try:
        async with asyncio.timeout(_SETTLE_S):
            await runner.settle()
    except TimeoutError:
        _log.warning("stopped-unsettled")


def settle_collector() -> None:
    """Keep the garbage collector away from what stays.

    Modules, lines and mailboxes live as long as the server, and what a message leaves behind is freed by counting
    references; with Python's own thresholds the collector took a third of the time of the online path.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _publish(server: _Server) -> None:
    """Write down where the server is found: for its operator and for programs, nothing secret."""
    addresses = server.addresses
    document = {"http": addresses.http, "stream": addresses.stream, "key": addresses.key}
    if addresses.metrics is not None:
        document["metrics"] = addresses.metrics
    write_atomically(server.config.data / "server.json", msgspec.json.encode(document) + b"\n")


def _bind(address: Address, what: str, *, shared: bool = False) -> socket.socket:
    """Take an address before anything else is opened, so that a taken port leaves no trace.

    The workers of one machine share theirs: the system deals the connections out.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG, reuse_port=shared)
    except OSError as error:
        raise ConfigError(
            f"the {what} cannot listen on {address.host}:{address.port} ({os.strerror(error.errno or 0)}); "
            "stop what holds it, or choose another port"
        ) from error


def _http_server(control: Control, listeners: Listeners) -> _HttpServer:
    tls = listeners.tls
    config = uvicorn.Config(
        control.app,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        lifespan="on",
        log_config=None,
        access_log=False,
        # Nobody needs a client's address here: one that a proxy tells after all is not even read.
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=5,
        limit_concurrency=512,
    )
    return _HttpServer(config)
