"""`sayso server migrate`: from a server's own files into PostgreSQL."""

from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
import uvloop

from sayso.cli.output import data_option, json_option, tell_json
from sayso.cli.server_options import cleartext_option, credential_option, passphrase_from, passphrase_option
from sayso.server.config import ServerConfig
from sayso.server.migrate import migrate

_PROGRESS_EVERY: Final = 10_000


@click.command("migrate")
@data_option("server")
@click.option(
    "--postgres",
    envvar="SAYSO_POSTGRES",
    required=True,
    help="An empty database: postgresql://USER@HOST/DATABASE. Its password: ~/.pgpass.",
)
@cleartext_option
@passphrase_option
@credential_option
@json_option
def migrate_server(
    data: Path,
    postgres: str,
    cluster_cleartext: bool,  # noqa: FBT001  a flag
    passphrase_file: Path | None,
    passphrase_credential: str | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Move a stopped server's directory and mailboxes into PostgreSQL, without losing a message.

    Files are only read; when all has arrived, they are marked as moved and not served any more. If it is interrupted,
    run it again: it begins anew.

    \b
    Example:
        sayso server migrate --data ./server --passphrase-file ./passphrase \\
            --postgres postgresql://sayso@127.0.0.1/sayso
    """
    config = ServerConfig(data=data, postgres=postgres, cluster_cleartext=cluster_cleartext)

    def progress(done: int, everything: int) -> None:
        if not as_json and (done == everything or done % _PROGRESS_EVERY < _SHOWN_STEP):
            click.echo(f"{done} of {everything} envelopes", err=True)

    passphrase = passphrase_from(passphrase_file, passphrase_credential)
    moved = uvloop.run(migrate(config, passphrase=passphrase, progress=progress))
    if as_json:
        tell_json(asdict(moved))
        return
    for name, count in asdict(moved).items():
        click.echo(f"{name.replace('_', ' '):32}{count}")
    click.echo("Moved. Start the server with --postgres and the same --data (its keys stay there).")


_SHOWN_STEP: Final = 256
