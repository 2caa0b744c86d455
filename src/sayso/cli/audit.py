"""`sayso audit`: find what leaves a phone. Exit codes: 0 nothing found, 1 leaks, 2 usage, 3 not all seen into."""

import importlib
import sys
from typing import Any, Final

import click

from sayso.protocol.errors import SaysoError

UNUSABLE = 2
_COMMANDS: Final = {
    "scan": ("sayso.cli.audit_scan", "scan"),
    "seeds": ("sayso.cli.audit_seeds", "seeds"),
    "record": ("sayso.cli.audit_record", "record"),
    "mark": ("sayso.cli.audit_record", "mark"),
    "compare": ("sayso.cli.audit_compare", "compare"),
    "ab": ("sayso.cli.audit_compare", "follow"),
}


class _AuditGroup(click.Group):
    """Loads a command when it is used; any error of ours is one line on stderr and exit code 2, since 1 means leaks."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(importlib.import_module(place[0]), place[1])
        return command

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


@click.group(cls=_AuditGroup)
def audit() -> None:
    """Find what leaves a phone: which known value went to whom, however it was wrapped.

    \b
    Example: make values to plant on a phone, then look for them in a recording
        sayso audit seeds new --out seeds.toml
        sayso audit scan capture.har --seeds seeds.toml --html report.html
    """
