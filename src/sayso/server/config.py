"""What a server is started with, and whether it may start like this."""

import ssl
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from sayso.protocol.api import STREAM_PATH
from sayso.protocol.limits import LIMITS
from sayso.server.core.addresses import Address, read_address, require_tls_or_loopback
from sayso.server.core.discovery_budget import Allowance
from sayso.server.core.limits import FloodLimits
from sayso.server.core.sms_caps import SmsCaps, read_caps
from sayso.server.errors import ConfigError

_OTHER_FILES = 1024
"""Open files that are no streams: databases, requests to the control plane, what SMS needs."""
_DEFAULTS = FloodLimits()
MOVED: Final = "moved"
"""A file below `data` that says that directory and mailboxes are in PostgreSQL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """Settings of one server. All its state lies below `data`."""

    data: Path
    http: str = "127.0.0.1:8080"
    """Where the control plane listens, HOST:PORT; port 0 lets the system choose."""
    stream: str = "127.0.0.1:8081"
    """Where the stream listens."""
    public_stream: str | None = None
    """URL of the stream as phones reach it, where a proxy stands between."""
    metrics: str | None = None
    """Where metrics and health are shown, HOST:PORT on loopback; nowhere by default."""
    drain_s: float = 0.0
    """From the signal to stop on, `/readyz` says so and all is served this much longer: time to move to another."""
    debuggable: bool = False
    """Leave core dumps and debuggers possible."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    """Of the keyring."""
    plain_keyring: bool = False
    """Keep the keys unencrypted instead."""
    sms_gateway: str | None = None
    """Kannel-compatible `sendsms` URL."""
    sms_username: str = "sayso"
    sms_password: str | None = field(default=None, repr=False)
    sms_sender: str = "Sayso"
    """Whom codes are from: a number or up to 11 letters, as the operator allows."""
    smpp: str | None = None
    """SMSC, HOST:PORT; instead of a gateway."""
    smpp_system_id: str | None = None
    smpp_password: str | None = field(default=None, repr=False)
    smpp_system_type: str = ""
    smpp_tls: bool = False
    smpp_tls_ca: Path | None = None
    """Certificates to trust instead of the system's."""
    smpp_cleartext: bool = False
    """Go without TLS to another machine, inside a tunnel."""
    smpp_window: int = 10
    sms_caps: Path | None = None
    """Caps on SMS (TOML); the defaults without it."""
    line_deposits: int = _DEFAULTS.line_deposits
    """Deposits that a line may make at once."""
    line_deposits_per_s: float = _DEFAULTS.line_deposits_per_s
    """Deposits that come back each second."""
    lean_connections: bool = False
    """Use the event loop's own transports for streams: half the memory for each, a quarter more processor time."""
    discovery_bucket: int = LIMITS.discovery_bucket
    """New numbers that a line may ask for at once."""
    discovery_per_day: int = LIMITS.discovery_per_day
    """New numbers that come back in a day."""
    postgres: str | None = None
    """URL of the PostgreSQL that keeps directory and mailboxes, instead of files below `data`."""
    nats: str | None = None
    """URL of the NATS that joins several processes."""
    nats_token: str | None = field(default=None, repr=False)
    nats_ca: Path | None = None
    cluster_cleartext: bool = False
    """Reach PostgreSQL and NATS on other machines without TLS, inside a tunnel."""
    workers: int = 1
    """Processes on this machine."""
    worker: int | None = None
    """Which of them this is; None where there is one only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listeners:
    """The checked addresses."""

    http: Address
    stream: Address
    metrics: Address | None
    tls: ssl.SSLContext | None

    def stream_url(self, port: int) -> str:
        """Return the stream's URL on the port that was bound."""
        return self.stream.url("wss" if self.tls else "ws", port, STREAM_PATH)


def check(config: ServerConfig) -> Listeners:
    """Refuse what must not run, before anything is opened.

    Raises:
        ConfigError: the message says what to do.
    """
    tls = _tls(config)
    http = read_address(config.http, what="control plane")
    stream = read_address(config.stream, what="stream")
    require_tls_or_loopback(http, tls=tls is not None, what="control plane")
    require_tls_or_loopback(stream, tls=tls is not None, what="stream")
    if config.passphrase is None and not config.plain_keyring:
        raise ConfigError(
            "the keyring needs a passphrase: give --passphrase-file, or --plain-keyring where the disk is encrypted"
        )
    if config.passphrase is not None and config.plain_keyring:
        raise ConfigError("a passphrase and --plain-keyring exclude each other: leave one of them out")
    _check_sms(config)
    metrics = None if config.metrics is None else read_address(config.metrics, what="metrics")
    if metrics is not None and not metrics.is_loopback:
        raise ConfigError("metrics are shown to this machine only: give a loopback address, such as 127.0.0.1:9464")
    allowance(config)
    check_cluster(config)
    return Listeners(http=http, stream=stream, metrics=metrics, tls=tls)


