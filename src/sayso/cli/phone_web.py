"""`sayso phone open`: a one-time link to the phone's web app."""

from pathlib import Path

import click
import uvloop

from sayso.cli.output import data_option, json_option, tell_json
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient


@click.command("open")
@data_option("phone")
@click.option("--print", "only_print", is_flag=True, help="Print the link, and open no browser.")
@json_option
def open_app(data: Path, only_print: bool, as_json: bool) -> None:  # noqa: FBT001  flags
    """Open Messages in the browser. The link works once, within a minute, on this machine only.

    The browser is given a file that only you can read, not the link: a command line can be read by others.

    \b
    Example:
        sayso phone open --data ./alice
    """
    answer = uvloop.run(DaemonClient(data).ask(types.OpenApp(), types.AppLink))
    if as_json:
        tell_json(answer)
        return
    if only_print or click.launch(Path(answer.file).resolve().as_uri()) != 0:
        click.echo(answer.link)
