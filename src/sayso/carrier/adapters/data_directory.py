"""The data directory: for its owner only, for one process at a time, with `carrier.json` for those who look for it.

DIR/carrier.db      what the network remembers
DIR/carrier.json    where the gateway listens, and its user and password
DIR/carrier.lock    held while a carrier runs
DIR/control.sock    see control_listener
DIR/modems/         a socket for each modem
"""

import fcntl
import os
import secrets
import stat
from pathlib import Path
from typing import Final, Self

import msgspec

from sayso.carrier.errors import CarrierConfigError

GATEWAY_USERNAME: Final = "sayso"


class GatewayFile(msgspec.Struct, frozen=True, kw_only=True):
    """Content of carrier.json."""

    version: int = 1
    url: str
    host: str
    port: int
    username: str
    password: str

    def __repr__(self) -> str:
        """No password."""
        return f"GatewayFile(url={self.url!r})"


class DataDirectory:
    """Holds the directory's lock until closed."""

    def __init__(self, path: Path) -> None:
        """Make the directory if needed and lock it.

        Raises:
            CarrierConfigError: Others can read it, another carrier holds it, or it cannot be used.
        """
        self.path = path.absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if stat.S_IMODE(self.path.stat().st_mode) & 0o077:
                raise CarrierConfigError(f"others can look into {self.path}: run `chmod 700 {self.path}`")
            self.modems.mkdir(mode=0o700, exist_ok=True)
            self.modems.chmod(0o700)
            self._lock = os.open(self.path / "carrier.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CarrierConfigError(f"cannot use {self.path} as data directory: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise CarrierConfigError(
                f"another carrier runs in {self.path}; stop it or choose another --data"
            ) from error
        for leftover in self.modems.glob("*.sock"):
            leftover.unlink()

    @property
    def modems(self) -> Path:
        """Where the modems' sockets are."""
        return self.path / "modems"

    @property
    def control(self) -> Path:
        """Where the control socket is."""
        return self.path / "control.sock"

    @property
    def database(self) -> Path:
        """Where the database is."""
        return self.path / "carrier.db"

    def read_gateway(self) -> GatewayFile | None:
        """Return what the last start wrote; None at the first one. Raises CarrierConfigError if it is damaged."""
        file = self.path / "carrier.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=GatewayFile)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, OSError) as error:
            raise CarrierConfigError(f"{file} is damaged; delete it to have a new one made") from error

    def write_gateway(self, *, host: str, port: int, password: str) -> GatewayFile:
        """Write carrier.json, whole or not at all, for its owner only. Raises CarrierConfigError."""
        authority = f"[{host}]" if ":" in host else host
        gateway = GatewayFile(
            url=f"http://{authority}:{port}/cgi-bin/sendsms",
            host=host,
            port=port,
            username=GATEWAY_USERNAME,
            password=password,
        )
        file = self.path / "carrier.json"
        fresh = self.path / "carrier.json.new"
        try:
            fresh.unlink(missing_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(msgspec.json.format(msgspec.json.encode(gateway)) + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(file)
        except OSError as error:
            raise CarrierConfigError(f"cannot write {file}: {error.strerror}") from error
        return gateway

    def close(self) -> None:
        """Let another carrier in."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def new_password() -> str:
    """Return a password for the gateway: 192 bits, URL-safe."""
    return secrets.token_urlsafe(24)
