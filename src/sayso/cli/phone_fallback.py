"""`sayso phone fallback`, `next`, `cancel`, `sim`: when texts go by SMS after all, and by whose decision."""

from pathlib import Path

import click
import msgspec

from sayso.cli.output import data_option, json_option, tell_json
from sayso.cli.phone_asking import ask, line_option
from sayso.phone import command_types as types
from sayso.phone.errors import CommandError

_WHEN = click.Choice(["never", "ask", "after"])


@click.command()
@data_option("phone")
@click.option("--with", "number", help="Only the conversation with this number; else the line's own policy.")
@click.option("--undelivered", type=_WHEN, help="SMS when the recipient's phone does not get it: never, ask, or after.")
@click.option("--unreachable", type=_WHEN, help="SMS when the server cannot be reached: never, ask, or after.")
@click.option("--minutes", type=click.IntRange(1, 10_080), help="After how long (or, with ask, until the question).")
@click.option(
    "--reset", is_flag=True, help="Forget what was chosen here: the line's own policy holds, or the first one."
)
@line_option
@json_option
def fallback(
    data: Path,
    number: str | None,
    undelivered: str | None,
    unreachable: str | None,
    minutes: int | None,
    reset: bool,  # noqa: FBT001  a flag
    line: str | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Show, or choose, when a text that does not arrive by cloud goes by SMS, unencrypted.

    \b
    Example: with this number never, whatever happens
        sayso phone fallback --data ./alice --with +447700900002 --undelivered never --unreachable never
    """
    answer = ask(data, types.GetFallback(line=line, number=number), types.FallbackSet)
    changes = {
        "undelivered": undelivered,
        "unreachable": unreachable,
        "undelivered_after_min": minutes,
        "unreachable_after_min": minutes,
    }
    chosen = {name: value for name, value in changes.items() if value is not None}
    if reset or chosen:
        fields = msgspec.structs.asdict(answer.fallback) | chosen
        policy = None if reset else msgspec.convert(fields, types.Fallback)
        answer = ask(data, types.SetFallback(line=line, number=number, fallback=policy), types.FallbackSet)
    if as_json:
        tell_json(answer)
        return
    policy = answer.fallback
    where = f"with {answer.number}" if answer.number else "of the line"
    click.echo(f"{answer.line}, {where}{'' if answer.own else ' (nothing chosen here)'}:")
    click.echo(f"  not delivered by cloud: {_words(policy.undelivered, policy.undelivered_after_min)}")
    click.echo(f"  server unreachable:     {_words(policy.unreachable, policy.unreachable_after_min)}")


@click.command("next")
@data_option("phone")
@click.argument("number")
@line_option
@json_option
def next_text(data: Path, number: str, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Show by which line and channel the next text to a number would go. Looking causes no traffic.

    \b
    Example:
        sayso phone next --data ./alice +447700900002
    """
    answer = ask(data, types.NextText(line=line, number=number), types.NextRoute)
    if as_json:
        tell_json(answer)
    else:
        click.echo(f"from {answer.line}: {answer.sentence}")


@click.command()
@data_option("phone")
@click.argument("message")
@json_option
def cancel(data: Path, message: str, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Take a text back before it is delivered. MESSAGE is its id (--json).

    \b
    Example:
        sayso phone cancel --data ./alice 5f0c...
    """
    try:
        command = msgspec.convert({"id": message}, types.Cancel)
    except msgspec.ValidationError as error:
        raise CommandError(f"this cannot be: {error}") from error
    answer = ask(data, command, types.Sending)
    if as_json:
        tell_json(answer.message)
    elif answer.message.state == "cancelled":
        click.echo("Taken back: nobody has it.")
    else:
        click.echo("It is being recalled; `sayso phone messages` shows what came of it.")


@click.command()
@data_option("phone")
@click.option("--ours/--another", required=True, help="It is this line's (a replacement), or it is another one.")
@line_option
@json_option
def sim(data: Path, ours: bool, line: str | None, as_json: bool) -> None:  # noqa: FBT001  flags
    """Say what the SIM is that was put in place of a line's own. With --another the line is switched off at once.

    \b
    Example:
        sayso phone sim --data ./alice --ours
    """
    answer = ask(data, types.ConfirmSim(line=line, ours=ours), types.Done)
    if as_json:
        tell_json(answer)
    else:
        click.echo("The line goes on with this SIM." if ours else "The line is off; the SIM can opt in anew.")


def _words(when: types.WhenToSms, minutes: int) -> str:
    match when:
        case "never":
            return "never by SMS"
        case "ask":
            return f"you are asked, after {minutes} minutes"
        case "after":
            return f"by SMS, unencrypted, after {minutes} minutes"
