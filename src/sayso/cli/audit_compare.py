"""`sayso audit compare` and `sayso audit ab`."""

import sys
from pathlib import Path

import click
import msgspec

from sayso.audit import app
from sayso.audit.core import compare as comparing
from sayso.audit.core.ab import Follower
from sayso.audit.report import table
from sayso.audit.report.json_report import comparison_entry
from sayso.audit.report.visible import text
from sayso.cli.output import json_option, tell_json, terminal_width

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
CHANGED = 1


@click.command()
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
@json_option
def compare(before: Path, after: Path, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Tell what appeared, stayed and vanished between two reports (JSON) of the same steps with the same seeds.

    Exit code: 0 if nothing is left and nothing new is hidden; 1 if findings appeared or stayed; 3 if none did, but
    traffic that could not be seen into is new, or the runs looked for different seeds.

    \b
    Example:
        sayso audit compare before.json after.json
    """
    result = comparing.compare(app.load_report(before), app.load_report(after))
    if as_json:
        tell_json(comparison_entry(result))
    else:
        click.echo(table.render_comparison(result, width=terminal_width()))
    if result.appeared or result.stayed:
        sys.exit(CHANGED)
    sys.exit(0 if result.silent else 3)


@click.command("ab")
@click.option(
    "--a", "first", type=_FILE, multiple=True, required=True, help="A recording with one set of seeds; may be repeated."
)
@click.option(
    "--b",
    "second",
    type=_FILE,
    multiple=True,
    required=True,
    help="A recording of the same steps with another set; may be repeated.",
)
@click.option(
    "--format", "form", type=click.Choice(["flows", "har", "pcap", "raw"]), help="Do not guess the kind of file."
)
@click.option("--keylog", type=_FILE, help="TLS key log for pcap files.")
@json_option
def follow(
    first: tuple[Path, ...],
    second: tuple[Path, ...],
    form: str | None,
    keylog: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Report fields that follow the seeds, though nobody can decode them: A/B.

    Record the same steps twice with one set of seeds (--a FILE --a FILE) and once with another (--b FILE). A field that
    is the same in both of --a and different in --b depends on the seeds. With one recording of each, it may as well
    depend on the session: such fields are marked as unproven.

    \b
    Example:
        sayso audit ab --a first.mitm --a again.mitm --b other-seeds.mitm

    Exit code: 1 if a field follows, 0 if none does, 2 if a recording cannot be read.
    """
    options = app.Options(format=form or "", keylog=keylog)
    found = app.follow(first, second, options=options)
    if as_json:
        tell_json({"followers": [msgspec.to_builtins(one) for one in found]})
    else:
        for one in found:
            click.echo(_line(one))
        if not found:
            click.echo("No field follows the seeds.")
    sys.exit(CHANGED if found else 0)


def _line(one: Follower) -> str:
    slot = one.slot
    proof = "" if one.proven else "  (unproven: may follow the session)"
    where = f"{slot.method} {slot.host}{slot.path}  {slot.place} {slot.name}"
    return text(f"{where}  {one.length} bytes, {one.exchanges} times{proof}")
