"""`sayso server`: one server, and what an operator does beside it."""

from typing import Final

import click

from sayso.cli.lazy import LazyReportingGroup, Place

PLACES: Final = {
    "run": Place(
        "sayso.cli.server_run",
        "run_server",
        "Run a server until SIGTERM; a graceful stop loses nothing, and neither does kill -9.",
    ),
    "inspect": Place(
        "sayso.cli.server_admin",
        "inspect_server",
        "Show counts of what a server holds, and nothing else. It may run meanwhile.",
    ),
    "purge": Place(
        "sayso.cli.server_admin",
        "purge_server",
        "Erase enrolments that no consent covers any more, with their mailboxes. Stop the server first.",
    ),
    "key": Place(
        "sayso.cli.server_admin",
        "show_key",
        "Show the digest of the server's long-term key: what phones pin, and what you publish.",
    ),
    "rotate": Place("sayso.cli.server_admin", "rotate_key", "Replace a key of a server that is stopped."),
    "backup": Place(
        "sayso.cli.server_backup",
        "backup_server",
        "Copy the directory of a server, which may run meanwhile. What waits in mailboxes is not in a backup.",
    ),
    "restore": Place(
        "sayso.cli.server_backup",
        "restore_server",
        "Make a server's data of a backup. Lines sleep until their own phones come back; used keys are not used again.",
    ),
    "restored": Place(
        "sayso.cli.server_backup",
        "after_image",
        "Say that a server's data came back as an image or a snapshot, before it is started.",
    ),
    "migrate": Place(
        "sayso.cli.server_migrate",
        "migrate_server",
        "Move a stopped server's directory and mailboxes into PostgreSQL, without losing a message.",
        extra="cluster",
    ),
}


@click.group(cls=LazyReportingGroup, places=PLACES, extra="server")
def server() -> None:
    """Run a server, and look after it."""
