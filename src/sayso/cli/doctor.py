"""`sayso doctor`: what is missing or wrong on this machine, and what to do about it."""

import ctypes.util
import importlib.metadata
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import apsw
import click

from sayso.cli.output import json_option, tell_json
from sayso.cli.phone_modems import look_for_modems

_PYTHON: Final = (3, 11)
_FILES: Final = 4096
_SPACE_MIB: Final = 512
_NEEDED: Final = ("cryptography", "vodozemac", "voprf", "apsw-sqlite3mc", "picows", "uvloop", "msgspec", "phonenumbers")
_FOR_SERVER: Final = ("litestar", "uvicorn", "sqlalchemy", "alembic", "aiosqlite")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    ok: bool
    needed: bool
    """Whether Sayso cannot work without it; else it only limits something."""
    detail: str
    """What was found; where it is not well, what to do."""


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), default=Path(), help="Where state is to lie; the present directory."
)
@json_option
def doctor(data: Path, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Look at this machine: what is missing or wrong, and what to do. Sends nothing anywhere.

    \b
    Example:
        sayso doctor --data /var/lib/sayso
    """
    findings = list(_look(data))
    for finding in findings:
        if as_json:
            tell_json(asdict(finding))
        else:
            mark = "ok      " if finding.ok else ("MISSING " if finding.needed else "limited ")
            click.echo(f"{mark}{finding.check}: {finding.detail}")
    if any(not finding.ok and finding.needed for finding in findings):
        sys.exit(1)


def _look(data: Path) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", sys.version_info >= _PYTHON, True, f"{version}; 3.11 or newer is needed")
    yield Finding("Linux", sys.platform == "linux", True, f"{sys.platform}; Sayso runs on Linux")
    yield from _packages(_NEEDED, needed=True, then="pip install sayso")
    yield from _packages(_FOR_SERVER, needed=False, then="to run a server: pip install 'sayso[server]'")
    yield _sqlite()
    yield _files()
    yield _space(data)
    yield _durable(data)
    yield _loopback()
    yield _namespaces()
    for tool, use in (("strace", "crash tests and disk-write counts"), ("ip", "the silence test")):
        found = shutil.which(tool)
        yield Finding(
            tool, found is not None, False, found or f"install it for {use}: apt-get install {_package(tool)}"
        )
    for modem in look_for_modems():
        yield Finding(f"modem {modem.modem}", modem.usable, False, modem.detail)
    keyring = ctypes.util.find_library("secret-1")
    yield Finding("OS keyring", keyring is not None, False, keyring or "none; the store's key goes under a passphrase")


def _packages(names: tuple[str, ...], *, needed: bool, then: str) -> Iterator[Finding]:
    for name in names:
        try:
            yield Finding(name, True, needed, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, needed, f"not installed; {then}")


def _sqlite() -> Finding:
    """Plain apsw and apsw-sqlite3mc overwrite each other without a word; only one of them encrypts."""
    try:
        importlib.metadata.version("apsw")
    except importlib.metadata.PackageNotFoundError:
        encrypts = hasattr(apsw, "mc_version")
        return Finding("encrypted SQLite", encrypts, True, f"SQLite {apsw.sqlite_lib_version()}")
    then = "the package 'apsw' shadows it: pip uninstall apsw && pip install --force-reinstall apsw-sqlite3mc"
    return Finding("encrypted SQLite", False, True, then)


def _files() -> Finding:
    limit = os.sysconf("SC_OPEN_MAX")
    return Finding("open files", limit >= _FILES, False, f"{limit} per process; a server takes about that many phones")


def _space(data: Path) -> Finding:
    place = next(path for path in (data.absolute(), *data.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free // (1024 * 1024)
    return Finding("disk space", free >= _SPACE_MIB, False, f"{free} MiB free; a server wants {_SPACE_MIB} at least")


def _durable(data: Path) -> Finding:
    """See whether fsync works where state is to lie: some network and container file systems refuse or fake it."""
    place = next(path for path in (data.absolute(), *data.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"sayso")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding(
            "durable writes", False, True, f"cannot write and fsync here ({error.strerror}); choose another --data"
        )
    return Finding("durable writes", True, True, "fsync works")


def _loopback() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)):
            return Finding("loopback", True, True, "127.0.0.1 can be listened on")
    except OSError as error:
        return Finding(
            "loopback", False, True, f"127.0.0.1 cannot be listened on ({error.strerror}); run: ip link set lo up"
        )


def _namespaces() -> Finding:
    root = os.geteuid() == 0
    switch = Path("/proc/sys/kernel/unprivileged_userns_clone")
    allowed = root or not switch.exists() or switch.read_text().strip() == "1"
    detail = "the silence test can run" if allowed else "as root: sysctl kernel.unprivileged_userns_clone=1"
    return Finding("network namespaces", allowed, False, detail)


def _package(tool: str) -> str:
    return {"ip": "iproute2"}.get(tool, tool)
