"""`sayso update tuf`: the TUF client alone, for conformance tests and for looking at a repository."""

import shutil
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater

from sayso.cli.output import FAILED
from sayso.protocol.errors import SaysoError
from sayso.update.app import typed_fetcher
from sayso.update.errors import UpdateError

_folder: Final = click.Path(path_type=Path, file_okay=False)
_file: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
@click.option("--metadata-dir", type=_folder, help="Where trusted metadata lie. Required, but for --help.")
@click.option("--metadata-url", help="Where the repository's metadata are.")
@click.option("--target-name", help="The target to download.")
@click.option("--target-base-url", help="Where the repository's targets are.")
@click.option("--target-dir", type=_folder, help="Where downloaded targets go.")
@click.pass_context
def tuf(
    ctx: click.Context,
    metadata_dir: Path | None,
    metadata_url: str | None,
    target_name: str | None,
    target_base_url: str | None,
    target_dir: Path | None,
) -> None:
    """Run Sayso's TUF client alone, against any repository. The exit code tells success, and nothing else does.

    These are the options and commands that the suite tuf-conformance gives to a client under test. An address that is
    typed here is asked this once; that is no consent to anything later.

    \b
    Example:
        sayso update tuf --metadata-dir ./known init ./root.json
        sayso update tuf --metadata-dir ./known --metadata-url https://updates.example/metadata refresh
    """
    ctx.obj = (metadata_dir, metadata_url, target_name, target_base_url, target_dir)


def _required(metadata_dir: Path | None) -> Path:
    """Ask for the group's option in its commands: the group itself would ask for it before it shows their help."""
    if metadata_dir is None:
        raise click.MissingParameter(param_hint="'--metadata-dir'", param_type="option")
    return metadata_dir


@tuf.command("init")
@click.argument("trusted_root", type=_file)
@click.pass_obj
def init_tuf(options: tuple[Path | None, ...], trusted_root: Path) -> None:
    """Trust a root. Sends nothing.

    \b
    Example:
        sayso update tuf --metadata-dir ./known init ./root.json
    """
    metadata_dir = _required(options[0])
    metadata_dir.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(trusted_root, metadata_dir / "root.json")


@tuf.command("refresh")
@click.pass_obj
def refresh_tuf(options: tuple[Path | None, str | None, str | None, str | None, Path | None]) -> None:
    """Bring the metadata up to date.

    \b
    Example:
        sayso update tuf --metadata-dir ./known --metadata-url https://updates.example/metadata refresh
    """
    metadata_dir, metadata_url, *_ = options
    _run(_required(metadata_dir), metadata_url, None)


@tuf.command("download")
@click.pass_obj
def download_tuf(options: tuple[Path | None, str | None, str | None, str | None, Path | None]) -> None:
    """Bring the metadata up to date, and download one target unless it is there.

    \b
    Example:
        sayso update tuf --metadata-dir ./known --metadata-url https://updates.example/metadata \\
            --target-base-url https://updates.example/targets --target-name channel.json --target-dir . download
    """
    metadata_dir, metadata_url, target_name, target_base_url, target_dir = options
    if target_name is None or target_base_url is None or target_dir is None:
        raise click.UsageError("download needs --target-name, --target-base-url and --target-dir")
    _run(_required(metadata_dir), metadata_url, (target_name, target_base_url, target_dir))


def _run(metadata_dir: Path, metadata_url: str | None, target: tuple[str, str, Path] | None) -> None:
    if metadata_url is None:
        raise click.UsageError("this needs --metadata-url")
    try:
        root = (metadata_dir / "root.json").read_bytes()
        with typed_fetcher(metadata_url, root=root) as fetcher:
            updater = Updater(str(metadata_dir), metadata_url, fetcher=fetcher, bootstrap=None)
            updater.refresh()
            if target is not None:
                _download(updater, metadata_url, *target)
    except (RepositoryError, DownloadError, SaysoError, OSError, ValueError) as error:
        click.echo(f"sayso: {type(error).__name__}: {error}", err=True)
        sys.exit(FAILED)


def _download(updater: Updater, metadata_url: str, name: str, base_url: str, folder: Path) -> None:
    if urlsplit(base_url).hostname != urlsplit(metadata_url).hostname:
        raise UpdateError("metadata and targets have to be on one host")
    info = updater.get_targetinfo(name)
    if info is None:
        raise UpdateError("there is no such target")
    folder.mkdir(parents=True, exist_ok=True)
    updater.target_dir = str(folder)
    if updater.find_cached_target(info) is None:
        updater.download_target(info, target_base_url=base_url)
