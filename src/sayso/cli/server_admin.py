"""`sayso server inspect`, `purge`, `rotate`, `key`: what an operator does beside `run`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import uvloop

from sayso.cli.output import data_option, json_option, tell_json
from sayso.cli.server_options import (
    cleartext_option,
    credential_option,
    passphrase_from,
    passphrase_option,
    postgres_option,
)
from sayso.server.admin import inspect, inspect_shared, purge, rotate, server_key
from sayso.server.config import ServerConfig
from sayso.server.core.retiring import KeyKind
from sayso.server.errors import ConfigError

_NOT_COUNTS: Final = frozenset({"set_built_at"})


@click.command("inspect")
@data_option("server")
@postgres_option
@cleartext_option
@json_option
def inspect_server(data: Path, postgres: str | None, *, cluster_cleartext: bool, as_json: bool) -> None:
    """Show counts of what a server holds, and nothing else. It may run meanwhile.

    \b
    Example: a server on its own files, and one on PostgreSQL
        sayso server inspect --data ./server
        sayso server inspect --data ./server --postgres postgresql://sayso@127.0.0.1/sayso
    """
    if postgres is None:
        counts = inspect(data)
    else:
        config = ServerConfig(data=data, postgres=postgres, cluster_cleartext=cluster_cleartext)
        counts = uvloop.run(inspect_shared(config))
    if as_json:
        tell_json(counts)
        return
    for name, count in counts.items():
        click.echo(f"{name.replace('_', ' '):32}{_shown(name, count)}")


@click.command("purge")
@click.option(
    "--without-current-consent",
    is_flag=True,
    required=True,
    help="Erase every enrolment whose consent was given to another policy than the present one.",
)
@click.option("--dry-run", is_flag=True, help="Only count.")
@data_option("server")
@postgres_option
@cleartext_option
@passphrase_option
@credential_option
@json_option
def purge_server(
    without_current_consent: bool,  # noqa: FBT001  a flag, which says what is erased
    dry_run: bool,  # noqa: FBT001  a flag
    data: Path,
    postgres: str | None,
    cluster_cleartext: bool,  # noqa: FBT001  a flag
    passphrase_file: Path | None,
    passphrase_credential: str | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Erase enrolments that no consent covers any more, with their mailboxes. Stop the server first.

    All its processes, where it has several. Senders of what waited are told that the recipient is gone; their phones
    then ask, or send an SMS.

    \b
    Example: see how many, then do it
        sayso server purge --without-current-consent --dry-run --data ./server
        sayso server purge --without-current-consent --data ./server --passphrase-file ./passphrase
    """
    if not without_current_consent:
        raise ConfigError("say what to purge: --without-current-consent")
    passphrase = passphrase_from(passphrase_file, passphrase_credential)
    config = ServerConfig(data=data, postgres=postgres, cluster_cleartext=cluster_cleartext)
    purged = uvloop.run(purge(config, passphrase=passphrase, dry_run=dry_run))
    if as_json:
        tell_json({"event": "purged", "dry_run": dry_run, "enrolments": purged.lines, "envelopes": purged.envelopes})
    elif dry_run:
        click.echo(f"{purged.lines} enrolments have no consent to the present policy. Nothing was changed.")
    else:
        click.echo(f"Erased {purged.lines} enrolments and the {purged.envelopes} messages that waited for them.")


@click.command("key")
@data_option("server")
@passphrase_option
@credential_option
@click.option("--plain-keyring", is_flag=True, help="Read it from a plain keyring.")
@json_option
def show_key(
    data: Path,
    passphrase_file: Path | None,
    passphrase_credential: str | None,
    plain_keyring: bool,  # noqa: FBT001  a flag
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Show the digest of the server's long-term key: what phones pin, and what you publish.

    Without a passphrase it is the one that the server last wrote into its data directory; with one the keyring's own.

    \b
    Example:
        sayso server key --data ./server
    """
    digest = server_key(data, passphrase=passphrase_from(passphrase_file, passphrase_credential), plain=plain_keyring)
    if as_json:
        tell_json({"key": digest})
    else:
        click.echo(digest)


@click.command("rotate")
@click.argument("kind", type=click.Choice([kind.value for kind in KeyKind]))
@data_option("server")
@passphrase_option
@credential_option
@json_option
def rotate_key(
    kind: str, data: Path, passphrase_file: Path | None, passphrase_credential: str | None, *, as_json: bool
) -> None:
    """Replace a key of a server that is stopped. The old one lives on beside it for 14 days, and is then destroyed.

    \b
    Example: the key that makes numbers into tokens; every phone moves by itself, without a code
        sayso server rotate voprf --data ./server --passphrase-file ./passphrase
    """
    rotate(data, KeyKind(kind), passphrase=passphrase_from(passphrase_file, passphrase_credential))
    if as_json:
        tell_json({"event": "rotated", "key": kind})
        return
    click.echo(
        f"The {kind} key is replaced. Start the server: from then on both are in force, for 14 days of its time."
    )


def _shown(name: str, count: int) -> str:
    if name not in _NOT_COUNTS:
        return f"{count:,}"
    return datetime.fromtimestamp(count, UTC).strftime("%Y-%m-%d %H:%M UTC") if count else "never"
