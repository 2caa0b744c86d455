"""`sayso wipe`: removes the state of a server, phone or carrier from this machine."""

import fcntl
import shutil
from pathlib import Path
from typing import Final

import click

from sayso.cli.output import json_option, tell_json, tell_underway
from sayso.phone.adapters.mark_file import forget_mark, usual_directory
from sayso.protocol.errors import SaysoError

_MARKS: Final = {
    "server": ("server.json", "mailbox.db"),
    "phone": ("phone.db",),
    "carrier": ("carrier.json", "carrier.db"),
    "demo": ("demo.json",),
}
"""Files by which a data directory is known; nothing else is ever removed."""


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False, exists=True), required=True, help="What to remove."
)
@click.option(
    "--mark-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Of a phone: where it kept its mark, if it ran with this option.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def wipe(data: Path, mark_dir: Path | None, yes: bool, as_json: bool) -> None:  # noqa: FBT001  flags
    """Remove a data directory of Sayso from this machine.

    A phone that is still opted in should be opted out first: wiping tells the server nothing, so its enrolment ends by
    itself only after 28 days.

    \b
    Example:
        sayso phone opt-out --data ./alice && sayso wipe --data ./alice
    """
    kind = next((kind for kind, marks in _MARKS.items() if any((data / mark).exists() for mark in marks)), None)
    if kind is None:
        raise SaysoError(f"{data} is no data directory of Sayso; nothing was removed")
    _refuse_running(kind, data)
    if not yes:
        click.confirm(f"Remove everything of the {kind} in {data}?", abort=True)
    marks = mark_dir or usual_directory()
    # The mark is named by the key in `data`: once that is gone, nobody finds it.
    forgotten = kind == "phone" and forget_mark(marks, data)
    tell_underway(f"Removing the {kind} in {data}", as_json=as_json)
    shutil.rmtree(data)
    if as_json:
        tell_json({"event": "wiped", "kind": kind, "mark": forgotten})
        return
    click.echo(f"Removed the {kind} in {data}.")
    if kind == "phone" and not forgotten:
        click.echo(f"There was no mark of it in {marks}; if it ran with --mark-dir, a file of 21 bytes is left there.")


def _refuse_running(kind: str, data: Path) -> None:
    """Whatever runs holds a lock in its directory, and would go on in files that have no name any more."""
    for lock in data.rglob("*.lock"):
        with lock.open("rb") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SaysoError(f"the {kind} in {data} is running: stop it first") from error
