"""A D-Bus system bus of the test's own, with python-dbusmock's ModemManager on it (tests/peers/modemmanager)."""

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.unpack import unpack_variants

from sayso.phone.core.modem_manager import ROOT, SERVICE
from tests.accounting import not_tested

PEER: Final = Path(__file__).resolve().parents[2] / "peers" / "modemmanager"
NETWORK: Final = "org.sayso.Network"
GUARD_S: Final = 30.0
_INSTALL_S: Final = 180.0
_SYSTEM_PYTHON: Final = "/usr/bin/python3"


def require_mock() -> tuple[str, str]:
    """Return dbus-daemon and the interpreter of the mock's environment; make that where it is not made yet."""
    daemon = shutil.which("dbus-daemon")
    if daemon is None:
        not_tested("ModemManager over D-Bus: dbus-daemon is not installed")
    python = PEER / ".venv" / "bin" / "python"
    # Two workers may come here at once.
    with (PEER / "requirements.txt").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _has_mock(python) and not _make(python):
            not_tested("ModemManager over D-Bus: python-dbusmock or python3-dbus could not be installed")
    return daemon, str(python)


def _has_mock(python: Path) -> bool:
    if not python.exists():
        return False
    imports = "import dbus, dbusmock.templates.modemmanager"
    done = subprocess.run([python, "-c", imports], capture_output=True, check=False)
    return done.returncode == 0


def _make(python: Path) -> bool:
    folder = python.parents[1]
    commands: tuple[list[str | Path], ...] = (
        [_SYSTEM_PYTHON, "-m", "venv", "--clear", "--system-site-packages", folder],
        [python, "-m", "pip", "install", "--quiet", "--no-input", "-r", PEER / "requirements.txt"],
    )
    for command in commands:
        if subprocess.run(command, capture_output=True, timeout=_INSTALL_S, check=False).returncode:
            return False
    return _has_mock(python)


@contextmanager
def running_bus(daemon: str) -> Iterator[str]:
    """Run a bus; yields its address."""
    with TemporaryDirectory() as folder:
        address = f"unix:path={folder}/bus"
        with subprocess.Popen(
            [
                daemon,
                f"--config-file={PEER / 'bus.conf'}",
                f"--address={address}",
                "--print-address",
                "--nofork",
                "--nosyslog",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as bus:
            try:
                assert bus.stdout is not None
                assert bus.stdout.readline()
                yield address
            finally:
                bus.terminate()


class MockDaemon:
    """ModemManager's stand-in: a process that can be stopped and started again."""

    def __init__(self, python: str, address: str, *, number: str, silent: tuple[str, ...]) -> None:
        self.address = address
        self._command = [
            python,
            "-m",
            "dbusmock",
            "--system",
            "--template",
            str(PEER / "template.py"),
            "--parameters",
            json.dumps({"number": number, "silent": list(silent)}),
            "--logfile",
            os.devnull,
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._bus: MessageBus

    async def start(self) -> None:
        """Start, and wait until the name is taken."""
        self._bus = await MessageBus(bus_address=self.address).connect()
        self._launch()
        async with asyncio.timeout(GUARD_S):
            while not await self._ready():  # noqa: ASYNC110  another process sets no event of ours
                await asyncio.sleep(0.02)

    def _launch(self) -> None:
        environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": self.address}
        self._process = subprocess.Popen(self._command, env=environment, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        """Stop, as a restart of the daemon does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._bus.disconnect()

    async def network(self, member: str, signature: str = "", *body: object) -> Any:
        """Let the world beyond the modem do something."""
        return await self._call(ROOT, NETWORK, member, signature, *body)

    async def _ready(self) -> bool:
        try:
            await self.network("Accepted")
        except AssertionError:
            return False
        return True

    async def _call(self, path: str, interface: str, member: str, signature: str, *body: object) -> Any:
        reply = await self._bus.call(
            Message(
                destination=SERVICE, path=path, interface=interface, member=member, signature=signature, body=list(body)
            )
        )
        assert reply.message_type is MessageType.METHOD_RETURN, reply.body
        return unpack_variants(reply.body[0]) if reply.body else None


@asynccontextmanager
async def mocked(number: str, *silent: str) -> AsyncIterator[MockDaemon]:
    """Run a bus and the stand-in on it."""
    bus, python = require_mock()
    with running_bus(bus) as address:
        daemon = MockDaemon(python, address, number=number, silent=silent)
        await daemon.start()
        try:
            yield daemon
        finally:
            daemon.stop()
