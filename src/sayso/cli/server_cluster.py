"""Options of a server of several processes, and the command that starts and watches the workers of one machine."""

import asyncio
import contextlib
import functools
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec
import structlog

from sayso.cli.output import read_secret
from sayso.server.adapters.data_lock import held
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.private_file import make_private_directory
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.app import ServerAddresses
from sayso.server.config import ServerConfig, check
from sayso.server.core.addresses import Address
from sayso.server.errors import ConfigError, ServerError

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
_RESTART_S: Final = 1.0
_STOP_S: Final = 30.0
_file: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """What was said of PostgreSQL, NATS and workers."""

    postgres: str | None
    nats: str | None
    nats_token_file: Path | None
    nats_ca: Path | None
    cluster_cleartext: bool
    workers: int
    worker: int | None

    def settings(self) -> dict[str, Any]:
        """Return them as arguments of `ServerConfig`."""
        return {
            "postgres": self.postgres,
            "nats": self.nats,
            "nats_token": read_secret(self.nats_token_file, "token"),
            "nats_ca": self.nats_ca,
            "cluster_cleartext": self.cluster_cleartext,
            "workers": self.workers,
            "worker": self.worker,
        }


_OPTIONS: Final = (
    click.option(
        "--postgres",
        envvar="SAYSO_POSTGRES",
        help="Keep directory and mailboxes in PostgreSQL: postgresql://USER@HOST/DATABASE. Its password: ~/.pgpass.",
    ),
    click.option("--nats", help="Join processes that share a PostgreSQL: nats://HOST:PORT, or tls://HOST:PORT."),
    click.option("--nats-token-file", type=_file, help="First line: the token at NATS. File mode 600."),
    click.option("--nats-ca", type=_file, help="Certificates (PEM) to trust at NATS instead of the system's."),
    click.option(
        "--cluster-cleartext",
        is_flag=True,
        help="Reach PostgreSQL and NATS on other machines without TLS: only inside a tunnel of your own.",
    ),
    click.option(
        "--workers",
        default=1,
        show_default=True,
        help="Processes on this machine; more than one need --postgres and --nats.",
    ),
    click.option("--worker", type=int, hidden=True),
)


def cluster_options(command: CommandT) -> CommandT:
    """Give a command the options, as one argument `cluster`."""

    @functools.wraps(command)
    def wrapped(**values: Any) -> Any:
        names = ClusterOptions.__dataclass_fields__
        options = ClusterOptions(**{name: values.pop(name) for name in names})
        return command(cluster=options, **values)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]  # click's decorators keep what they are given


async def run_workers(
    config: ServerConfig, *, stop: asyncio.Event, ready: Callable[[ServerAddresses], None], arguments: Sequence[str]
) -> None:
    """Start the workers of this machine, start those anew that end, and stop all of them with this process.

    Args:
        config: with more than one worker.
        stop: set it to stop.
        ready: called once, when all of them serve.
        arguments: of this command; each worker gets them too.

    Raises:
        ConfigError: they would not start like this.
        ServerError: one could not start.
    """
    listeners = check(config)
    make_private_directory(config.data)
    with held(config.data), contextlib.ExitStack() as reserved:
        # Made here, before several processes would.
        open_keyring(config.data, config.passphrase, clock=SystemClock(), random=SystemRandom())
        http, stream = (_reserve(address, reserved) for address in (listeners.http, listeners.stream))
        shared = [*arguments, "--json", "--http", http, "--stream", stream]
        async with asyncio.TaskGroup() as tasks:
            workers = [_Worker([*shared, *_own(config, number)]) for number in range(config.workers)]
            running = [tasks.create_task(worker.run(stop)) for worker in workers]
            addresses = [await worker.ready for worker in workers]
            ready(addresses[0])
            await asyncio.gather(*running)


class _Worker:
    """One worker."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self.ready: asyncio.Future[ServerAddresses] = asyncio.get_running_loop().create_future()

    async def run(self, stop: asyncio.Event) -> None:
        """Run it, again and again, until it is to stop."""
        while not stop.is_set():
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "sayso", *self._arguments, stdout=asyncio.subprocess.PIPE
            )
            async with asyncio.TaskGroup() as tasks:
                stopping = tasks.create_task(_stop_with(process, stop))
                reading = tasks.create_task(self._read(process))
                code = await process.wait()
                said = await reading
                stopping.cancel()
            if not self.ready.done():
                raise ServerError(said or f"a worker ended with {code} before it served: see the log")
            if not stop.is_set():
                _log.error("worker-ended", code=code)
                await asyncio.sleep(_RESTART_S)

    async def _read(self, process: asyncio.subprocess.Process) -> str | None:
        """Read what it says. Returns its error, if it says one."""
        error = None
        if process.stdout is None:
            return None
        async for line in process.stdout:
            with contextlib.suppress(msgspec.MsgspecError):
                said = msgspec.json.decode(line, type=dict[str, Any])
                error = said.get("error", error)
                if said.pop("event", None) == "ready" and not self.ready.done():
                    self.ready.set_result(ServerAddresses(**said))
        return error


async def _stop_with(process: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    await stop.wait()
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        await asyncio.sleep(_STOP_S)
        process.kill()


def _own(config: ServerConfig, number: int) -> list[str]:
    """Return what this worker has of its own: its number, and a port for its metrics."""
    own = ["--worker", str(number)]
    if config.metrics is not None and number > 0:
        host, _, port = config.metrics.rpartition(":")
        own += ["--metrics", f"{host}:{int(port) + number if int(port) else 0}"]
    return own


def _reserve(address: Address, reserved: contextlib.ExitStack) -> str:
    """Take a port without listening on it, so that all workers get the same one. Returns the address."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    taken = reserved.enter_context(socket.socket(family))
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((address.host, address.port))
    except OSError as error:
        raise ConfigError(
            f"nothing can listen on {address.host}:{address.port}; stop what holds it, or choose another port"
        ) from error
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{taken.getsockname()[1]}"
