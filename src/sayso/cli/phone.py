"""`sayso phone`: the daemon of one phone, and what its owner asks of it."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import click
import msgspec
import uvloop

from sayso.cli.output import (
    ReportingGroup,
    data_option,
    json_option,
    read_secret,
    run_until_stopped,
    tell_json,
    tell_underway,
)
from sayso.cli.phone_data import agree, export, findable, me, receipts
from sayso.cli.phone_fallback import cancel, fallback, next_text, sim
from sayso.cli.phone_lock import describe, lock, pin
from sayso.cli.phone_modems import modems, sms_parts
from sayso.cli.phone_updates import InstallationSwitch
from sayso.cli.phone_web import open_app
from sayso.consent.policy import current_policy, policy_text
from sayso.phone import command_types as types
from sayso.phone.adapters.daemon_client import DaemonClient
from sayso.phone.adapters.modems import read_choice
from sayso.phone.app import ModemConfig, PhoneConfig, run
from sayso.phone.errors import CommandError

_UNDER_WAY: Final = frozenset({"queued", "deposited", "recalling", "sms-sending"})
_file = click.Path(path_type=Path, exists=True, dir_okay=False)
line_option = click.option("--line", help="Which line, by its modem's name; not needed where the phone has one.")
AnswerT = TypeVar("AnswerT", bound=msgspec.Struct)
CommandT = TypeVar("CommandT", bound=msgspec.Struct)


@click.group(cls=ReportingGroup)
def phone() -> None:
    """Run a phone, and text with it."""


phone.add_command(pin)
phone.add_command(lock)
phone.add_command(open_app)
for _command_of_its_own in (agree, findable, me, receipts, export, fallback, next_text, cancel, sim, modems, sms_parts):
    phone.add_command(_command_of_its_own)


@phone.command("run")
@data_option("phone")
@click.option(
    "--modem",
    "chosen",
    multiple=True,
    required=True,
    metavar="NAME=MODEM",
    help="A line's name, and its modem: modemmanager[:DEVICE], termux[:SLOT], gammu:GAMMURC or carrier:SOCKET; repeat "
    "for a second line.",
)
@click.option("--passphrase-file", type=_file, help="First line: the store's passphrase. File mode 600.")
@click.option("--plain-store-key", is_flag=True, help="Keep the store's key in a plain file instead.")
@click.option("--web/--no-web", default=True, show_default=True, help="Serve the web app, to this machine alone.")
@click.option(
    "--server", default="", help="The server that Settings > Cloud Messaging suggests. Nothing is sent to it."
)
@click.option("--server-key", default="", help="Its key, 64 hex digits.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SAYSO_HOME",
    help="The installation of `sayso update` that this phone runs from: Settings > Updates shows its switch.",
)
@click.option(
    "--mark-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the mark lies that tells an older copy of --data; not to be copied along with it. "
    "[default: $XDG_STATE_HOME/sayso/marks, or ~/.local/state/sayso/marks]",
)
@json_option
def run_phone(
    data: Path,
    chosen: tuple[str, ...],
    passphrase_file: Path | None,
    plain_store_key: bool,  # noqa: FBT001  a flag
    web: bool,  # noqa: FBT001  a flag
    server: str,
    server_key: str,
    home: Path | None,
    mark_dir: Path | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Run a phone's daemon until SIGTERM. It is silent until you opt in.

    \b
    Example: a Linux phone; then one with a SIM of the simulated carrier
        sayso phone run --data ~/.sayso --passphrase-file secret --modem sim=modemmanager
        sayso phone run --data ./alice --plain-store-key --modem sim=carrier:./carrier/modems/alice.sock
    """
    config = PhoneConfig(
        data=data,
        modems=tuple(_read_modem(modem) for modem in chosen),
        passphrase=read_secret(passphrase_file, "passphrase"),
        plain_key=plain_store_key,
        web=web,
        server=server,
        server_key=server_key,
        updates=None if home is None else InstallationSwitch(home),
        marks=mark_dir,
    )

    async def tell_when(ready: asyncio.Event) -> None:
        await ready.wait()
        if as_json:
            tell_json({"event": "ready"})
        else:
            click.echo("The phone is on, and silent until you opt in. Stop with Ctrl-C.")
            if web:
                click.echo(f"Its web app: sayso phone open --data {data}")

    async def serve(stop: asyncio.Event) -> None:
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(tell_when(ready))
            await run(config, ready=ready, stop=stop)
            telling.cancel()

    tell_underway("Opening the phone's store", as_json=as_json)
    run_until_stopped(serve)


