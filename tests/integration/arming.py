"""What armed.py does: runs one watched command, or a nursery that forks them."""

import asyncio
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import apsw
import msgspec
from litestar import Litestar

from sayso.cli.main import main
from sayso.phone.adapters import system as phone_system
from sayso.phone.core import reconnect
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters import connections, evaluator
from sayso.server.adapters import system as server_system
from sayso.server.core import login
from sayso.server.core.limits import StreamLimits
from sayso.server.core.relay import mailbox
from sayso.server.services.housekeeping import Housekeeping
from tests.integration.boundaries import Boundary, Watch, watch_everything

FIRST_RETRY_S = 0.2
"""A phone's first wait before it connects again: what is tested is what comes after it."""
LOADED_BEFORE = (
    *("sayso.cli.carrier", "sayso.cli.server_run", "sayso.cli.phone_run", "sayso.cli.running", "sayso.cli.logs"),
    "sayso.server.adapters.directory.migrations.upgrade",
    *("sqlalchemy.dialects.sqlite.aiosqlite", "anyio._backends._asyncio", "importlib.readers", "encodings.idna"),
    *("uvicorn.lifespan.on", "uvicorn.protocols.http.h11_impl", "uvicorn.protocols.websockets.auto", "jinja2.ext"),
    *("cryptography.hazmat.backends.openssl.backend", "cryptography.hazmat.primitives.asymmetric.rsa"),
)
"""What the parts import only once they run, as far as it takes time."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the nursery for a process. Its stdout and stderr come as file descriptors with the message."""

    words: list[str]
    environment: dict[str, str]


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="started"):
    """The answer to `Start`, in order."""

    pid: int


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """A process is gone. `code`: of its exit, or minus the signal."""

    pid: int
    code: int


def run_armed(words: Sequence[str]) -> NoReturn:
    """Run one command, watched, as the environment says."""
    kill = os.environ.get("SAYSO_TEST_KILL")
    watch = Watch(
        os.environ.get("SAYSO_TEST_WHO", "sayso"),
        told=os.environ.get("SAYSO_TEST_TOLD"),
        armed=Boundary.read(kill) if kill else None,
    )
    watch_everything(watch)
    ahead = os.environ.get("SAYSO_TEST_AHEAD")
    if ahead is not None:
        _set_clocks_by(Path(ahead))
    limits = os.environ.get("SAYSO_TEST_LIMITS")
    if limits is not None:
        _limit(**msgspec.json.decode(limits, type=dict[str, float]))
    denied = os.environ.get("SAYSO_TEST_DENY_PRAGMA")
    if denied is not None:
        _deny_pragma(denied)
    vars(reconnect)["FIRST_S"] = FIRST_RETRY_S
    _evaluate_in_a_thread()
    sys.argv[:] = ["sayso", *words]
    main()
    sys.exit()


def run_nursery(descriptor: int) -> None:
    """Fork a process for each `Start`, and tell when one ends, until the other side hangs up; then end them all.

    Python and the libraries take a second of CPU to import; a forked process has them. It is a process of its own in
    every other way, and runs the same command.
    """
    for module in LOADED_BEFORE:
        importlib.import_module(module)
    Litestar()  # loads what every application of it needs
    PhoneNumber.parse("+447700900001")  # loads the tables of its country
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=descriptor)
    running: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        control.send(msgspec.json.encode(Started(pid=os.getpid())))
        while True:
            for key, _ in selector.select():
                if key.fileobj is control:
                    message, files, _, _ = socket.recv_fds(control, 65536, 2)
                    if not message:
                        _end(running)
                        return
                    start = msgspec.json.decode(message, type=Start)
                    pid = os.fork()
                    if pid == 0:
                        control.close()
                        _become(start, files)
                    for file in files:
                        os.close(file)
                    running[pid] = os.pidfd_open(pid)
                    selector.register(running[pid], selectors.EVENT_READ, pid)
                    control.send(msgspec.json.encode(Started(pid=pid)))
                else:
                    selector.unregister(key.fileobj)
                    os.close(running.pop(key.data))
                    _, status = os.waitpid(key.data, 0)
                    ended = Ended(pid=key.data, code=os.waitstatus_to_exitcode(status))
                    control.send(msgspec.json.encode(ended))


def _become(start: Start, files: Sequence[int]) -> NoReturn:
    os.setsid()
    for standard, file in zip((1, 2), files, strict=True):
        os.dup2(file, standard)
        os.close(file)
    os.environ.update(start.environment)
    code: Any = 1
    try:
        run_armed(start.words)
    except SystemExit as ending:
        code = ending.code
    except BaseException:  # noqa: BLE001  this process ends here, with its traceback, and not in the nursery's loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _end(running: dict[int, int]) -> None:
    for pid, descriptor in running.items():
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.waitpid(pid, 0)


def _limit(**fields: float) -> None:
    """Give the server other limits than the protocol's."""
    limits = replace(LIMITS, **fields)  # type: ignore[arg-type]  # parts of a second are for tests
    for module in (login, mailbox):
        vars(module)["LIMITS"] = limits
    assert "_ENVELOPES" in vars(mailbox)
    vars(mailbox)["_ENVELOPES"] = limits.mailbox_envelopes
    vars(connections)["StreamLimits"] = partial(StreamLimits, login_s=limits.challenge_s)


def _deny_pragma(name: str) -> None:
    """Have SQLite ignore, without a word, whoever sets a pragma: as it does where a file system cannot follow it."""

    def authorize(action: int, pragma: str | None, value: str | None, *_: str | None) -> int:
        ignored = action == apsw.SQLITE_PRAGMA and pragma == name and value is not None
        return apsw.SQLITE_IGNORE if ignored else apsw.SQLITE_OK

    def opened(connection: apsw.Connection) -> None:
        if name != "journal_mode":  # that one is off by itself, and may not be touched before a key is set
            connection.execute(f"PRAGMA {name} = off")
        connection.authorizer = authorize

    apsw.connection_hooks.append(opened)


def _evaluate_in_a_thread() -> None:
    """Do without a server's worker process: it takes a third of a second of CPU to start, and writes nothing."""

    def pool(workers: int, *, initializer: Callable[..., None], initargs: tuple[Any, ...], **_: Any) -> object:
        return ThreadPoolExecutor(workers, initializer=initializer, initargs=initargs)

    module = vars(evaluator)
    module["ProcessPoolExecutor"] = pool
    # Only a main thread may set signal handlers, and this worker needs none.
    module["signal"] = SimpleNamespace(signal=lambda *_: None, SIGINT=signal.SIGINT, SIG_IGN=signal.SIG_IGN)


def _set_clocks_by(file: Path) -> None:
    """Have the clocks run ahead by what stands in a file, and a server do a minute's work at SIGUSR1."""
    running = Housekeeping.run

    def wall(_self: object) -> float:
        return time.time() + float(file.read_text())

    async def run(self: Housekeeping) -> None:
        turn = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, turn.set)

        async def at_signals() -> None:
            while True:
                await turn.wait()
                turn.clear()
                await self.minute()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(running(self))
            tasks.create_task(at_signals())

    clocks: tuple[Any, ...] = (server_system.SystemClock, phone_system.SystemClock)
    for clock in clocks:
        clock.wall = wall
    housekeeping: Any = Housekeeping
    housekeeping.run = run
