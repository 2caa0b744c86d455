"""The `sayso` command. Commands are loaded when they are used: a phone needs none of the server's libraries."""

import importlib
from typing import Final

import click

from sayso.cli.output import ReportingGroup

_COMMANDS: Final = {
    "demo": ("sayso.cli.demo", "demo"),
    "server": ("sayso.cli.server", "server"),
    "phone": ("sayso.cli.phone", "phone"),
    "carrier": ("sayso.cli.carrier", "carrier"),
    "update": ("sayso.cli.update", "update"),
    "audit": ("sayso.cli.audit", "audit"),
    "receipt": ("sayso.cli.receipt", "receipt"),
    "doctor": ("sayso.cli.doctor", "doctor"),
    "wipe": ("sayso.cli.wipe", "wipe"),
}


class _LazyGroup(ReportingGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, name = place
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("sayso"):
                raise
            raise click.ClickException(
                f"'{cmd_name}' needs the Python package '{error.name}': pip install 'sayso[demo]'"
            ) from error
        return command


@click.group(cls=_LazyGroup)
@click.version_option(package_name="sayso")
def main() -> None:
    """Cloud messaging for phone numbers that waits for your say-so.

    A text between two people who both said yes travels end-to-end encrypted; every other text is an SMS. Nothing leaves
    a phone before its owner turns it on.

    \b
    Example: see two phones text each other, on this machine
        sayso demo
    """
