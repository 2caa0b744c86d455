"""`sayso audit record` and `sayso audit mark`."""

import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import click
import segno

from sayso.audit import app
from sayso.audit.adapters import recorder
from sayso.audit.core import refused

_STEPS = """Steps:
  1. Put the seeds on the phone (sayso audit seeds new makes them).
  2. {join}
  3. On the phone open http://mitm.it and install the certificate for its system, so that TLS can be looked into.
  4. Do the steps of your experiment. Before each, type its name here and press Enter ("SIM in", "contact added"),
     or in another terminal: sayso audit mark "contact added" --capture {capture}
  5. Stop with Ctrl-C, then: sayso audit scan {capture} --seeds seeds.toml --html report.html
Only record phones and accounts that are yours, or whose owner agreed. The recording holds whatever the phone says."""
_CAPTURE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--out", "capture", type=_CAPTURE, default=Path("capture.mitm"), show_default=True, help="The recording.")
@click.option(
    "--mode",
    type=click.Choice(["wireguard", "proxy"]),
    default="wireguard",
    show_default=True,
    help="How the phone's traffic gets here.",
)
@click.option("--host", default="", help="Address to listen on; all by default.")
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Port to listen on; 0 is the usual one (51820, 8080)."
)
@click.option("--install", is_flag=True, help="Make the environment that mitmproxy runs in, then stop.")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Where that environment lies.")
def record(capture: Path, mode: str, host: str, port: int, home: Path | None, install: bool) -> None:  # noqa: FBT001  a flag
    """Record what a phone sends, with mitmproxy: by WireGuard (no root, all apps) or as its proxy.

    \b
    Example: once, then for each recording
        sayso audit record --install
        sayso audit record --out before.mitm
    """
    folder = home or recorder.home()
    if install:
        click.echo(f"Installing {recorder.REQUIREMENT} into {folder} ...", err=True)
        recorder.install(folder)
        click.echo("Installed. Next: sayso audit record --out before.mitm")
        return
    if capture.exists():
        raise click.UsageError(f"{capture} is there already; name another with --out")
    running = recorder.Recording(
        capture, mode="wireguard" if mode == "wireguard" else "regular", host=host, port=port, folder=folder
    )
    threading.Thread(target=_marks, args=(capture,), daemon=True).start()
    try:
        for event in running.events():
            match event:
                case recorder.Listening():
                    click.echo(_welcome(event, capture))
                case recorder.Refused():
                    click.echo(
                        f"An app refused to have its connection to {event.host} opened (a pinned certificate).",
                        err=True,
                    )
                    app.append_line(
                        app.beside(capture, app.REFUSED_SUFFIX), refused.line(event.time, event.host, event.port)
                    )
    except KeyboardInterrupt:
        click.echo("Stopping ...", err=True)
    finally:
        running.stop()
    if capture.exists():
        capture.chmod(0o600)
    click.echo(f"Recorded to {capture}.")


def _welcome(event: recorder.Listening, capture: Path) -> str:
    if event.wireguard:
        picture = StringIO()
        segno.make(event.wireguard, error="l", micro=False).terminal(picture, compact=True)
        join = "In the phone's WireGuard app add a tunnel from this QR code, and turn it on."
        return "\n".join((picture.getvalue(), event.wireguard, "", _STEPS.format(join=join, capture=capture)))
    where = ", ".join(f"{host}:{port}" for host, port in event.addresses)
    join = f"In the phone's Wi-Fi settings set this machine as proxy; it listens on {where}."
    return _STEPS.format(join=join, capture=capture)


def _marks(capture: Path) -> None:
    """Each line typed is the name of the step that begins now."""
    with suppress(ValueError, OSError):  # the terminal is gone: so are we
        for line in sys.stdin:
            if name := line.strip():
                _mark(capture, name)
                click.echo(f"{datetime.now(UTC):%H:%M:%S} {name}", err=True)


def _mark(capture: Path, name: str) -> None:
    bare = " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())
    app.append_line(app.beside(capture, app.PHASES_SUFFIX), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {bare}\n")


@click.command()
@click.argument("name")
@click.option(
    "--capture",
    type=_CAPTURE,
    default=Path("capture.mitm"),
    show_default=True,
    help="The recording that is being made.",
)
def mark(name: str, capture: Path) -> None:
    """Say that a step of the experiment begins now; the report then tells in which step a seed left.

    \b
    Example:
        sayso audit mark "contact added" --capture before.mitm
    """
    if not name.strip():
        raise click.UsageError('give the step a name, as in "SMS sent"')
    _mark(capture, name)
    click.echo(f"From now on: {name.strip()} (in {app.beside(capture, app.PHASES_SUFFIX)})")
