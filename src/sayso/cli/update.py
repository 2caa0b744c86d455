"""`sayso update`: releases, on the phone that takes them."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from sayso.cli.output import ReportingGroup, json_option, run_until_stopped, tell_json
from sayso.cli.update_publish import PUBLISHING, describe_repository
from sayso.cli.update_tuf import tuf
from sayso.consent.errors import GateClosedError
from sayso.protocol.errors import SaysoError
from sayso.update.adapters.home import Settings
from sayso.update.app import Installation
from sayso.update.consent_text import update_policy_bytes
from sayso.update.core.channel import Channel, read_channel
from sayso.update.core.remedy import PATTERN, Notice, read_notice, screen
from sayso.update.errors import UpdateError
from sayso.update.phone_side import Applied
from sayso.update.ports import Progress
from sayso.update.scheduler import Scheduler

_PERCENT: Final = 100
_file = click.Path(path_type=Path, exists=True, dir_okay=False)
home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    envvar="SAYSO_HOME",
    help="Directory of the installation.",
)


@click.group(cls=ReportingGroup)
def update() -> None:
    """Publish releases, and take them: signed by several people, put in force by one switch, and taken back by it."""


for _command in (*PUBLISHING, tuf):
    update.add_command(_command)


@update.command()
@home_option
@click.option("--url", required=True, help="Where releases come from, such as https://updates.example/sayso")
@click.option("--root", type=_file, required=True, help="The publisher's root.json: whom to trust.")
@click.option("--release", type=_file, required=True, help="The first release, a file on this machine.")
@click.option(
    "--libraries",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="For releases without libraries inside: the directory where the system has Python's.",
)
@json_option
def init(home: Path, url: str, root: Path, release: Path, libraries: Path | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Install the first release of Sayso on this machine. Sends nothing; checks for updates stay off.

    \b
    Example:
        sayso update init --home /opt/sayso --url https://updates.example --root root.json --release sayso-1.0.0.tar
    """
    installation = Installation(home)
    settings = Settings(url=url, libraries=None if libraries is None else str(libraries.resolve()))
    installation.home.make(settings, root.read_bytes(), installation.random)
    applied = installation.phone_side().install(release, progress=_progress(as_json=as_json))
    _tell(as_json, {"event": "installed", "version": applied.after}, f"{applied.after} is installed in {home}.")


@update.command()
def policy() -> None:
    """Show the text that `sayso update on` agrees to. It is part of the program; reading it sends nothing.

    \b
    Example:
        sayso update policy
    """
    click.echo(update_policy_bytes().decode("utf-8"))