@phone.command()
@data_option("phone")
@json_option
def status(data: Path, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Show the phone's lines: what is on, what is off, what stands in the way.

    \b
    Example:
        sayso phone status --data ./alice
    """
    report = _ask(data, types.Status(), types.StatusReport)
    if as_json:
        tell_json(report)
        return
    for line in report.lines:
        click.echo(_describe_line(line))


@phone.command("opt-in")
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
    answer = _ask(data, command, types.CodeOnItsWay)
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


@phone.command()
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


@phone.command()
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
    _done(_ask(data, _command(types.Code, line=line, code=digits), types.Done), "The code is right.", as_json=as_json)


@phone.command("opt-out")
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
    answer = _ask(data, types.OptOut(line=line, recall_waiting=recall_waiting), types.OptedOut)
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


@phone.command()
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
    answer = _ask(data, _command(types.Send, line=line, to=number, text=text), types.Sending)
    message = _wait_for_outcome(data, answer.message) if wait else answer.message
    if as_json:
        tell_json(message)
    else:
        click.echo(_describe_message(message))


@phone.command("send-as-sms")
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
    answer = _ask(data, _command(types.SendAsSms, id=message, in_doubt=in_doubt), types.Sending)
    if as_json:
        tell_json(answer.message)
    else:
        click.echo(_describe_message(answer.message))


@phone.command()
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
    command = _command(types.Messages, line=line, with_number=with_number, limit=limit)
    for message in _ask(data, command, types.MessageList).messages:
        if as_json:
            tell_json(message)
        else:
            click.echo(_describe_message(message))


def _read_modem(text: str) -> ModemConfig:
    name, equals, modem = text.partition("=")
    if not (name and equals and modem):
        raise CommandError("write a modem as NAME=MODEM, such as sim=modemmanager")
    return ModemConfig(name=name, modem=read_choice(modem))


def _command(kind: type[CommandT], **fields: object) -> CommandT:
    """Make a command of what was typed, with the bounds of its type."""
    try:
        return msgspec.convert(fields, kind, strict=True)
    except msgspec.ValidationError as error:
        raise CommandError(f"this cannot be: {error}") from error


def _ask(data: Path, command: types.Command, answer: type[AnswerT]) -> AnswerT:
    return uvloop.run(DaemonClient(data).ask(command, answer))


def _wants_recall(data: Path, line: str | None) -> bool:
    waiting = _ask(data, types.StillWaiting(line=line), types.MessageList).messages
    if not waiting:
        return False
    click.echo("These texts of yours still wait in others' mailboxes:")
    for message in waiting:
        click.echo(f"  {_describe_message(message)}")
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


def _wait_for_outcome(data: Path, sent: types.Message) -> types.Message:
    return uvloop.run(
        DaemonClient(data).wait_for_message(
            lambda message: message.id == sent.id and message.state not in _UNDER_WAY,
            what="an outcome; the text is safe and still waits",
        )
    )


def _done(answer: types.Done, sentence: str, *, as_json: bool) -> None:
    if as_json:
        tell_json(answer)
    else:
        click.echo(sentence)


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


def _describe_message(message: types.Message) -> str:
    at = datetime.fromtimestamp(message.at, tz=UTC).astimezone().strftime("%H:%M:%S")
    arrow = {"out": "to", "in": "from", "system": "about"}[message.direction]
    note = f"  ({message.notice})" if message.notice else ""
    return f"{at}  {arrow} {message.number}  [{message.channel}, {message.state}]  {message.text}{note}"
