"""`sayso audit seeds`."""

from pathlib import Path
from random import SystemRandom

import click

from sayso.audit import app
from sayso.audit.core import fresh
from sayso.audit.core import seeds as seeds_file

_COMMENT = """Seeds for an audit: plant these on the phone, then look for them in its traffic.
Replace what you cannot choose (imei, imsi, iccid, msisdn, mac, android_id, advertising_id) by the phone's own values.
Decoys stay off the phone: whatever is found of them is a mistake of the auditor. Keep this file to yourself."""


@click.group()
def seeds() -> None:
    """Make the file of values to look for."""


@seeds.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write there instead of to stdout.")
@click.option(
    "--region",
    default="GB",
    show_default=True,
    type=click.Choice(["GB", "US"]),
    help="Of the numbers, which are kept for fiction.",
)
@click.option("--decoys", default=1, show_default=True, type=click.IntRange(0, 1000), help="For each seed.")
def new(out: Path | None, region: str, decoys: int) -> None:
    """Make fresh seeds and their decoys: checksummed, one of their kind, from ranges that belong to nobody.

    \b
    Example:
        sayso audit seeds new --out seeds.toml
    """
    made, false = fresh.new_set(SystemRandom(), region=region, decoys=decoys)
    text = seeds_file.render(made, false, comment=_COMMENT)
    if out is None:
        click.echo(text, nl=False)
        return
    if out.exists():
        raise click.UsageError(f"{out} is there already; seeds that a recording was made with are worth keeping")
    app.write_private(out, text.encode())
    click.echo(f"{len(made)} seeds and {len(false)} decoys are in {out}. Next: put them on the phone, then record.")
