"""`sayso audit scan`."""

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from sayso.audit import app
from sayso.audit.core.decode.budget import Bounds
from sayso.audit.core.findings import Certainty
from sayso.audit.core.policy import Outcome, Policy, outcome, without_allowed
from sayso.audit.report import json_report, table
from sayso.cli.output import terminal_width

_CERTAINTIES = {certainty.word: certainty for certainty in Certainty}
NEVER = "never"
STDOUT = Path("-")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OUT = click.Path(path_type=Path, dir_okay=False, writable=True, allow_dash=True)


class _Bar:
    """The progress of all files together, on stderr."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def advance(self, done: int) -> None:
        """Move on."""
        self._bar.update(done)


@click.command()
@click.argument("captures", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@click.option(
    "--seeds",
    "seeds_path",
    type=click.Path(path_type=Path, dir_okay=False),  # if it is missing, our error says how to make it
    required=True,
    help="What is known to be on the phone (TOML); 'sayso audit seeds new' makes it.",
)
@click.option(
    "--phases", "phases_path", type=_FILE, help="When which step began; default: FILE.phases, if it is there."
)
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="The day (UTC) of a phase file that has times of day only."
)
@click.option("--phase-offset", type=float, default=0.0, help="Seconds to add to every time of the phase file.")
@click.option("--json", "json_path", type=_OUT, help="Write the report as JSON; - is stdout.")
@click.option("--html", "html_path", type=_OUT, help="Write the report as one page.")
@click.option("--sarif", "sarif_path", type=_OUT, help="Write the report as SARIF, for code scanning services.")
@click.option(
    "--fail-on",
    type=click.Choice([*reversed(_CERTAINTIES), NEVER]),
    default=Certainty.POSSIBLE.word,
    show_default=True,
    help="The least certainty that makes the exit code 1.",
)
@click.option("--sent-only", is_flag=True, help="What servers merely echo does not make the exit code 1.")
@click.option("--allow", "allow_path", type=_FILE, help="Findings that are meant to be, each with its reason (TOML).")
@click.option("--depth", type=click.IntRange(0, 32), default=8, show_default=True, help="Layers of encoding to undo.")
@click.option("--keylog", type=_FILE, help="TLS key log for pcap files (SSLKEYLOGFILE); needs tshark.")
@click.option(
    "--format", "form", type=click.Choice(["flows", "har", "pcap", "raw"]), help="Do not guess the kind of file."
)
@click.option("--owners", type=_FILE, help="More owners of hosts: lines of 'NAME: domain domain'.")
@click.option(
    "--decoys",
    type=click.IntRange(0, 1000),
    default=1,
    show_default=True,
    help="Decoys for each seed, if the seeds file has none.",
)
@click.option(
    "--engine", type=click.Choice(app.ENGINES), default=app.ENGINES[0], show_default=True, help="The matcher."
)
@click.option(
    "--decoder", "plugins", multiple=True, metavar="NAME", help="A decoder of another package; may be repeated."
)
@click.option("--quiet", is_flag=True, help="No table and no progress bar: the exit code and the files say it.")
def scan(  # one for each option
    captures: tuple[Path, ...],
    seeds_path: Path,
    phases_path: Path | None,
    day: datetime | None,
    phase_offset: float,
    json_path: Path | None,
    html_path: Path | None,
    sarif_path: Path | None,
    fail_on: str,
    sent_only: bool,  # noqa: FBT001  a flag
    allow_path: Path | None,
    depth: int,
    keylog: Path | None,
    form: str | None,
    owners: Path | None,
    decoys: int,
    engine: str,
    plugins: tuple[str, ...],
    quiet: bool,  # noqa: FBT001  a flag
) -> None:
    """Search recordings (flows of mitmproxy, HAR, pcap, pcapng, text) for seeds, however they are encoded.

    Exit code: 0 nothing found and all seen into; 1 leaks; 2 usage, or input that cannot be read; 3 nothing found, but
    not all could be seen into. Ctrl-C ends the reading and leaves the report of what was read.

    \b
    Example:
        sayso audit scan before.mitm --seeds seeds.toml --phases phases.txt --html before.html --json before.json
    """
    phases = (
        app.load_phases(phases_path, offset=phase_offset, day=day.date() if day else None)
        if phases_path
        else app.phases_beside(captures, offset=phase_offset)
    )
    allowances = app.load_allowances(allow_path) if allow_path else ()
    options = app.Options(
        bounds=Bounds(depth=depth),
        engine=engine,
        decoys=decoys,
        format=form or "",
        keylog=keylog,
        owners=owners,
        plugins=plugins,
    )
    seeds = app.load_seeds(seeds_path)
    if quiet or not sys.stderr.isatty():
        scanned = app.scan(captures, seeds, phases=phases, options=options)
    else:
        size = sum(path.stat().st_size for path in captures)
        with click.progressbar(length=size, label="Reading", file=sys.stderr) as bar:
            scanned = app.scan(captures, seeds, phases=phases, options=options, progress=_Bar(bar))
    report = without_allowed(scanned.report, allowances)
    if json_path == STDOUT:
        sys.stdout.buffer.write(json_report.render(report))
        sys.stdout.buffer.flush()
        json_path = None
    elif not quiet:
        click.echo(table.render(report, width=terminal_width()))
    app.write_reports(report, json=json_path, html=html_path, sarif=sarif_path)
    for reason in scanned.unreadable:
        click.echo(f"sayso audit: {reason}", err=True)
    policy = Policy(fail_on=_CERTAINTIES.get(fail_on, Certainty.POSSIBLE), sent_only=sent_only)
    judged = replace(report, findings=()) if fail_on == NEVER else report
    result = outcome(judged, policy)
    if scanned.unreadable and result is not Outcome.LEAKS:
        result = Outcome.UNUSABLE
    sys.exit(result.value)
