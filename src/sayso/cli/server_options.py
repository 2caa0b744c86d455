"""Options that several commands of `sayso server` have."""

import os
from pathlib import Path
from typing import Final

import click

from sayso.cli.output import read_secret
from sayso.server.adapters.keyring.credentials import read_credential
from sayso.server.errors import ConfigError

_file: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
passphrase_option: Final = click.option(
    "--passphrase-file", type=_file, help="First line: the keyring's passphrase. Without it: a plain one."
)
credential_option: Final = click.option(
    "--passphrase-credential", metavar="NAME", help="Take the keyring's passphrase from this credential of systemd."
)
postgres_option: Final = click.option(
    "--postgres",
    envvar="SAYSO_POSTGRES",
    help="Where its processes keep lines and mailboxes, as they are run with: postgresql://USER@HOST/DATABASE.",
)
cleartext_option: Final = click.option(
    "--cluster-cleartext",
    is_flag=True,
    help="Reach PostgreSQL on another machine without TLS: only inside a tunnel of your own.",
)


def passphrase_from(file: Path | None, credential: str | None) -> str | None:
    """Read the keyring's passphrase from a file or from systemd.

    Raises:
        SaysoError: both are given, or what is given cannot be read.
    """
    if credential is None:
        return read_secret(file, "passphrase")
    if file is not None:
        raise ConfigError("--passphrase-file and --passphrase-credential exclude each other: leave one of them out")
    return read_credential(credential, os.environ)