@update.command()
@home_option
@json_option
def on(home: Path, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Say yes to checks for updates, as `sayso update policy` describes them. Sends nothing yet.

    \b
    Example:
        sayso update policy && sayso update on --home /opt/sayso
    """
    installation = Installation(home)
    settings = installation.home.settings()
    installation.consents.give(settings.url, root_sha256=installation.root_digest(), method="command-line")
    _tell(as_json, {"event": "on", "server": settings.url}, f"Checks for updates are on; they go to {settings.url}.")


@update.command()
@home_option
@json_option
def off(home: Path, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Say no to checks for updates: nothing is sent any more, and one that is under way is broken off.

    \b
    Example:
        sayso update off --home /opt/sayso
    """
    Installation(home).consents.withdraw()
    _tell(as_json, {"event": "off"}, "Checks for updates are off.")


@update.command()
@home_option
@json_option
def check(home: Path, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Ask whether there is a release for this phone. Whether it is this phone's turn is decided here.

    \b
    Example:
        sayso update check --home /opt/sayso
    """
    installation = Installation(home)
    with installation.mirror() as mirror:
        _, choice = installation.phone_side().check(mirror)
    offered = None if choice.take is None else choice.take.version
    if as_json:
        tell_json(
            {
                "event": "checked",
                "offered": offered,
                "waiting": choice.waiting,
                "failed": choice.failed,
                "installed_revoked": choice.installed_revoked,
            }
        )
        return
    if choice.installed_revoked:
        click.echo("WARNING: the publisher has called back the release that runs here.")
    if choice.failed is not None:
        click.echo(f"{choice.failed} was tried here and did not work; `sayso update apply --again` tries once more.")
    if offered is not None:
        click.echo(f"{offered} is there: sayso update apply")
    elif choice.waiting is not None:
        click.echo(f"{choice.waiting} is handed out step by step, and not yet to this phone.")
    else:
        click.echo("There is nothing newer.")


@update.command()
@home_option
@click.option("--again", is_flag=True, help="Also take a release that failed here before.")
@json_option
def apply(home: Path, again: bool, as_json: bool) -> None:  # noqa: FBT001  flags
    """Fetch the release that is offered to this phone, and put it in force; whatever goes wrong, the old one runs on.

    \b
    Example:
        sayso update apply --home /opt/sayso
    """
    installation = Installation(home)
    side = installation.phone_side()
    left = side.recover()
    if left is not None and not as_json:
        click.echo(left, err=True)
    if again:
        installation.home.forget_failed()
    with installation.mirror() as mirror:
        applied = side.update(mirror, progress=_progress(as_json=as_json))
    if applied is None:
        _tell(as_json, {"event": "nothing"}, "There is nothing newer for this phone.")
        return
    _tell_applied(installation, applied, "applied", as_json=as_json)


@update.command()
@home_option
@json_option
def rollback(home: Path, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Go back to the release before. Sends nothing; the data stay, taken back where the release had changed them.

    \b
    Example:
        sayso update rollback --home /opt/sayso
    """
    installation = Installation(home)
    applied = installation.phone_side().roll_back(channel=_last_channel(installation))
    _tell_applied(installation, applied, "rolled-back", as_json=as_json)


@update.command()
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), envvar="SAYSO_HOME", help="An installation.")
@click.option("--repo", type=click.Path(path_type=Path, file_okay=False), help="A publisher's directory.")
@json_option
def status(home: Path | None, repo: Path | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Show what runs here, or where a publisher's directory stands: what waits for whose signature, what runs out when.

    \b
    Examples:
        sayso update status --home /opt/sayso
        sayso update status --repo ./releases
    """
    if repo is not None:
        describe_repository(repo, as_json=as_json)
        return
    if home is None:
        raise UpdateError("say which: --home INSTALLATION or --repo PUBLISHER'S-DIRECTORY")
    installation = Installation(home)
    left = installation.phone_side().recover()
    present = installation.home.current()
    agreed = installation.consents.given()
    failed = installation.home.failed()
    if as_json:
        tell_json(
            {
                "version": None if present is None else present.version,
                "slot": None if present is None else present.slot,
                "checks": agreed is not None,
                "failed": failed,
                "recovered": left,
                "notices": [notice.version for notice in _notices(installation)],
            }
        )
        return
    click.echo("Nothing is installed." if present is None else f"{present.version} runs, from slot {present.slot}.")
    click.echo(f"Checks for updates are {'off' if agreed is None else f'on, at {agreed.record.server}'}.")
    for version, why in failed.items():
        click.echo(f"{version} was tried here and taken back: {why}")
    if left is not None:
        click.echo(left)
    for notice in _notices(installation):
        click.echo(f"\n{screen(notice)}\nSeen? sayso update notice --seen --home {home}")


@update.command()
@home_option
@click.option("--seen", is_flag=True, help="Do not show it any more.")
def notice(home: Path, seen: bool) -> None:  # noqa: FBT001  a flag
    """Show what an update changed for you.

    \b
    Example:
        sayso update notice --home /opt/sayso
    """
    installation = Installation(home)
    found = _notices(installation)
    for one in found:
        click.echo(screen(one))
    if not found:
        click.echo("There is nothing that you have not seen.")
    if seen:
        installation.home.note_seen(one.version for one in found)


@update.command("run")
@home_option
@click.option("--apply/--no-apply", "applies", default=False, show_default=True, help="Put in force what is offered.")
@json_option
def run_scheduler(home: Path, applies: bool, as_json: bool) -> None:  # noqa: FBT001  flags
    """Check about once a day, at random times, while `sayso update on` is in force. Until SIGTERM.

    \b
    Example:
        sayso update run --home /opt/sayso --apply
    """
    installation = Installation(home)
    side = installation.phone_side()
    side.recover()

    def check_once() -> bool:
        try:
            with installation.mirror() as mirror:
                if applies:
                    applied = side.update(mirror)
                    if applied is not None:
                        _tell_applied(installation, applied, "applied", as_json=as_json)
                else:
                    _, choice = side.check(mirror)
                    offered = None if choice.take is None else choice.take.version
                    _tell(
                        as_json, {"event": "checked", "offered": offered}, f"Checked; offered: {offered or 'nothing'}."
                    )
        except GateClosedError:
            return True
        except SaysoError as error:
            _tell(as_json, {"event": "failed", "error": str(error)}, str(error))
            return False
        return True

    scheduler = Scheduler(
        installation.home.path / "next-check.json",
        agreed=lambda: installation.consents.given() is not None,
        check=check_once,
        clock=installation.clock,
        random=random.SystemRandom(),
    )

    async def serve(stop: asyncio.Event) -> None:
        _tell(as_json, {"event": "ready"}, "Waiting. Nothing is sent while checks are off.")
        await scheduler.run(stop)

    run_until_stopped(serve)


def _tell(as_json: bool, event: dict[str, object], words: str) -> None:  # noqa: FBT001  the flag of the command
    if as_json:
        tell_json(event)
    else:
        click.echo(words)


def _tell_applied(installation: Installation, applied: Applied, event: str, *, as_json: bool) -> None:
    restart = " A phone still runs the release before: restart it." if applied.restart else ""
    _tell(
        as_json,
        {
            "event": event,
            "before": applied.before,
            "after": applied.after,
            "remedy": applied.remedy,
            "restart": applied.restart,
        },
        f"{applied.after} is in force; before it was {applied.before}.{restart}",
    )
    if applied.remedy and not as_json:
        for one in _notices(installation):
            click.echo(f"\n{screen(one)}")


def _progress(*, as_json: bool) -> Progress:
    shown = ""

    def tell(what: str, done: int, whole: int) -> None:
        nonlocal shown
        line = f"{what} ..." if whole <= 1 else f"{what} ... {done * _PERCENT // whole} %"
        if line != shown and not as_json:
            shown = line
            click.echo(f"\r{line}", nl=whole <= 1 or done == whole, err=True)

    return tell


def _notices(installation: Installation) -> list[Notice]:
    present = installation.home.current()
    if present is None:
        return []
    seen = installation.home.seen()
    files = sorted(installation.home.data(present).glob(PATTERN))
    return [found for found in map(_notice, files) if found.version not in seen]


def _notice(file: Path) -> Notice:
    return read_notice(file.read_bytes())


def _last_channel(installation: Installation) -> Channel | None:
    with suppress(OSError):
        return read_channel((installation.home.tuf / "channel.json").read_bytes())
    return None
