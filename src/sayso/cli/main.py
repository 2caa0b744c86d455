"""The `sayso` command. Commands are loaded when they are used: a phone needs none of the server's libraries."""

from typing import Final

import click

from sayso.cli.lazy import LazyReportingGroup, Place

PLACES: Final = {
    "demo": Place(
        "sayso.cli.demo",
        "demo",
        "Start a mobile network, a server and two phones on this machine, and text between them.",
    ),
    "server": Place("sayso.cli.server", "server", "Run a server, and look after it."),
    "phone": Place("sayso.cli.phone", "phone", "Run a phone, and text with it."),
    "carrier": Place(
        "sayso.cli.carrier",
        "carrier",
        "Run a simulated mobile network: SIMs, modems, SMS, and a gateway for the server's codes.",
    ),
    "update": Place(
        "sayso.cli.update",
        "update",
        "Publish releases, and take them: signed by several people, put in force by one switch, and taken back by it.",
        extra="update",
    ),
    "audit": Place(
        "sayso.cli.audit",
        "audit",
        "Find what leaves a phone: which known value went to whom, however it was wrapped.",
    ),
    "receipt": Place("sayso.cli.receipt", "receipt", "Check receipts of consent and of withdrawal."),
    "doctor": Place("sayso.cli.doctor", "doctor", "Look at this machine: what is missing or wrong, and what to do."),
    "wipe": Place("sayso.cli.wipe", "wipe", "Remove a data directory of Sayso from this machine."),
}


@click.group(cls=LazyReportingGroup, places=PLACES, extra="demo")
@click.version_option(package_name="sayso")
def main() -> None:
    """Cloud messaging for phone numbers that waits for your say-so.

    A text between two people who both said yes travels end-to-end encrypted; every other text is an SMS. Nothing leaves
    a phone before its owner turns it on.

    \b
    Example: see two phones text each other, on this machine
        sayso demo
    """
