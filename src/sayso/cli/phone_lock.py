"""`sayso phone pin` and `sayso phone lock`: the registration lock, from both of its sides."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from sayso.cli.output import ReportingGroup, data_option, json_option, read_secret, tell_json
from sayso.cli.phone_asking import CommandT, ask, line_option, make, say_done
from sayso.phone import command_types as types
from sayso.phone.errors import CommandError

_file: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_pin_file: Final = click.option(
    "--pin-file", type=_file, help="First line: the PIN. File mode 600. Without it the PIN is asked for."
)


@click.group(cls=ReportingGroup)
def pin() -> None:
    """The PIN that protects a line's number against a stolen or copied SIM."""


@pin.command("set")
@data_option("phone")
@_pin_file
@line_option
@json_option
def set_pin(data: Path, pin_file: Path | None, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Set or change the PIN, 4 to 20 digits. Keep it: with the SIM it opens this number to your next phone at once.

    \b
    Example:
        sayso phone pin set --data ./alice
    """
    digits = _read_pin(pin_file, confirm=True)
    say_done(ask(data, _make(types.SetPin, line=line, pin=digits), types.Done), "The PIN is set.", as_json=as_json)


@pin.command("remove")
@data_option("phone")
@line_option
@json_option
def remove_pin(data: Path, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Remove the PIN: whoever has the SIM then has the line after seven days, if you do not refuse.

    \b
    Example:
        sayso phone pin remove --data ./alice
    """
    say_done(ask(data, types.SetPin(line=line, pin=None), types.Done), "The PIN is removed.", as_json=as_json)


@pin.command("enter")
@data_option("phone")
@_pin_file
@line_option
@json_option
def enter_pin(data: Path, pin_file: Path | None, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Enter the PIN of the number that this line waits for. Ten tries in all.

    \b
    Example: on the new phone, after opt-in has said that the number is locked
        sayso phone pin enter --data ./alice-2
    """
    digits = _read_pin(pin_file, confirm=False)
    answer = ask(data, _make(types.EnterPin, line=line, pin=digits), types.Done)
    say_done(
        answer, "The PIN is right, or is tried with the next code; `sayso phone lock status` tells.", as_json=as_json
    )


@click.group(cls=ReportingGroup, invoke_without_command=True)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SAYSO_DATA",
    help="Directory for all state of this phone.",
)
@json_option
@click.pass_context
def lock(context: click.Context, data: Path | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Lock the web app; with a command below: the registration lock, who waits for a number and how long.

    \b
    Example: end every session of the web app, in every browser
        sayso phone lock --data ./alice
    """
    if context.invoked_subcommand is not None:
        return
    if data is None:
        raise click.UsageError("say which phone with --data, or see --help for the registration lock")
    answer = ask(data, types.LockApp(), types.Done)
    say_done(answer, "The web app is locked. `sayso phone open` opens it again.", as_json=as_json)


@lock.command()
@data_option("phone")
@line_option
@json_option
def status(data: Path, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Show what this phone knows of locks. Sends nothing.

    \b
    Example:
        sayso phone lock status --data ./alice
    """
    report = ask(data, types.Status(), types.StatusReport)
    lines = [one for one in report.lines if line in {None, one.name}]
    if not lines:
        raise CommandError("this phone has no line of this name; `sayso phone status` lists them")
    for one in lines:
        if as_json:
            tell_json(one)
        else:
            click.echo(describe(one))


@lock.command()
@data_option("phone")
@click.option("--code", help="The code from the SMS, where the phone could not read it itself.")
@click.option("--with-pin", is_flag=True, help="The SIM is not here: let the other phone wait 30 days longer, by PIN.")
@_pin_file
@line_option
@json_option
def refuse(
    data: Path,
    code: str | None,
    with_pin: bool,  # noqa: FBT001  a flag
    pin_file: Path | None,
    line: str | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Send away another phone that waits for this number: by a fresh code sent to it, which the phone reads itself.

    \b
    Example: the number is yours, and its SIM is in this phone
        sayso phone lock refuse --data ./alice
    Example: the SIM was stolen
        sayso phone lock refuse --with-pin --data ./alice
    """
    digits = _read_pin(pin_file, confirm=False) if with_pin or pin_file is not None else None
    command = _make(types.RefuseNewcomer, line=line, code=code, pin=digits)
    if code is None and digits is None:
        asked = ask(data, command, types.CodeOnItsWay)
        if as_json:
            tell_json(asked)
        else:
            click.echo("A code is on its way by SMS. As soon as it is here, the other phone is refused.")
        return
    sentence = "The other phone is refused." if digits is None else "The other phone waits longer."
    say_done(ask(data, command, types.Done), sentence, as_json=as_json)


def describe(line: types.Line) -> str:
    """Say how a line stands to locks."""
    parts = []
    if line.lock.waits_until is not None:
        tries = f"; {line.lock.pin_tries} PINs may be tried" if line.lock.pin_tries else ""
        parts.append(f"waits for its number until {_day(line.lock.waits_until)}{tries}")
    elif line.state == "on":
        parts.append("has a PIN" if line.lock.pin_set else "has no PIN")
    if line.lock.newcomer_until is not None:
        parts.append(f"another phone gets the number on {_day(line.lock.newcomer_until)} if it is not refused")
    return f"{line.name}: {', '.join(parts) or 'no lock: cloud messaging is off'}"


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _read_pin(pin_file: Path | None, *, confirm: bool) -> str:
    secret = read_secret(pin_file, "PIN")
    if secret is not None:
        return secret
    typed: str = click.prompt("PIN", hide_input=True, confirmation_prompt=confirm)
    return typed


def _make(kind: type[CommandT], **fields: object) -> CommandT:
    try:
        return make(kind, **fields)
    except CommandError as error:
        # What was wrong could repeat the PIN.
        raise CommandError("a PIN is 4 to 20 digits, a code 6") from error
