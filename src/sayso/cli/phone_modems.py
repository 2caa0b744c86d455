"""`sayso phone modems` and `sms-parts`: what a phone can text with, and in how many pieces."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec

import click
import uvloop

from sayso.cli.output import json_option, tell_json
from sayso.phone.core.sms.alphabet import NATIONAL, segments
from sayso.phone.errors import ModemGoneError


@dataclass(frozen=True, slots=True)
class Usable:
    """One way to text, and whether it can be used here."""

    modem: str
    """What to write after NAME= in `sayso phone run --modem`."""
    usable: bool
    detail: str


def look_for_modems() -> Iterator[Usable]:
    """Look at this machine: what a phone could be run with. Sends nothing, and opens no modem."""
    yield from _modem_manager()
    termux = all(shutil.which(f"termux-{name}") for name in ("sms-list", "sms-send", "telephony-deviceinfo"))
    yield Usable("termux", bool(termux), "the programs are there" if termux else "Termux:API is not installed here")
    gammu = find_spec("gammu") is not None
    found = "python-gammu is installed; it also needs a gammurc" if gammu else "pip install 'sayso[gammu]'"
    yield Usable("gammu:GAMMURC", gammu, found)
    yield Usable("carrier:SOCKET", True, "the simulated carrier, where one runs: sayso carrier run")


def _modem_manager() -> Iterator[Usable]:
    try:
        from sayso.phone.adapters.modem_manager.choosing import found_modems  # noqa: PLC0415  an extra
    except ImportError:
        yield Usable("modemmanager", False, "pip install 'sayso[phone]'")
        return
    try:
        found = uvloop.run(found_modems())
    except ModemGoneError as error:
        yield Usable("modemmanager", False, str(error))
        return
    if not found:
        yield Usable("modemmanager", False, "ModemManager runs, and has no modem")
    for modem in found:
        sim = "locked" if modem.view.locked else "there" if modem.view.present else "missing"
        state = "on" if modem.view.enabled else "off (airplane mode, or not enabled)"
        name = f"modemmanager:{modem.device}" if len(found) > 1 else "modemmanager"
        yield Usable(name, True, f"{modem.model or 'a modem'}, SIM {sim}, radio {state}")


@click.command()
@json_option
def modems(as_json: bool) -> None:  # noqa: FBT001  a flag
    """List the modems that this machine could text with. Sends nothing.

    \b
    Example:
        sayso phone modems
    """
    for one in look_for_modems():
        if as_json:
            tell_json(asdict(one))
        else:
            click.echo(f"{'ok      ' if one.usable else 'missing '}{one.modem}: {one.detail}")


@click.command("sms-parts")
@click.argument("text")
@click.option(
    "--language",
    "languages",
    multiple=True,
    type=click.IntRange(NATIONAL.start, NATIONAL.stop - 1),
    help="A national table that the modem uses, by its number (1 Turkish ... 13 Urdu); most use none.",
)
@json_option
def sms_parts(text: str, languages: tuple[int, ...], as_json: bool) -> None:  # noqa: FBT001  a flag
    """Tell in how many parts a text would go by SMS. Sends nothing.

    \b
    Example:
        sayso phone sms-parts "See you at 8 €"
    """
    found = segments(text, languages=languages)
    if as_json:
        tell_json(
            {"alphabet": found.alphabet, "parts": found.parts, "units": found.units, "left": found.left}
            | {"locking": found.tables.locking, "single": found.tables.single}
        )
    else:
        many = "1 part" if found.parts == 1 else f"{found.parts} parts"
        click.echo(f"{many} in {found.alphabet}, {found.left} left")