def check_cluster(config: ServerConfig) -> None:
    """Refuse what several processes cannot be.

    Raises:
        ConfigError: the message says what to do.
    """
    if config.workers < 1:
        raise ConfigError("a server has at least one process: give --workers 1 or more")
    if config.workers > 1 and (config.postgres is None or config.nats is None):
        raise ConfigError(
            "several processes need PostgreSQL to keep what they share and NATS to reach each other: give --postgres "
            "and --nats, or leave --workers out"
        )
    if config.nats is not None and config.postgres is None:
        raise ConfigError("--nats joins processes that share a PostgreSQL: give --postgres too, or leave --nats out")
    if config.postgres is None and (config.data / MOVED).exists():
        raise ConfigError(f"the server in {config.data} has moved into PostgreSQL: start it with --postgres")
    if config.postgres is not None:
        _check_url(config, config.postgres, ("postgresql", "postgres"), "--postgres", _pg_is_sealed)
    for url in () if config.nats is None else config.nats.split(","):
        _check_url(config, url, ("nats", "tls"), "--nats", lambda split: split.scheme == "tls")


def _check_url(
    config: ServerConfig, url: str, schemes: tuple[str, ...], option: str, sealed: Callable[[SplitResult], bool]
) -> None:
    try:
        split = urlsplit(url)
        host, password = split.hostname, split.password
    except ValueError as error:
        raise ConfigError(f"{option} takes a URL such as {schemes[0]}://HOST:PORT") from error
    if split.scheme not in schemes:
        raise ConfigError(f"{option} takes a URL such as {schemes[0]}://HOST:PORT")
    if password is not None or (split.scheme in {"nats", "tls"} and split.username):
        raise ConfigError(
            f"a password in {option} would show in the list of processes: put PostgreSQL's into ~/.pgpass (or the file "
            "that PGPASSFILE names) and NATS' token into a file for --nats-token-file"
        )
    if host and not _is_loopback(host) and not sealed(split) and not config.cluster_cleartext:
        raise ConfigError(
            f"{option} leads to another machine without TLS: add ?sslmode=verify-full (PostgreSQL) or use tls:// "
            "(NATS), or give --cluster-cleartext inside a tunnel of your own"
        )


def _pg_is_sealed(split: SplitResult) -> bool:
    return dict(parse_qsl(split.query)).get("sslmode") in {"verify-full", "verify-ca"}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_sms(config: ServerConfig) -> None:
    if config.smpp is not None and config.sms_gateway is not None:
        raise ConfigError("codes go by --smpp or by --sms-gateway: leave one of them out")
    if config.smpp is not None:
        if config.smpp_system_id is None or config.smpp_password is None:
            raise ConfigError("--smpp needs --smpp-system-id and --smpp-password-file")
    elif config.sms_gateway is None or config.sms_password is None:
        raise ConfigError(
            "nobody could enrol without codes by SMS: give --sms-gateway and --sms-password-file, or --smpp "
            "(`sayso carrier run` has a gateway to try it with)"
        )


def flood_limits(config: ServerConfig, *, open_files: int) -> FloodLimits:
    """Return what all streams, a network and a line may cost.

    Args:
        config: see there.
        open_files: so many the system allows this process; some are the stores' and the control plane's.

    Raises:
        ConfigError: a budget that nobody could use.
    """
    if config.line_deposits < 1 or config.line_deposits_per_s < 0:
        raise ConfigError("--line-deposits has to be 1 at least, and --line-deposits-per-s not below 0")
    limits = FloodLimits(line_deposits=config.line_deposits, line_deposits_per_s=config.line_deposits_per_s)
    return replace(limits, connections=max(1, min(limits.connections, open_files - _OTHER_FILES)))


def allowance(config: ServerConfig) -> Allowance:
    """Return what each line may ask for.

    Raises:
        ConfigError: nothing, or so much that its record would be kept for more than 30 days.
    """
    return Allowance(bucket=config.discovery_bucket, per_day=config.discovery_per_day)


def sms_caps(config: ServerConfig) -> SmsCaps:
    """Read the caps on SMS.

    Raises:
        ConfigError: the file cannot be read, or holds what cannot be.
    """
    if config.sms_caps is None:
        return SmsCaps()
    try:
        text = config.sms_caps.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the SMS caps file cannot be read") from error
    return read_caps(text)


def _tls(config: ServerConfig) -> ssl.SSLContext | None:
    if config.tls_cert is None and config.tls_key is None:
        return None
    if config.tls_cert is None or config.tls_key is None:
        raise ConfigError("--tls-cert and --tls-key go together")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        # A group is common where another program renews the certificate; everybody is a mistake.
        if config.tls_key.stat().st_mode & stat.S_IRWXO:
            raise ConfigError(f"everybody can read the TLS key: run `chmod 640 {config.tls_key}`")
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("the TLS certificate and key do not go together, or are no PEM files") from error
    return context
