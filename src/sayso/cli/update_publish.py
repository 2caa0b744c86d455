"""`sayso update keys`, `stage`, `sign`, `publish`, `rollout`, `revoke`: releases, on the side that publishes them."""

import time
from pathlib import Path
from typing import Final

import click
import msgspec

from sayso.cli.output import json_option, read_secret, tell_json
from sayso.update.core.manifest import Remedy
from sayso.update.core.reminders import sentence
from sayso.update.errors import PublishError
from sayso.update.publisher import (
    make_repository,
    overview,
    publish,
    renew_root,
    renew_targets,
    revoke,
    set_share,
    sign,
    stage_release,
    staged_digests,
)
from sayso.update.releases import Ingredients, build_release

_COHORTS_A_PERCENT: Final = 100
_file = click.Path(path_type=Path, exists=True, dir_okay=False)
_folder = click.Path(path_type=Path, file_okay=False)
repo_option = click.option("--repo", type=_folder, required=True, help="The publisher's directory.")
passphrase_option = click.option("--passphrase-file", type=_file, help="First line: the passphrase of the key file.")


@click.command("keys")
@repo_option
@click.option("--keys", "folder", type=_folder, required=True, help="Where new key files are written.")
@click.option("--renew-root", "renew_root_", is_flag=True, help="Stage the next root, good for another year.")
@click.option("--replace", multiple=True, metavar="HOLDER", help="With --renew-root: new keys for this holder.")
@passphrase_option
@json_option
def keys(
    repo: Path,
    folder: Path,
    renew_root_: bool,  # noqa: FBT001  a flag
    replace: tuple[str, ...],
    passphrase_file: Path | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Make all keys and an empty repository; or, with --renew-root, the next root and new keys for some holders.

    Each file is one holder's. Give root-1, root-2, root-3, targets-1 and targets-2 to five people at once, offline;
    snapshot and timestamp stay on the machine that publishes.

    \b
    Examples:
        sayso update keys --repo ./releases --keys ./keys --passphrase-file ./passphrase
        sayso update keys --repo ./releases --keys ./keys --renew-root --replace targets-1
    """
    passphrase = read_secret(passphrase_file, "passphrase")
    if replace and not renew_root_:
        raise PublishError("--replace goes with --renew-root")
    if renew_root_:
        files = renew_root(repo, folder, replace=replace, passphrase=passphrase, now=time.time())
        words = "The next root is staged. Two root holders sign it; those whose keys are new sign it, too."
    else:
        files = make_repository(repo, folder, passphrase=passphrase, now=time.time())
        words = f"Ready. Serve {repo / 'public'} as it is. Take the offline keys off this machine now."
    if as_json:
        tell_json({"event": "keys", "files": [str(file) for file in files]})
        return
    for file in files:
        click.echo(f"  {file}")
    click.echo(words)


@click.command("stage")
@repo_option
@click.option("--wheel", "wheels", multiple=True, type=_file, help="A wheel of the release; repeat for each.")
@click.option("--version", help="MAJOR.MINOR.PATCH, newer than all before.")
@click.option("--built-at", type=int, help="Unix seconds of the source: SOURCE_DATE_EPOCH of the wheel.")
@click.option(
    "--libraries",
    type=click.Choice(["inside", "system"]),
    default="inside",
    show_default=True,
    help="Whether the wheels are all that is needed, or the system brings the libraries.",
)
@click.option("--migration", "migrations", multiple=True, type=_file, help="A migration NNNN-name.py; in order.")
@click.option("--data-version", type=int, default=0, show_default=True, help="Of the data that the release works on.")
@click.option("--health", default="doctor", show_default=True, help="Words after `sayso` that must succeed.")
@click.option("--remedy", type=_file, help="JSON: policy_sha256, wrong, done. A change of default.")
@click.option("--archive", type=_file, help="In place of all these: a release that was built before.")
@click.option("--renew", is_flag=True, help="Stage no release; let what is published be signed once more.")
@json_option
def stage(
    repo: Path,
    wheels: tuple[Path, ...],
    version: str | None,
    built_at: int | None,
    libraries: str,
    migrations: tuple[Path, ...],
    data_version: int,
    health: str,
    remedy: Path | None,
    archive: Path | None,
    renew: bool,  # noqa: FBT001  a flag
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Build a release and stage it: it waits for both release signers, and is offered to nobody at first.

    The archive comes out the same, byte for byte, from the same wheels: a second person builds it and compares.

    \b
    Example:
        sayso update stage --repo ./releases --version 1.1.0 --built-at 1790000000 --wheel sayso-1.1.0-py3-none-any.whl
    """
    now = time.time()
    if renew:
        renew_targets(repo, now=now)
        _tell(as_json, {"event": "staged"}, "Staged anew. Both release signers sign, then publish.")
        return
    if archive is None:
        if not wheels or version is None or built_at is None:
            raise PublishError("a release needs --wheel, --version and --built-at; or --archive")
        archive = build_release(
            repo,
            Ingredients(
                version=version,
                built_at=built_at,
                libraries="inside" if libraries == "inside" else "system",
                wheels=wheels,
                migrations=migrations,
                data_version=data_version,
                health=tuple(health.split()),
                remedy=None if remedy is None else _remedy(remedy),
            ),
        )
    manifest = stage_release(repo, archive, share=0, now=now)
    digests = staged_digests(repo)
    if as_json:
        tell_json({"event": "staged", "version": manifest.version, "sha256": digests})
        return
    click.echo(f"{manifest.version} is staged; it waits for both release signers. What they sign:")
    for name, digest in digests.items():
        click.echo(f"  {digest}  {name}")


@click.command("sign")
@repo_option
@click.option("--key", type=_file, required=True, help="Your key file.")
@passphrase_option
@json_option
def sign_staged(repo: Path, key: Path, passphrase_file: Path | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Sign what is staged, as one holder. Look at it first: sayso update status --repo; rebuild it if you can.

    \b
    Example:
        sayso update sign --repo ./releases --key /media/stick/targets-1.pem
    """
    done = sign(repo, key, passphrase=read_secret(passphrase_file, "passphrase"))
    _tell(as_json, {"event": "signed", "roles": done}, f"Signed: {', '.join(done)}.")


@click.command("publish")
@repo_option
@click.option("--snapshot-key", type=_file, required=True, help="The snapshot key file.")
@click.option("--timestamp-key", type=_file, required=True, help="The timestamp key file.")
@passphrase_option
@json_option
def publish_staged(
    repo: Path,
    snapshot_key: Path,
    timestamp_key: Path,
    passphrase_file: Path | None,
    as_json: bool,  # noqa: FBT001  a flag
) -> None:
    """Let the world see what is staged and signed. With nothing staged: renew snapshot and timestamp; once a day.

    \b
    Example: for a timer
        sayso update publish --repo ./releases --snapshot-key ./snapshot.pem --timestamp-key ./timestamp.pem
    """
    changed = publish(
        repo,
        snapshot_key=snapshot_key,
        timestamp_key=timestamp_key,
        passphrase=read_secret(passphrase_file, "passphrase"),
        now=time.time(),
    )
    _tell(as_json, {"event": "published", "roles": changed}, f"Published: {', '.join(changed)}.")
    if not as_json:
        for reminder in overview(repo, now=time.time()).reminders:
            if reminder.urgency != "fine":
                click.echo(f"REMINDER  {sentence(reminder)}")


@click.command("rollout")
@repo_option
@click.argument("percent", type=click.FloatRange(0, 100))
@click.option("--version", help="Which release; the newest without it.")
@json_option
def rollout(repo: Path, percent: float, version: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Stage that a release is offered to PERCENT of the phones. Sign and publish afterwards.

    Each phone finds out by itself whether it is among them; raising the number only ever adds phones.

    \b
    Example:
        sayso update rollout 5 --repo ./releases
    """
    chosen = set_share(repo, version, share=round(percent * _COHORTS_A_PERCENT), now=time.time())
    _tell(
        as_json,
        {"event": "staged", "version": chosen, "percent": percent},
        f"Staged: {chosen} for {percent:g} % of the phones. Both release signers sign, then publish.",
    )


@click.command("revoke")
@repo_option
@click.argument("version")
@json_option
def revoke_release(repo: Path, version: str, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Stage that a release is called back: nobody gets it any more, who has it is told. Sign and publish afterwards.

    \b
    Example:
        sayso update revoke 1.1.0 --repo ./releases
    """
    revoke(repo, version, now=time.time())
    _tell(as_json, {"event": "staged", "revoked": version}, f"Staged: {version} is called back. Sign, then publish.")


PUBLISHING: Final = (keys, stage, sign_staged, publish_staged, rollout, revoke_release)


def describe_repository(repo: Path, *, as_json: bool) -> None:
    """Show where a publisher's directory stands."""
    seen = overview(repo, now=time.time())
    if as_json:
        tell_json(seen)
        return
    for listed in seen.releases:
        share = "called back" if listed.revoked else f"offered to {listed.share / _COHORTS_A_PERCENT:g} % of the phones"
        click.echo(f"{listed.version}  {share}")
    if not seen.releases:
        click.echo("No release yet.")
    for waiting in seen.waiting:
        click.echo(
            f"WAITS  {waiting.role} {waiting.version}: signed by {', '.join(waiting.signed) or 'nobody'}; "
            f"{waiting.missing} more of {', '.join(waiting.unsigned) or 'nobody'}"
        )
    for name, digest in staged_digests(repo).items():
        click.echo(f"  {digest}  {name}")
    for reminder in seen.reminders:
        mark = "" if reminder.urgency == "fine" else "REMINDER  "
        click.echo(f"{mark}{sentence(reminder)}")


def _remedy(file: Path) -> Remedy:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Remedy)
    except msgspec.MsgspecError as error:
        raise PublishError(f"{file} is no remedy: it has policy_sha256, wrong and done") from error


def _tell(as_json: bool, event: dict[str, object], words: str) -> None:  # noqa: FBT001  the flag of the command
    if as_json:
        tell_json(event)
    else:
        click.echo(words)
