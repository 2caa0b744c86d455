"""`sayso phone send`, `send-as-sms`, `messages`."""

from pathlib import Path
from typing import Final

import click
import uvloop

from sayso.cli.output import data_option, json_option, tell_json
from sayso.cli.phone_asking import ask, describe_message, line_option, make
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient

_UNDER_WAY: Final = frozenset({"queued", "deposited", "recalling", "sms-sending"})


@click.command()
@data_option("phone")
@click.argument("number")
@click.argument("text")
@line_option
@click.option("--wait/--no-wait", default=False, show_default=True, help="Wait until the text has an outcome.")
@json_option
def send(data: Path, number: str, text: str, line: str | None, wait: bool, as_json: bool) -> None:  # noqa: FBT001  flags
    """Send a text: by cloud if both sides said yes, else by SMS.

    Without a country code, NUMBER is one of the line's own country; the answer shows which number was meant.

    \b
    Example:
        sayso phone send --data ./alice +447700900002 "hello Bob"
    """
    answer = ask(data, make(types.Send, line=line, to=number, text=text), types.Sending)
    message = _wait_for_outcome(data, answer.message) if wait else answer.message
    if as_json:
        tell_json(message)
    else:
        click.echo(describe_message(message))


@click.command("send-as-sms")
@data_option("phone")
@click.argument("message")
@click.option("--in-doubt", is_flag=True, help="At once, even if it may have arrived: the recipient's Sayso is told.")
@json_option
def send_as_sms(data: Path, message: str, in_doubt: bool, as_json: bool) -> None:  # noqa: FBT001  flags
    """Send a text that waits, or failed, by SMS after all: unencrypted, by your decision. MESSAGE is its id (--json).

    One that the server has is recalled first.

    \b
    Example:
        sayso phone send-as-sms --data ./alice 5f0c...
    """
    answer = ask(data, make(types.SendAsSms, id=message, in_doubt=in_doubt), types.Sending)
    if as_json:
        tell_json(answer.message)
    else:
        click.echo(describe_message(answer.message))


@click.command()
@data_option("phone")
@click.option("--with", "with_number", help="Only the conversation with this number.")
@click.option("--limit", default=50, show_default=True, help="How many at most.")
@line_option
@json_option
def messages(data: Path, with_number: str | None, limit: int, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Show the newest messages. Looking causes no traffic.

    \b
    Example:
        sayso phone messages --data ./alice --with +447700900002
    """
    command = make(types.Messages, line=line, with_number=with_number, limit=limit)
    for message in ask(data, command, types.MessageList).messages:
        if as_json:
            tell_json(message)
        else:
            click.echo(describe_message(message))


def _wait_for_outcome(data: Path, sent: types.Message) -> types.Message:
    return uvloop.run(
        DaemonClient(data).wait_for_message(
            lambda message: message.id == sent.id and message.state not in _UNDER_WAY,
            what="an outcome; the text is safe and still waits",
        )
    )
