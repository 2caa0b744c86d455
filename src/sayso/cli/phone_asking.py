"""What the commands of `sayso phone` have in common: they ask a daemon that runs, and say what it answered."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
import msgspec
import uvloop

from sayso.cli.output import tell_json
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient
from sayso.phone.errors import CommandError

line_option = click.option("--line", help="Which line, by its modem's name; not needed where the phone has one.")
AnswerT = TypeVar("AnswerT", bound=msgspec.Struct)
CommandT = TypeVar("CommandT", bound=msgspec.Struct)


def make(kind: type[CommandT], **fields: object) -> CommandT:
    """Make a command of what was typed, with the bounds of its type.

    Raises:
        CommandError: it is out of these bounds.
    """
    try:
        return msgspec.convert(fields, kind, strict=True)
    except msgspec.ValidationError as error:
        raise CommandError(f"this cannot be: {error}") from error


def ask(data: Path, command: types.Command, answer: type[AnswerT]) -> AnswerT:
    """Ask the phone whose state is below `data`. Raises CommandError."""
    return uvloop.run(DaemonClient(data).ask(command, answer))


def say_done(answer: types.Done, sentence: str, *, as_json: bool) -> None:
    """Say that something is done."""
    if as_json:
        tell_json(answer)
    else:
        click.echo(sentence)


def describe_message(message: types.Message) -> str:
    """Return one message as one line of text."""
    at = datetime.fromtimestamp(message.at, tz=UTC).astimezone().strftime("%H:%M:%S")
    arrow = {"out": "to", "in": "from", "system": "about"}[message.direction]
    note = f"  ({message.notice})" if message.notice else ""
    return f"{at}  {arrow} {message.number}  [{message.channel}, {message.state}]  {message.text}{note}"
