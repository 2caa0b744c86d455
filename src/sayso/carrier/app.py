"""Puts the simulated carrier together and runs it."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import structlog

from sayso.carrier.adapters.clock import SystemClock
from sayso.carrier.adapters.control_listener import ControlListener
from sayso.carrier.adapters.data_directory import DataDirectory, GatewayFile, new_password
from sayso.carrier.adapters.gateway_listener import GatewayListener, bind_loopback
from sayso.carrier.adapters.kannel import Credentials
from sayso.carrier.adapters.modem_listener import ModemListener
from sayso.carrier.adapters.sqlite_store import SqliteStore
from sayso.carrier.adapters.unix_socket import bind_unix
from sayso.carrier.core.limits import LIMITS, NetworkLimits
from sayso.carrier.core.network import Network
from sayso.carrier.engine import Engine
from sayso.carrier.errors import CarrierError, PortTakenError
from sayso.carrier.ports import Clock

_log: Final = structlog.get_logger("sayso.carrier")


@dataclass(frozen=True, kw_only=True, slots=True)
class CarrierConfig:
    """What a carrier is started with.

    `http_port` 0 takes the port of the last start if it is free, else one that is. `seed` makes identifiers and
    chance repeatable, for tests; None takes the system's randomness.
    """

    data: Path
    http_host: str = "127.0.0.1"
    http_port: int = 0
    seed: int | None = None
    limits: NetworkLimits = LIMITS


@dataclass(frozen=True, kw_only=True, slots=True)
class CarrierAddresses:
    """Where a running carrier is found. `url` is that of `sendsms`; a modem is `modems/NAME.sock`."""

    url: str
    host: str
    port: int
    username: str
    password: str = field(repr=False)
    control: Path
    modems: Path


async def run(
    config: CarrierConfig,
    *,
    stop: asyncio.Event,
    ready: Callable[[CarrierAddresses], None] | None = None,
    clock: Clock | None = None,
) -> None:
    """Run a carrier until `stop` is set.

    Args:
        config: See there.
        stop: Set it to stop; everything accepted is on disk at any time, so a kill does as well.
        ready: Called once, when modems, control socket and gateway take connections.
        clock: The system's by default.

    Raises:
        CarrierConfigError: It cannot start like this.
        StoreError: The disk failed.
    """
    with DataDirectory(config.data) as directory, closing(SqliteStore(directory.database)) as store:
        # Simulated chance, no secret: a seed repeats it.
        random = Random(config.seed)  # noqa: S311  see above
        network = Network(store.load(), random=random, limits=config.limits)
        engine = Engine(network, store, clock or SystemClock())
        try:
            await _serve(config, directory, engine, stop, ready)
        except ExceptionGroup as group:
            cause: Exception | None = group.subgroup(CarrierError)
            while isinstance(cause, ExceptionGroup):
                cause = cause.exceptions[0]
            if cause is None:
                raise
            raise cause from group
    _log.info("carrier stopped")


async def _serve(
    config: CarrierConfig,
    directory: DataDirectory,
    engine: Engine,
    stop: asyncio.Event,
    ready: Callable[[CarrierAddresses], None] | None,
) -> None:
    with _bind_gateway(config, directory) as http, bind_unix(directory.control) as operators:
        gateway_file = _write_gateway_file(directory, http)
        credentials = Credentials(gateway_file.username, gateway_file.password)
        try:
            async with asyncio.TaskGroup() as group:
                phones = ModemListener(directory.modems, group, engine.act)
                engine.start(phones)
                group.create_task(engine.keep_time())
                group.create_task(ControlListener(operators, group, engine, phones.path).serve())
                group.create_task(GatewayListener(http, group, engine.act, credentials).serve())
                _log.info("carrier started", modems=len(engine.network.modems), queued=engine.network.queued)
                if ready is not None:
                    ready(_addresses(directory, gateway_file))
                await stop.wait()
                phones.stop()
                raise _StoppedError  # noqa: TRY301  how a TaskGroup is ended from within
        except* _StoppedError:
            pass


class _StoppedError(Exception):
    """Ends the task group, and so everything that serves."""


def _bind_gateway(config: CarrierConfig, directory: DataDirectory) -> socket.socket:
    last = directory.read_gateway()
    if config.http_port == 0 and last is not None:
        try:
            return bind_loopback(config.http_host, last.port)
        except PortTakenError:
            _log.info("the gateway's last port is taken; choosing another")
    return bind_loopback(config.http_host, config.http_port)


def _write_gateway_file(directory: DataDirectory, http: socket.socket) -> GatewayFile:
    last = directory.read_gateway()
    host, port, *_ = http.getsockname()
    return directory.write_gateway(host=host, port=port, password=last.password if last else new_password())


def _addresses(directory: DataDirectory, gateway: GatewayFile) -> CarrierAddresses:
    return CarrierAddresses(
        url=gateway.url,
        host=gateway.host,
        port=gateway.port,
        username=gateway.username,
        password=gateway.password,
        control=directory.control,
        modems=directory.modems,
    )
