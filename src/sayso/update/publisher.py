"""The publishing side: keys, stage, sign, publish, roll out, revoke, and what has to be done next.

Several people work on one directory, each with a key file of their own, at their own time: `stage` prepares, everyone
who holds a key looks at what is staged and signs, `publish` needs the online keys and lets the world see it.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import structs
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets

from sayso.update.adapters.key_files import make_key_file, read_key_file
from sayso.update.adapters.release_archive import read_archive_manifest
from sayso.update.adapters.repository import (
    HOLDER,
    Repository,
    end_of,
    fresh_snapshot,
    fresh_timestamp,
    sign_with,
)
from sayso.update.core.channel import Channel, Listed, target_name
from sayso.update.core.manifest import Manifest
from sayso.update.core.reminders import Reminder, reminders
from sayso.update.core.roles import KEYS_A_HOLDER, ROLES, holder_names
from sayso.update.core.versions import read_version
from sayso.update.errors import PublishError

_CLOCKS_S: Final = 86_400.0
"""How far two machines of the publisher may be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that waits for signatures."""

    role: str
    version: int
    signed: tuple[str, ...]
    """Holders who have signed."""
    missing: int
    """How many more must."""
    unsigned: tuple[str, ...]
    """Holders who may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Where a repository stands."""

    releases: tuple[Listed, ...]
    waiting: tuple[Waiting, ...]
    reminders: tuple[Reminder, ...]
    published: bool


def make_repository(path: Path, keys: Path, *, passphrase: str | None, now: float) -> list[Path]:
    """Make all keys and a repository without releases, signed by all and ready to be served.

    Returns:
        The key files: one for each holder.

    Raises:
        PublishError: there is a repository or a key file already.
    """
    repository = Repository(path)
    repository.make()
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = Root(version=1, expires=end_of("root", now), consistent_snapshot=True)
    files, signers = [], {}
    for role, plan in ROLES.items():
        root.roles[role].threshold = plan.threshold
        for holder in holder_names(role):
            file = keys / f"{holder}.pem"
            signers[holder] = make_key_file(file, passphrase)
            files.append(file)
            _admit(root, role, holder, signers[holder])
    metadata = Metadata(root)
    for holder in holder_names("root"):
        sign_with(metadata, signers[holder])
    repository.publish_root(metadata)
    targets = repository.stage_targets(Channel(signed_at=int(now), releases=()), {}, now=now)
    for holder in holder_names("targets"):
        sign_with(targets, signers[holder])
    repository.write_staged("targets", targets)
    _publish(repository, signers["snapshot"], signers["timestamp"], now=now)
    return files


def renew_root(path: Path, keys: Path, *, replace: Collection[str], passphrase: str | None, now: float) -> list[Path]:
    """Stage the next root: another year, and new keys for the holders named.

    Args:
        path: of the repository.
        keys: where new key files go.
        replace: holders whose keys were lost, stolen, or are old.
        passphrase: for the new key files.
        now: Unix seconds.

    Returns:
        The new key files.

    Raises:
        PublishError: no such holder, or a root waits already.
    """
    repository = Repository(path)
    if repository.staged_root() is not None:
        raise PublishError("a root waits for signatures already; sign and publish that one first")
    root = repository.root().signed
    root.version += 1
    root.expires = end_of("root", now)
    files = []
    for holder in replace:
        role = next((role for role in ROLES if holder in holder_names(role)), None)
        if role is None:
            raise PublishError(f"there is no holder {holder}; there are {', '.join(_all_holders())}")
        for keyid in [keyid for keyid in root.roles[role].keyids if _holder(root, keyid) == holder]:
            root.revoke_key(keyid, role)
        file = keys / f"{holder}.v{root.version}.pem"
        _admit(root, role, holder, make_key_file(file, passphrase))
        files.append(file)
    repository.stage_root(root)
    return files


def stage_release(path: Path, archive: Path, *, share: int, now: float) -> Manifest:
    """Stage a release: it waits for the signatures of those who sign releases.

    Args:
        path: of the repository.
        archive: of the release.
        share: of 10,000 phones, to how many it is offered at first.
        now: Unix seconds.

    Raises:
        PublishError: there is such a version already, or it is older than one that is there.
        ReleaseError: the archive is no release.
    """
    repository = Repository(path)
    repository.root()
    manifest = read_archive_manifest(archive)
    channel = repository.channel()
    version = read_version(manifest.version)
    if manifest.built_at > now + _CLOCKS_S:
        raise PublishError("this release was built in the future: phones would take every later signature for old")
    if any(read_version(listed.version) >= version for listed in channel.releases):
        raise PublishError(
            f"{manifest.version} is not newer than what is published: a version is used once, and phones never go back"
        )
    releases = (*channel.releases, Listed(version=manifest.version, share=share))
    archives = {target_name(manifest.version): archive}
    repository.stage_targets(Channel(signed_at=int(now), releases=releases), archives, now=now)
    return manifest


def renew_targets(path: Path, *, now: float) -> None:
    """Stage what is published once more, so that its signatures are good for another half year. Raises PublishError."""
    repository = Repository(path)
    repository.root()
    repository.stage_targets(structs.replace(repository.channel(), signed_at=int(now)), {}, now=now)


def set_share(path: Path, version: str | None, *, share: int, now: float) -> str:
    """Stage another share of phones for a release; the newest where none is named. Returns its version.

    Raises:
        PublishError: no such release, or it was revoked.
    """
    repository = Repository(path)
    channel = repository.channel()
    offered = [listed.version for listed in channel.releases if not listed.revoked]
    chosen = version or max(offered, key=read_version, default=None)
    if chosen is None or chosen not in offered:
        raise PublishError("there is no such release that is offered; `sayso update status --repo` lists them")
    _change(repository, channel, chosen, share=share, now=now)
    return chosen


def revoke(path: Path, version: str, *, now: float) -> None:
    """Stage the calling back of a release: nobody is offered it any more, and who has it is told.

    Raises:
        PublishError: no such release.
    """
    repository = Repository(path)
    channel = repository.channel()
    if version not in {listed.version for listed in channel.releases}:
        raise PublishError("there is no such release; `sayso update status --repo` lists them")
    _change(repository, channel, version, share=0, revoked=True, now=now)


def sign(path: Path, key: Path, *, passphrase: str | None) -> list[str]:
    """Sign what is staged and is this holder's to sign.

    Returns:
        The roles that were signed.

    Raises:
        PublishError: nothing is staged that this key may sign.
    """
    repository = Repository(path)
    signers = read_key_file(key, passphrase)
    keyids = {signer.public_key.keyid for signer in signers}
    before = repository.root().signed
    staged_root, staged_targets = repository.staged_root(), repository.staged_targets()
    done = []
    roots = [before] if staged_root is None else [before, staged_root.signed]
    if staged_root is not None and any(keyids & set(root.roles["root"].keyids) for root in roots):
        sign_with(staged_root, signers)
        repository.write_staged("root", staged_root)
        done.append("root")
    if staged_targets is not None and any(keyids & set(root.roles["targets"].keyids) for root in roots):
        sign_with(staged_targets, signers)
        repository.write_staged("targets", staged_targets)
        done.append("targets")
    if not done:
        raise PublishError(f"nothing is staged that {key} may sign; `sayso update status --repo` shows what waits")
    return done


def publish(path: Path, *, snapshot_key: Path, timestamp_key: Path, passphrase: str | None, now: float) -> list[str]:
    """Let the world see what is staged and signed; with nothing staged, renew snapshot and timestamp.

    Returns:
        The roles that changed.

    Raises:
        PublishError: signatures are missing.
    """
    repository = Repository(path)
    return _publish(
        repository, read_key_file(snapshot_key, passphrase), read_key_file(timestamp_key, passphrase), now=now
    )


def overview(path: Path, *, now: float) -> Overview:
    """Tell where a repository stands, and what has to be done. Raises PublishError."""
    repository = Repository(path)
    root, targets = repository.root(), repository.targets()
    snapshot, timestamp = repository.snapshot(), repository.timestamp()
    ends = {"root": root.signed.expires.timestamp()}
    if targets is not None and snapshot is not None and timestamp is not None:
        ends |= {
            "targets": targets.signed.expires.timestamp(),
            "snapshot": snapshot.signed.expires.timestamp(),
            "timestamp": timestamp.signed.expires.timestamp(),
        }
    waiting = []
    staged_root, staged_targets = repository.staged_root(), repository.staged_targets()
    if staged_root is not None:
        waiting.append(_waiting(root.signed, "root", staged_root))
    if staged_targets is not None:
        judge = root.signed if staged_root is None else staged_root.signed
        waiting.append(_waiting(judge, "targets", staged_targets))
    return Overview(
        releases=repository.channel().releases,
        waiting=tuple(waiting),
        reminders=tuple(reminders(ends, now=now)),
        published=targets is not None,
    )


def staged_digests(path: Path) -> Mapping[str, str]:
    """Return name and SHA-256 of every file that those who sign now vouch for. Raises PublishError."""
    repository = Repository(path)
    staged = repository.staged_targets()
    if staged is None:
        return {}
    return {
        name: hashlib.sha256(repository.file_of(entry).read_bytes()).hexdigest()
        for name, entry in staged.signed.targets.items()
    }


def _publish(
    repository: Repository, snapshot: list[CryptoSigner], timestamp: list[CryptoSigner], *, now: float
) -> list[str]:
    root, staged_root, staged = repository.root(), repository.staged_root(), repository.staged_targets()
    judge = root.signed
    if staged_root is not None:
        verified = staged_root.signed.get_root_verification_result(
            root.signed, staged_root.signed_bytes, staged_root.signatures
        )
        if not verified:
            raise PublishError("the staged root is not signed by two holders of the old root and two of the new one")
        judge = staged_root.signed
    targets = staged or repository.targets()
    if targets is None:
        raise PublishError("nothing was ever staged")
    _require(judge, "targets", targets)
    changed = []
    if staged_root is not None:
        repository.publish_root(staged_root)
        changed.append("root")
    if staged is not None:
        repository.publish_targets(staged)
        changed.append("targets")
    present, before = repository.snapshot(), repository.timestamp()
    fresh = Metadata(fresh_snapshot(None if present is None else present.signed, targets.signed, now=now))
    sign_with(fresh, snapshot)
    _require(judge, "snapshot", fresh)
    last = Metadata(fresh_timestamp(None if before is None else before.signed, fresh, now=now))
    sign_with(last, timestamp)
    _require(judge, "timestamp", last)
    repository.publish_rest(fresh, last)
    repository.clear_stage()
    return [*changed, "snapshot", "timestamp"]


def _require(root: Root, role: str, metadata: Metadata) -> None:  # type: ignore[type-arg]  # whichever role it is
    try:
        root.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except UnsignedMetadataError as error:
        raise PublishError(
            f"{role} needs the signatures of {ROLES[role].needed} of {ROLES[role].holders} holders; "
            "`sayso update status --repo` shows whose are missing"
        ) from error


def _change(
    repository: Repository, channel: Channel, version: str, *, share: int, now: float, revoked: bool = False
) -> None:
    releases = tuple(
        Listed(version=version, share=share, revoked=revoked or listed.revoked) if listed.version == version else listed
        for listed in channel.releases
    )
    repository.stage_targets(Channel(signed_at=int(now), releases=releases), {}, now=now)


def _waiting(root: Root, role: str, staged: Metadata[Root] | Metadata[Targets]) -> Waiting:
    result = root.get_verification_result(role, staged.signed_bytes, staged.signatures)
    signed = _holders(root, result.signed)
    return Waiting(
        role=role,
        version=staged.signed.version,
        signed=tuple(signed),
        missing=-(-result.missing // KEYS_A_HOLDER),
        unsigned=tuple(holder for holder in _holders(root, result.unsigned) if holder not in signed),
    )


def _holders(root: Root, keyids: Collection[str]) -> list[str]:
    return sorted({_holder(root, keyid) for keyid in keyids})


def _holder(root: Root, keyid: str) -> str:
    return str(root.keys[keyid].unrecognized_fields.get(HOLDER, "?"))


def _admit(root: Root, role: str, holder: str, signers: Sequence[CryptoSigner]) -> None:
    for signer in signers:
        signer.public_key.unrecognized_fields[HOLDER] = holder
        root.add_key(signer.public_key, role)


def _all_holders() -> list[str]:
    return [holder for role in ROLES for holder in holder_names(role)]
