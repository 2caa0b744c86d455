"""Addresses that a server listens on, and whether it may."""

import ipaddress
from dataclasses import dataclass

from sayso.server.errors import ConfigError

_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port to listen on."""

    host: str
    port: int
    """0: the system chooses."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it. A name other than `localhost` could mean anything."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self, scheme: str, port: int, path: str = "") -> str:
        """Return the URL of the port that was bound."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{port}{path}"


def read_address(text: str, *, what: str) -> Address:
    """Read ``host:port`` or ``[host]:port``.

    Raises:
        ConfigError: neither.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        raise ConfigError(f"write the address of the {what} as HOST:PORT, such as 127.0.0.1:8080")
    return Address(host, int(port))


def require_tls_or_loopback(address: Address, *, tls: bool, what: str) -> None:
    """Refuse to speak in the clear to more than this machine.

    Raises:
        ConfigError: not loopback, and no TLS.
    """
    if not (tls or address.is_loopback):
        raise ConfigError(
            f"the {what} would be readable on the network: give --tls-cert and --tls-key, "
            "or listen on 127.0.0.1 behind a TLS proxy"
        )
