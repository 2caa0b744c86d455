"""`sayso demo story`: August 2014, replayed on this machine."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import click

from sayso.cli.output import json_option, run_until_stopped, tell_json
from sayso.demo.errors import DemoError
from sayso.demo.story.acts import Story
from sayso.demo.story.network import built
from sayso.demo.story.report import render, summary
from sayso.demo.story.windows import find_browser, opened

_PAUSE_S = 3.0
_TOOLS = {"unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2", "tshark": "tshark"}


@click.command()
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write the page here.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep recordings and all state here.")
@click.option("--windows", is_flag=True, help="Show each phone's Messages in a browser window, slowly enough to watch.")
@click.option("--browser", metavar="PROGRAM", help="For --windows; without it Chromium is looked for.")
@click.option("--pause", type=click.FloatRange(0, 60), help="Seconds after each event; 3 with --windows, else 0.")
@click.option("--inside", is_flag=True, hidden=True, help="This process is in the phones' namespace already.")
@json_option
def story(
    *,
    report: Path | None,
    data: Path | None,
    windows: bool,
    browser: str | None,
    pause: float | None,
    inside: bool,
    as_json: bool,
) -> None:
    """Replay August 2014: a phone that leaks (synthetic), audit, update, silence, two yeses, texts, audit, two noes.

    Everything runs in network namespaces that reach nobody; what is told has happened, and was measured on packets.
    Needs Linux, root (or user namespaces), iproute2 and tshark.

    \b
    Examples:
        sayso demo story --report story.html
        sayso demo story --windows
        sayso demo story --json
    """
    if browser is not None and not windows:
        raise DemoError("--browser goes with --windows")
    shown_in = (browser or find_browser()) if windows else None
    if not inside:
        sys.exit(_enter(report, data, shown_in, pause, as_json=as_json))
    pause_s = (_PAUSE_S if windows else 0.0) if pause is None else pause
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sayso-story-")))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        network = stack.enter_context(built(folder, folder / "mirror"))
        told = Story(folder, network, folder / "mirror", windows=stack.enter_context(opened(shown_in, folder)))

        async def play(stop: asyncio.Event) -> None:
            async for event in told.play():
                if as_json:
                    tell_json(asdict(event))
                else:
                    click.echo(f"  {event.act:>8}  {event.what}")
                await asyncio.sleep(pause_s)
                if stop.is_set():
                    raise DemoError("stopped before the story was over")

        run_until_stopped(play)
        if report is not None:
            report.write_text(render(told.told), encoding="utf-8")
        if as_json:
            tell_json(summary(told.told))
        else:
            click.echo(f"The end, after {told.told.seconds:.0f} s." + (f" The page: {report}" if report else ""))


def _enter(report: Path | None, data: Path | None, browser: str | None, pause: float | None, *, as_json: bool) -> int:
    """Start this command once more, in a namespace of its own; returns its exit code."""
    missing = {package for tool, package in _TOOLS.items() if shutil.which(tool) is None}
    if missing:
        raise DemoError(f"the story needs more tools: apt-get install {' '.join(sorted(missing))}")
    how = ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "--net", "--mount"]
    if subprocess.run([*how, "true"], capture_output=True, check=False, timeout=20).returncode != 0:  # noqa: S603  our own words
        raise DemoError("this machine gives no network namespaces to this user; run the story as root")
    words = [sys.executable, "-m", "sayso", "demo", "story", "--inside"]
    words += ["--report", str(report.absolute())] if report else []
    words += ["--data", str(data.absolute())] if data else []
    words += ["--windows", "--browser", browser] if browser else []
    words += ["--pause", str(pause)] if pause is not None else []
    words += ["--json"] if as_json else []
    return subprocess.run([*how, *words], check=False).returncode  # noqa: S603  our own words
