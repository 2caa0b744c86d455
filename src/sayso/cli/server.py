"""`sayso server`: the relay, the directory and the registrar in one process."""

import asyncio
from pathlib import Path

import click

from sayso.cli.output import ReportingGroup, data_option, json_option, read_secret, run_until_stopped, tell_json
from sayso.server.app import ServerAddresses, run
from sayso.server.config import ServerConfig

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(cls=ReportingGroup)
def server() -> None:
    """Run a server."""


@server.command("run")
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
@json_option
def run_server(
    data: Path,
    http: str,
    stream: str,
    public_stream: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    passphrase_file: Path | None,
    plain_keyring: bool,  # noqa: FBT001  a flag
    sms_gateway: str | None,
    sms_username: str,
    sms_password_file: Path | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Run a server until SIGTERM; a graceful stop loses nothing, and neither does kill -9.

    \b
    Example: on this machine, codes by the simulated carrier
        sayso server run --data ./server --plain-keyring \\
            --sms-gateway http://127.0.0.1:13013/cgi-bin/sendsms --sms-password-file ./password
    """
    config = ServerConfig(
        data=data,
        http=http,
        stream=stream,
        public_stream=public_stream,
        tls_cert=tls_cert,
        tls_key=tls_key,
        passphrase=read_secret(passphrase_file, "passphrase"),
        plain_keyring=plain_keyring,
        sms_gateway=sms_gateway,
        sms_username=sms_username,
        sms_password=read_secret(sms_password_file, "password"),
    )

    def ready(addresses: ServerAddresses) -> None:
        if as_json:
            tell_json({"event": "ready", "http": addresses.http, "stream": addresses.stream, "key": addresses.key})
            return
        click.echo(
            f"Control plane  {addresses.http}\nStream         {addresses.stream}\nServer key     {addresses.key}"
        )
        click.echo("Phones opt in with this address and this key. Stop with Ctrl-C.")

    async def serve(stop: asyncio.Event) -> None:
        await run(config, ready=ready, stop=stop)

    run_until_stopped(serve)
