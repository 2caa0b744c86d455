"""The server under test: `sayso server run` as a process of its own, on a core of its own."""

import asyncio
import datetime as dt
import os
import signal
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.procfs import Meter
from bench.settings import Settings
from sayso.protocol.ids import KeyDigest
from scripts.compiled import ensure

_START_S: Final = 180.0
_STOP_S: Final = 30.0
_NO_BUDGET: Final = 10**12
DIRECTORY: Final = "directory.db"


class ServerFailedError(Exception):
    """The server did not start, or did not stop."""


class _Ready(msgspec.Struct):
    """The line that the server prints when it serves."""

    http: str
    stream: str
    key: str


class ServerProcess:
    """One server on one data directory; may be killed and started again."""

    def __init__(self, data: Path, settings: Settings, *, options: Sequence[str] = ()) -> None:
        """Start nothing yet.

        Args:
            data: holds a seeded directory.
            settings: cores, TLS and the like.
            options: further ones of `sayso server run`; what was given before gives way to them.
        """
        self._data = data
        self._settings = settings
        self._options = options
        self._log = data.with_suffix(".log")
        self._password = data.with_suffix(".password")
        self._process: asyncio.subprocess.Process | None = None
        self.stream = self.http = ""
        self.digest = KeyDigest(b"")

    async def start(self) -> None:
        """Start it and wait until it serves.

        Raises:
            ServerFailedError: it ended, or said nothing for three minutes.
        """
        self._password.write_text("unused\n", encoding="utf-8")
        self._password.chmod(0o600)
        with self._log.open("ab") as log, on_core(self._settings.server_core):
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                env=environment(interpreted=self._settings.interpreted),
            )
        output, line = self._process.stdout, b""
        try:
            async with asyncio.timeout(_START_S):
                line = b"" if output is None else await output.readline()
            ready = msgspec.json.decode(line, type=_Ready)
        except (TimeoutError, msgspec.DecodeError) as error:
            await self.kill()
            raise ServerFailedError(f"the server did not start: {line.decode()!r}; its log:\n{self.log()}") from error
        self.stream, self.http, self.digest = ready.stream, ready.http, KeyDigest(bytes.fromhex(ready.key))

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise ServerFailedError("the server does not run")
        return self._process.pid

    @property
    def data(self) -> Path:
        """Where its state lies."""
        return self._data

    def meter(self) -> Meter:
        """Return a meter for it."""
        return Meter(self.pid)

    def log(self) -> str:
        """Return the end of what it logged."""
        return self._log.read_text("utf-8", errors="replace")[-4000:] if self._log.exists() else ""

    async def kill(self) -> None:
        """End it as a power cut would, as far as the process is concerned."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        self._process = None

    async def stop(self) -> None:
        """Stop it gracefully.

        Raises:
            ServerFailedError: it did not end by itself, or not well.
        """
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                code = await process.wait()
        except TimeoutError as error:
            await self.kill()
            raise ServerFailedError(f"the server did not stop; its log:\n{self.log()}") from error
        self._process = None
        if code != 0:
            raise ServerFailedError(f"the server ended with {code}; its log:\n{self.log()}")

    def _tls_options(self) -> list[str]:
        if not self._settings.tls:
            return []
        certificate, key = self_signed(self._data)
        return ["--tls-cert", str(certificate), "--tls-key", str(key)]

    def _command(self) -> list[str]:
        gateway = "http://127.0.0.1:9/cgi-bin/sendsms"  # the accounts are seeded: nobody enrols, mostly
        return [
            sys.executable, "-m", "sayso", "server", "run", "--data", str(self._data),
            "--http", "127.0.0.1:0", "--stream", "127.0.0.1:0", "--plain-keyring",
                "--debuggable",  # the meter reads /proc, which a server closes to others
            "--line-deposits", str(_NO_BUDGET),  # fifty lines do here what thousands do elsewhere
            *self._tls_options(),
            *(["--lean-connections"] if self._settings.lean else []),
            "--sms-gateway", gateway, "--sms-password-file", str(self._password), "--json", *self._options,
        ]  # fmt: skip


@lru_cache
def environment(*, interpreted: bool) -> dict[str, str]:
    """Return the environment of a server: its package is the compiled one, built here if it has to be, or src/."""
    return dict(os.environ) if interpreted else {**os.environ, "PYTHONPATH": str(ensure())}


def self_signed(place: Path) -> tuple[Path, Path]:
    """Write a certificate for loopback and its key; returns their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    files = place.with_suffix(".cert.pem"), place.with_suffix(".key.pem")
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].touch(mode=0o600)
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


class on_core:  # noqa: N801  reads as what it does
    """Processes started inside the block inherit one core, if there are several."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._before: set[int] = set()

    def __enter__(self) -> None:
        self._before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self._core} & _all_cores() or self._before)

    def __exit__(self, *_: object) -> None:
        os.sched_setaffinity(0, self._before)


def pin_driver(settings: Settings) -> bool:
    """Move this process to the driver's core. False: there is only one core, and both share it."""
    if settings.driver_core not in _all_cores() or len(_all_cores()) == 1:
        return False
    os.sched_setaffinity(0, {settings.driver_core})
    return True


def _all_cores() -> set[int]:
    return set(range(os.cpu_count() or 1))
