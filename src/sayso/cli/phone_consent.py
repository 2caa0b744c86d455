"""`sayso phone status`, `opt-in`, `policy`, `code`, `opt-out`: what is on, and your word on it."""

import sys
from pathlib import Path

import click
import uvloop

from sayso.cli.output import data_option, json_option, tell_json, tell_underway
from sayso.cli.phone_asking import ask, describe_message, line_option, make, say_done
from sayso.cli.phone_lock import describe
from sayso.consent.policy import current_policy, policy_text
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient
from sayso.phone.errors import CommandError


@click.command()
@data_option("phone")
@json_option
def status(data: Path, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Show the phone's lines: what is on, what is off, what stands in the way.

    \b
    Example:
        sayso phone status --data ./alice
    """
    report = ask(data, types.Status(), types.StatusReport)
    if as_json:
        tell_json(report)
        return
    for line in report.lines:
        click.echo(_describe_line(line))


@click.command("opt-in")
@data_option("phone")
@click.option("--server", required=True, help="The server's address, such as https://chat.example")
@click.option("--server-key", required=True, help="Its key, 64 hex digits, from whoever runs it.")
@click.option("--number", help="The line's own number, where the SIM does not tell it.")
@click.option(
    "--findable",
    type=click.Choice(["everyone", "nobody"]),
    required=True,
    help="Who may find this line: everyone who has its number, or nobody until it writes first.",
)
@line_option
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until the code has come and the line is on."
)
@json_option
def opt_in(
    data: Path,
    server: str,
    server_key: str,
    number: str | None,
    findable: str,
    line: str | None,
    wait: bool,  # noqa: FBT001  a flag
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Say yes to cloud messaging for one line.

    What you agree to stands in `sayso phone policy`. The server sends a code by SMS, which the phone reads itself.

    \b
    Example:
        sayso phone opt-in --data ./alice --server https://chat.example --server-key 3f... --findable everyone
    """
    command = types.OptIn(
        line=line,
        server=server,
        server_key=server_key,
        number=number,
        findable="everyone" if findable == "everyone" else "nobody",
        method="command-line",
    )
    tell_underway(f"Asking {server} for a code", as_json=as_json)
    answer = ask(data, command, types.CodeOnItsWay)
    if not as_json:
        click.echo("A code is on its way by SMS.")
    if not wait:
        if as_json:
            tell_json(answer)
        return
    tell_underway("Waiting for the SMS (Ctrl-C: the phone waits on by itself)", as_json=as_json)
    on = _wait_for_line(data, answer.line)
    if as_json:
        tell_json(on)
    else:
        click.echo(_describe_line(on))


@click.command()
@json_option
def policy(as_json: bool) -> None:  # noqa: FBT001  a flag
    """Show the policy that opting in agrees to. It is part of the program; reading it sends nothing.

    \b
    Example:
        sayso phone policy
    """
    if as_json:
        shipped = current_policy()
        tell_json({"version": shipped.version, "sha256": shipped.sha256.hex(), "text": policy_text()})
    else:
        click.echo(policy_text())


@click.command()
@data_option("phone")
@click.argument("digits")
@line_option
@json_option
def code(data: Path, digits: str, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Give the code from the SMS, where the phone could not read it itself.

    \b
    Example:
        sayso phone code --data ./alice 123456
    """
    say_done(ask(data, make(types.Code, line=line, code=digits), types.Done), "The code is right.", as_json=as_json)


@click.command("opt-out")
@data_option("phone")
@line_option
@click.option(
    "--recall-waiting/--leave-waiting",
    default=None,
    help="Recall your texts that still wait in others' mailboxes first, or leave them there. Not given: you are asked "
    "at a terminal, and elsewhere they are left.",
)
@json_option
def opt_out(data: Path, line: str | None, recall_waiting: bool | None, as_json: bool) -> None:  # noqa: FBT001  flags
    """Say no: the phone is silent at once, the server erases, texts go by SMS again.

    \b
    Example: nothing of yours is to wait in others' mailboxes either
        sayso phone opt-out --data ./alice --recall-waiting
    """
    if recall_waiting is None:
        recall_waiting = not as_json and sys.stdin.isatty() and _wants_recall(data, line)
    tell_underway("Leaving, and asking the server to erase everything", as_json=as_json)
    answer = ask(data, types.OptOut(line=line, recall_waiting=recall_waiting), types.OptedOut)
    if as_json:
        tell_json(answer)
        return
    if answer.erased:
        click.echo("Off. The server has erased everything and signed a receipt for it.")
    else:
        click.echo("Off. The server could not be reached; it forgets by itself when the lease lapses.")
    for thing in answer.outlives:
        click.echo(f"  still held: {thing}")
    if answer.recalled:
        click.echo(f"  recalled first: {answer.recalled} of your texts")
    if answer.left_waiting:
        click.echo(f"  left in others' mailboxes: {answer.left_waiting} of your texts, for seven days at most")


def _wants_recall(data: Path, line: str | None) -> bool:
    waiting = ask(data, types.StillWaiting(line=line), types.MessageList).messages
    if not waiting:
        return False
    click.echo("These texts of yours still wait in others' mailboxes:")
    for message in waiting:
        click.echo(f"  {describe_message(message)}")
    return click.confirm("Recall them first?", default=True)


def _wait_for_line(data: Path, name: str) -> types.Line:
    line = uvloop.run(
        DaemonClient(data).wait_for_line(
            lambda line: line.name == name and line.state in {"on", "off", "locked"}, what="the code by SMS"
        )
    )
    if line.state == "off":
        raise CommandError(line.trouble or "the line did not come on")
    return line


def _describe_line(line: types.Line) -> str:
    channel = {"on": "cloud messaging on", "off": "cloud messaging off: nothing leaves this phone"}.get(
        line.state, line.state
    )
    parts = [f"{line.name}: {line.number or 'number unknown'}", channel]
    if line.state == "on":
        parts.append("connected" if line.connected else "not connected")
    parts.append(f"{line.connections} connections ever")
    if line.lock.waits_until is not None or line.lock.newcomer_until is not None:
        parts.append(describe(line).partition(": ")[2])
    if line.trouble:
        parts.append(line.trouble)
    return ", ".join(parts)
