"""`sayso server backup`, `restore`, `restored`."""

from pathlib import Path
from typing import Final

import click
import uvloop

from sayso.cli.output import data_option, json_option, tell_json
from sayso.cli.server_options import credential_option, passphrase_from, passphrase_option
from sayso.server.restoring import Disarmed, back_up, restore, restored

_new: Final = click.Path(path_type=Path)
_folder: Final = click.Path(path_type=Path, exists=True, file_okay=False)
_file: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("backup")
@data_option("server")
@click.option("--to", type=_new, required=True, help="A new directory for the copy.")
@click.option("--keyring-to", type=_new, help="A new file, elsewhere, for the keyring's secrets (never the hour keys).")
@json_option
def backup_server(data: Path, to: Path, keyring_to: Path | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Copy the directory of a server, which may run meanwhile. What waits in mailboxes is not in a backup.

    \b
    Example:
        sayso server backup --data ./server --to /backup/2026-11-26 --keyring-to /media/usb/secrets
    """
    back_up(data, to, keyring_to=keyring_to)
    if as_json:
        tell_json({"event": "backed-up"})
    else:
        click.echo("Copied. Keep it apart from the keyring's secrets: only both together open anything.")


@click.command("restore")
@click.option("--from", "backup", type=_folder, required=True, help="What `backup` made.")
@data_option("server")
@click.option("--keyring-from", type=_file, help="The keyring's secrets, as `backup` copied them.")
@json_option
def restore_server(backup: Path, data: Path, keyring_from: Path | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Make a server's data of a backup. Lines sleep until their own phones come back; used keys are not used again.

    \b
    Example:
        sayso server restore --from /backup/2026-11-26 --data ./server --keyring-from /media/usb/secrets
    """
    _tell(uvloop.run(restore(backup, data, keyring_from=keyring_from)), as_json=as_json)


@click.command("restored")
@data_option("server")
@passphrase_option
@credential_option
@json_option
def after_image(
    data: Path,
    passphrase_file: Path | None,
    passphrase_credential: str | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Say that a server's data came back as an image or a snapshot, before it is started.

    What waited ends as `unknown` for its senders: some of it was delivered or taken back since, and nobody knows which.

    \b
    Example:
        sayso server restored --data ./server --passphrase-file ./passphrase
    """
    passphrase = passphrase_from(passphrase_file, passphrase_credential)
    _tell(uvloop.run(restored(data, passphrase=passphrase)), as_json=as_json)


def _tell(found: Disarmed, *, as_json: bool) -> None:
    if as_json:
        tell_json(
            {
                "event": "restored",
                "lines": found.lines,
                "one_time_keys": found.one_time_keys,
                "envelopes": found.envelopes,
            }
        )
    else:
        click.echo(
            f"{found.lines} lines sleep until their phones come back. {found.one_time_keys} one-time keys are gone, "
            f"phones bring new ones. The senders of {found.envelopes} messages hear that nobody knows."
        )
