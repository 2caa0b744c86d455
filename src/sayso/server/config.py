"""What a server is started with, and whether it may start like this."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from sayso.protocol.api import STREAM_PATH
from sayso.server.core.addresses import Address, read_address, require_tls_or_loopback
from sayso.server.errors import ConfigError


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Listeners:
    """The checked addresses."""

    http: Address
    stream: Address
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
    if config.sms_gateway is None or config.sms_password is None:
        raise ConfigError(
            "nobody could enrol without codes by SMS: give --sms-gateway and --sms-password-file "
            "(`sayso carrier run` has a gateway to try it with)"
        )
    return Listeners(http=http, stream=stream, tls=tls)


def _tls(config: ServerConfig) -> ssl.SSLContext | None:
    if config.tls_cert is None and config.tls_key is None:
        return None
    if config.tls_cert is None or config.tls_key is None:
        raise ConfigError("--tls-cert and --tls-key go together")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("the TLS certificate and key do not go together, or are no PEM files") from error
    return context
