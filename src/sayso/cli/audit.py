"""`sayso audit`: find what leaves a phone. Exit codes: 0 nothing found, 1 leaks, 2 usage, 3 not all seen into."""

import sys
from typing import Any, Final

import click

from sayso.cli.lazy import LazyGroup, Place
from sayso.protocol.errors import SaysoError

UNUSABLE = 2
PLACES: Final = {
    "scan": Place(
        "sayso.cli.audit_scan",
        "scan",
        "Search recordings (flows of mitmproxy, HAR, pcap, pcapng, text) for seeds, however they are encoded.",
    ),
    "seeds": Place("sayso.cli.audit_seeds", "seeds", "Make the file of values to look for."),
    "record": Place(
        "sayso.cli.audit_record",
        "record",
        "Record what a phone sends, with mitmproxy: by WireGuard (no root, all apps) or as its proxy.",
    ),
    "mark": Place(
        "sayso.cli.audit_record",
        "mark",
        "Say that a step of the experiment begins now; the report then tells in which step a seed left.",
    ),
    "compare": Place(
        "sayso.cli.audit_compare",
        "compare",
        "Tell what appeared, stayed and vanished between two reports (JSON) of the same steps with the same seeds.",
    ),
    "ab": Place(
        "sayso.cli.audit_compare", "follow", "Report fields that follow the seeds, though nobody can decode them: A/B."
    ),
}


class _AuditGroup(LazyGroup):
    """Any error of ours is one line on stderr and exit code 2, since 1 means leaks."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SaysoError as error:
            said = str(error)
        except OSError as error:
            said = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
        click.echo(f"sayso audit: {said}", err=True)
        sys.exit(UNUSABLE)


@click.group(cls=_AuditGroup, places=PLACES, extra="audit")
def audit() -> None:
    """Find what leaves a phone: which known value went to whom, however it was wrapped.

    \b
    Example: make values to plant on a phone, then look for them in a recording
        sayso audit seeds new --out seeds.toml
        sayso audit scan capture.har --seeds seeds.toml --html report.html
    """
