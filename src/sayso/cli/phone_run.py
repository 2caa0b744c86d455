"""`sayso phone run`: the daemon of a phone."""

import asyncio
import importlib
from pathlib import Path

import click

from sayso.cli.output import data_option, json_option, read_secret, run_until_stopped, tell_json, tell_underway
from sayso.phone.adapters.modems import read_choice
from sayso.phone.app import ModemConfig, PhoneConfig, run
from sayso.phone.errors import CommandError
from sayso.phone.ports import UpdateSwitch

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("run")
@data_option("phone")
@click.option(
    "--modem",
    "chosen",
    multiple=True,
    required=True,
    metavar="NAME=MODEM",
    help="A line's name, and its modem: modemmanager[:DEVICE], termux[:SLOT], gammu:GAMMURC or carrier:SOCKET; repeat "
    "for a second line.",
)
@click.option("--passphrase-file", type=_file, help="First line: the store's passphrase. File mode 600.")
@click.option("--plain-store-key", is_flag=True, help="Keep the store's key in a plain file instead.")
@click.option("--web/--no-web", default=True, show_default=True, help="Serve the web app, to this machine alone.")
@click.option(
    "--server", default="", help="The server that Settings > Cloud Messaging suggests. Nothing is sent to it."
)
@click.option("--server-key", default="", help="Its key, 64 hex digits.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SAYSO_HOME",
    help="The installation of `sayso update` that this phone runs from: Settings > Updates shows its switch.",
)
@click.option(
    "--mark-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the mark lies that tells an older copy of --data; not to be copied along with it. "
    "[default: $XDG_STATE_HOME/sayso/marks, or ~/.local/state/sayso/marks]",
)
@json_option
def run_phone(
    data: Path,
    chosen: tuple[str, ...],
    passphrase_file: Path | None,
    plain_store_key: bool,  # noqa: FBT001  a flag
    web: bool,  # noqa: FBT001  a flag
    server: str,
    server_key: str,
    home: Path | None,
    mark_dir: Path | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Run a phone's daemon until SIGTERM. It is silent until you opt in.

    \b
    Example: a Linux phone; then one with a SIM of the simulated carrier
        sayso phone run --data ~/.sayso --passphrase-file secret --modem sim=modemmanager
        sayso phone run --data ./alice --plain-store-key --modem sim=carrier:./carrier/modems/alice.sock
    """
    config = PhoneConfig(
        data=data,
        modems=tuple(_read_modem(modem) for modem in chosen),
        passphrase=read_secret(passphrase_file, "passphrase"),
        plain_key=plain_store_key,
        web=web,
        server=server,
        server_key=server_key,
        updates=None if home is None else _switch_of(home),
        marks=mark_dir,
    )

    async def tell_when(ready: asyncio.Event) -> None:
        await ready.wait()
        if as_json:
            tell_json({"event": "ready"})
        else:
            click.echo("The phone is on, and silent until you opt in. Stop with Ctrl-C.")
            if web:
                click.echo(f"Its web app: sayso phone open --data {data}")

    async def serve(stop: asyncio.Event) -> None:
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(tell_when(ready))
            await run(config, ready=ready, stop=stop)
            telling.cancel()

    tell_underway("Opening the phone's store", as_json=as_json)
    run_until_stopped(serve)


def _read_modem(text: str) -> ModemConfig:
    name, equals, modem = text.partition("=")
    if not (name and equals and modem):
        raise CommandError("write a modem as NAME=MODEM, such as sim=modemmanager")
    return ModemConfig(name=name, modem=read_choice(modem))


def _switch_of(home: Path) -> UpdateSwitch:
    """Return the switch of an installation; a phone without one needs none of the libraries of updates."""
    switch: UpdateSwitch = importlib.import_module("sayso.cli.phone_updates").InstallationSwitch(home)
    return switch
