"""`sayso server run`: the relay, the directory and the registrar in one process."""

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path

import click

from sayso.cli.output import (
    data_option,
    json_option,
    read_secret,
    run_until_stopped,
    tell_json,
    tell_underway,
)
from sayso.cli.server_cluster import ClusterOptions, cluster_options, run_workers
from sayso.cli.server_options import credential_option, passphrase_from
from sayso.protocol.limits import LIMITS
from sayso.server.app import ServerAddresses, run
from sayso.server.config import ServerConfig
from sayso.server.core.limits import FloodLimits
from sayso.server.services.event_counts import EventCounts

_FLOODS = FloodLimits()
_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("run")
@data_option("server")
@click.option(
    "--http", default="127.0.0.1:8080", show_default=True, help="Address of the control plane; port 0 chooses."
)
@click.option("--stream", default="127.0.0.1:8081", show_default=True, help="Address of the stream; port 0 chooses.")
@click.option(
    "--public-stream", help="URL of the stream as phones reach it, behind a proxy: wss://chat.example/v1/stream"
)
@click.option("--tls-cert", type=_file, help="Certificate chain (PEM). Without TLS both addresses must be loopback.")
@click.option("--tls-key", type=_file, help="Private key (PEM).")
@click.option("--passphrase-file", type=_file, help="First line: the keyring's passphrase. File mode 600.")
@credential_option
@click.option(
    "--plain-keyring",
    is_flag=True,
    help="Keep the keys in a plain file instead: whoever copies the disk can then read what waits.",
)
@click.option(
    "--sms-gateway", help="Kannel-compatible sendsms URL for codes, e.g. http://127.0.0.1:13013/cgi-bin/sendsms"
)
@click.option("--sms-username", default="sayso", show_default=True, help="User at the gateway.")
@click.option("--sms-password-file", type=_file, help="First line: the password at the gateway. File mode 600.")
@click.option(
    "--sms-sender", default="Sayso", show_default=True, help="Whom codes are from: a number, or up to 11 letters."
)
@click.option("--smpp", help="Send codes to an SMSC by SMPP 3.4 instead: HOST:PORT.")
@click.option("--smpp-system-id", help="Who we are to the SMSC.")
@click.option("--smpp-password-file", type=_file, help="First line: the password at the SMSC. File mode 600.")
@click.option("--smpp-system-type", default="", help="What the SMSC wants as system_type, if anything.")
@click.option("--smpp-tls", is_flag=True, help="Reach the SMSC by TLS.")
@click.option("--smpp-tls-ca", type=_file, help="Certificates (PEM) to trust instead of the system's.")
@click.option(
    "--smpp-cleartext", is_flag=True, help="Go without TLS to another machine: only inside a tunnel of your own."
)
@click.option("--smpp-window", default=10, show_default=True, help="How many SMS may be unanswered at once.")
@click.option("--sms-caps", type=_file, help="Caps on SMS (TOML); without it the defaults of the documentation.")
@click.option("--metrics", help="Show metrics and health to this machine only: HOST:PORT on loopback.")
@click.option(
    "--debuggable", is_flag=True, help="Leave core dumps and debuggers possible: never where real keys or people are."
)
@click.option(
    "--drain-seconds",
    default=0.0,
    show_default=True,
    help="Serve this much longer after the signal to stop, while /readyz says that this server stops.",
)
@click.option(
    "--line-deposits",
    default=_FLOODS.line_deposits,
    show_default=True,
    help="How many texts a line may hand in at once.",
)
@click.option(
    "--line-deposits-per-s",
    default=_FLOODS.line_deposits_per_s,
    show_default=True,
    help="How many of them come back each second.",
)
@click.option(
    "--lean-connections", is_flag=True, help="Half the memory for each connected phone, for more processor time."
)
@click.option(
    "--discovery-bucket",
    default=LIMITS.discovery_bucket,
    show_default=True,
    help="How many new numbers a line may ask for at once.",
)
@click.option(
    "--discovery-per-day",
    default=LIMITS.discovery_per_day,
    show_default=True,
    help="How many of them come back in a day.",
)
@cluster_options
@json_option
def run_server(
    data: Path,
    http: str,
    stream: str,
    public_stream: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    passphrase_file: Path | None,
    passphrase_credential: str | None,
    plain_keyring: bool,  # noqa: FBT001  a flag
    sms_gateway: str | None,
    sms_username: str,
    sms_password_file: Path | None,
    sms_sender: str,
    smpp: str | None,
    smpp_system_id: str | None,
    smpp_password_file: Path | None,
    smpp_system_type: str,
    smpp_tls: bool,  # noqa: FBT001  a flag
    smpp_tls_ca: Path | None,
    smpp_cleartext: bool,  # noqa: FBT001  a flag
    smpp_window: int,
    sms_caps: Path | None,
    metrics: str | None,
    debuggable: bool,  # noqa: FBT001  a flag
    drain_seconds: float,
    line_deposits: int,
    line_deposits_per_s: float,
    lean_connections: bool,  # noqa: FBT001  a flag
    discovery_bucket: int,
    discovery_per_day: int,
    cluster: ClusterOptions,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Run a server until SIGTERM; a graceful stop loses nothing, and neither does kill -9.

    \b
    Example: on this machine, codes by the simulated carrier
        sayso server run --data ./server --plain-keyring \\
            --sms-gateway http://127.0.0.1:13013/cgi-bin/sendsms --sms-password-file ./password

    \b
    Example: four processes over PostgreSQL and NATS
        sayso server run --data ./server --passphrase-file ./passphrase --workers 4 \\
            --postgres postgresql://sayso@127.0.0.1/sayso --nats nats://127.0.0.1:4222 ...
    """
    config = ServerConfig(
        data=data,
        http=http,
        stream=stream,
        public_stream=public_stream,
        tls_cert=tls_cert,
        tls_key=tls_key,
        metrics=metrics,
        debuggable=debuggable,
        passphrase=passphrase_from(passphrase_file, passphrase_credential),
        plain_keyring=plain_keyring,
        sms_gateway=sms_gateway,
        sms_username=sms_username,
        sms_password=read_secret(sms_password_file, "password"),
        sms_sender=sms_sender,
        smpp=smpp,
        smpp_system_id=smpp_system_id,
        smpp_password=read_secret(smpp_password_file, "password"),
        smpp_system_type=smpp_system_type,
        smpp_tls=smpp_tls,
        smpp_tls_ca=smpp_tls_ca,
        smpp_cleartext=smpp_cleartext,
        smpp_window=smpp_window,
        sms_caps=sms_caps,
        drain_s=drain_seconds,
        line_deposits=line_deposits,
        line_deposits_per_s=line_deposits_per_s,
        lean_connections=lean_connections,
        discovery_bucket=discovery_bucket,
        discovery_per_day=discovery_per_day,
        **cluster.settings(),
    )

    def ready(addresses: ServerAddresses) -> None:
        if as_json:
            tell_json({"event": "ready", **asdict(addresses)})
            return
        click.echo(
            f"Control plane  {addresses.http}\nStream         {addresses.stream}\nServer key     {addresses.key}"
        )
        if addresses.metrics is not None:
            click.echo(f"Metrics        {addresses.metrics}/metrics")
        click.echo("Phones opt in with this address and this key. Stop with Ctrl-C.")

    events = EventCounts()

    async def serve(stop: asyncio.Event) -> None:
        if config.workers > 1 and config.worker is None:
            await run_workers(config, ready=ready, stop=stop, arguments=sys.argv[1:])
        else:
            await run(config, ready=ready, stop=stop, events=events)

    tell_underway("Starting: opening the keyring and the mailboxes", as_json=as_json)
    run_until_stopped(serve, log_processors=[events])
