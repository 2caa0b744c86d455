"""Where the SMSC is, who we are to it, and what is refused before anything is connected."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sayso.protocol.limits import LIMITS
from sayso.server.adapters.smpp.session import Login, Timing
from sayso.server.core.addresses import Address, read_address
from sayso.server.errors import ConfigError

_LONGEST_SYSTEM_ID: Final = 15
_LONGEST_PASSWORD: Final = 8
_LONGEST_SYSTEM_TYPE: Final = 12
_SENDER: Final = re.compile(r"\+?[0-9]{3,15}|[A-Za-z0-9 ._&-]{1,11}", re.ASCII)
_LATEST_WINDOW: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SmppConfig:
    """Settings of the connection to an SMSC."""

    address: str
    """HOST:PORT."""
    system_id: str
    password: str = field(repr=False)
    sender: str
    """Whom the SMS is from: a number or up to 11 letters, as the operator allows."""
    system_type: str = ""
    tls: bool = False
    tls_ca: Path | None = None
    """Certificates (PEM) to trust instead of the system's."""
    cleartext: bool = False
    """Go without TLS to another machine: only inside a tunnel (IPsec, WireGuard), since numbers pass in the clear."""
    timing: Timing = field(default_factory=Timing)
    life_s: float = LIMITS.code_s
    """How long an SMS is worth something: the SMSC drops it after that, and its receipt is waited for as long again."""
    patience_s: float = 120.0
    """How long an SMS waits for a bind, for room in the window, for a throttling SMSC."""
    queue: int = 256
    """How many may wait."""
    first_pause_s: float = 1.0
    """What a throttling SMSC is given at first; then twice as long each time, 30 s at most."""
    first_retry_s: float = 1.0
    """When a lost connection is tried again at first; then twice as long each time, 60 s at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Smsc:
    """A checked configuration."""

    at: Address
    tls: ssl.SSLContext | None
    login: Login


def check_smpp(config: SmppConfig) -> Smsc:
    """Check a configuration.

    Raises:
        ConfigError: the message says what to do.
    """
    at = read_address(config.address, what="SMSC")
    if not at.port:
        raise ConfigError("the SMSC's address needs a port: write it like smsc.example:3550")
    if not config.tls and not config.cleartext and not at.is_loopback:
        raise ConfigError(
            "the SMSC is on another machine, and numbers would pass in the clear: give --smpp-tls, "
            "or --smpp-cleartext where the connection runs inside a tunnel"
        )
    if config.tls and config.cleartext:
        raise ConfigError("--smpp-tls and --smpp-cleartext exclude each other: leave one of them out")
    if config.tls_ca is not None and not config.tls:
        raise ConfigError("--smpp-tls-ca is for --smpp-tls: give both")
    _printable(config.system_id, "system id", _LONGEST_SYSTEM_ID)
    _printable(config.password, "password", _LONGEST_PASSWORD)
    if config.system_type:
        _printable(config.system_type, "system type", _LONGEST_SYSTEM_TYPE)
    if not _SENDER.fullmatch(config.sender):
        raise ConfigError("the SMS's sender is a number (+ and digits, or digits) or up to 11 letters and digits")
    if not 1 <= config.timing.window <= _LATEST_WINDOW:
        raise ConfigError(f"the window of unanswered SMS is from 1 to {_LATEST_WINDOW}")
    login = Login(system_id=config.system_id, password=config.password, system_type=config.system_type)
    return Smsc(at=at, tls=_tls(config.tls_ca) if config.tls else None, login=login)


def _printable(text: str, what: str, longest: int) -> None:
    if not text or len(text) > longest or not text.isascii() or not text.isprintable():
        raise ConfigError(f"the {what} at the SMSC is 1 to {longest} printable ASCII characters (SMPP 3.4)")


def _tls(ca: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("the certificates of --smpp-tls-ca cannot be read: a PEM file is needed") from error
    # 1.3 is our own servers' least; SMSCs are older.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
