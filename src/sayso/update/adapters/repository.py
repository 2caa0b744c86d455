"""The publisher's directory: what the world sees, and what waits for signatures.

    REPO/public/metadata/N.root.json  N.targets.json  N.snapshot.json  timestamp.json
    REPO/public/targets/SHA256.channel.json  SHA256.sayso-1.4.0.tar
    REPO/staged/root.json  targets.json  targets/...

`public/` is what any web server hands out, as it is. Every file there but `timestamp.json` keeps its content for ever
under its name (consistent snapshots), so a cache or mirror cannot mix two states by being slow. `timestamp.json` is put
in place last: up to that moment the world sees the state before.
"""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from securesystemslib.exceptions import StorageError
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from sayso.update.adapters.files import sync_directory, write_durably
from sayso.update.core.channel import TARGET, Channel, read_channel, write_channel
from sayso.update.core.roles import ROLES
from sayso.update.errors import PublishError

HOLDER: Final = "x-sayso-holder"
"""Member of a key in root.json: whose it is."""
SignedT = TypeVar("SignedT", Root, Targets, Snapshot, Timestamp)


class Repository:
    """Reads and writes one publisher's directory."""

    def __init__(self, path: Path) -> None:
        self.public: Final = path / "public"
        self.staged: Final = path / "staged"
        self._metadata: Final = self.public / "metadata"
        self._targets: Final = self.public / "targets"
        self._staged_targets: Final = self.staged / "targets"

    def make(self) -> None:
        """Make the directories.

        Raises:
            PublishError: there is a repository already.
        """
        if self.public.exists():
            raise PublishError(f"there is a repository in {self.public.parent} already; keys are made once")
        for folder in (self._metadata, self._targets, self._staged_targets):
            folder.mkdir(parents=True)

    # What the world sees.

    def root(self) -> Metadata[Root]:
        """Return the root in force.

        Raises:
            PublishError: there is none: this is no repository, or it is damaged.
        """
        versions = sorted(
            int(file.name.split(".")[0]) for file in self._metadata.glob("*.root.json") if file.name[0].isdigit()
        )
        if not versions:
            raise PublishError(f"there is no repository in {self.public.parent}; make one: sayso update keys")
        return _read(self._metadata / f"{versions[-1]}.root.json", Root)

    def timestamp(self) -> Metadata[Timestamp] | None:
        """Return the timestamp in force, or None before the first publication."""
        path = self._metadata / "timestamp.json"
        return _read(path, Timestamp) if path.exists() else None

    def snapshot(self) -> Metadata[Snapshot] | None:
        """Return the snapshot in force."""
        timestamp = self.timestamp()
        if timestamp is None:
            return None
        return _read(self._metadata / f"{timestamp.signed.snapshot_meta.version}.snapshot.json", Snapshot)

    def targets(self) -> Metadata[Targets] | None:
        """Return the targets in force."""
        snapshot = self.snapshot()
        if snapshot is None:
            return None
        return _read(self._metadata / f"{snapshot.signed.meta['targets.json'].version}.targets.json", Targets)

    # What waits.

    def staged_root(self) -> Metadata[Root] | None:
        """Return the root that waits for signatures, if one does."""
        path = self.staged / "root.json"
        return _read(path, Root) if path.exists() else None

    def staged_targets(self) -> Metadata[Targets] | None:
        """Return the targets that wait for signatures, if some do."""
        path = self.staged / "targets.json"
        return _read(path, Targets) if path.exists() else None

    def channel(self) -> Channel:
        """Return the newest channel: the staged one, else the one in force, else an empty one."""
        metadata = self.staged_targets() or self.targets()
        if metadata is None or TARGET not in metadata.signed.targets:
            return Channel(signed_at=1_400_000_000, releases=())
        return read_channel(self.file_of(metadata.signed.targets[TARGET]).read_bytes())

    def file_of(self, target: TargetFile) -> Path:
        """Return where a target's bytes lie: staged or public.

        Raises:
            PublishError: nowhere.
        """
        name = target.get_prefixed_paths()[0]
        for folder in (self._staged_targets, self._targets):
            if (folder / name).exists():
                return folder / name
        raise PublishError(f"{name} is missing in the repository")

    def stage_root(self, root: Root) -> None:
        """Put a root where it waits for signatures."""
        self.write_staged("root", Metadata(root))

    def stage_targets(self, channel: Channel, archives: Mapping[str, Path], *, now: float) -> Metadata[Targets]:
        """Put a channel, and the archives of its releases, where they wait for signatures.

        Args:
            channel: what phones are to be offered.
            archives: name of a target that is new to its file.
            now: Unix seconds.

        Returns:
            What has to be signed now.
        """
        present = self.targets()
        version = 1 if present is None else present.signed.version + 1
        kept = {} if present is None else dict(present.signed.targets)
        waiting = self.staged_targets()
        if waiting is not None:
            kept |= waiting.signed.targets
        wanted = {listed.target for listed in channel.releases if not listed.revoked}
        entries = {name: entry for name, entry in kept.items() if name in wanted}
        for name, file in archives.items():
            entries[name] = self._stage_file(TargetFile.from_file(name, str(file)), file.read_bytes())
        content = write_channel(channel)
        entries[TARGET] = self._stage_file(TargetFile.from_data(TARGET, content), content)
        targets = Targets(version=version, expires=end_of("targets", now), targets=entries)
        metadata = Metadata(targets)
        self.write_staged("targets", metadata)
        return metadata

    def write_staged(self, role: str, metadata: Metadata[SignedT]) -> None:
        """Write what waits for signatures, with those that it has."""
        write_durably(self.staged / f"{role}.json", _bytes(metadata), mode=0o644)

    # Publication.

    def publish_root(self, root: Metadata[Root]) -> None:
        """Let the world see a root, and take it off the stage."""
        write_durably(self._metadata / f"{root.signed.version}.root.json", _bytes(root), mode=0o644)
        (self.staged / "root.json").unlink(missing_ok=True)

    def publish_targets(self, targets: Metadata[Targets]) -> None:
        """Let the world see targets, and their files before them. The stage is cleared by `clear_stage`."""
        for entry in targets.signed.targets.values():
            for name in entry.get_prefixed_paths():
                if not (self._targets / name).exists():
                    write_durably(self._targets / name, self.file_of(entry).read_bytes(), mode=0o644)
        write_durably(self._metadata / f"{targets.signed.version}.targets.json", _bytes(targets), mode=0o644)

    def publish_rest(self, snapshot: Metadata[Snapshot], timestamp: Metadata[Timestamp]) -> None:
        """Let the world see a snapshot, then the timestamp that makes it the present one."""
        write_durably(self._metadata / f"{snapshot.signed.version}.snapshot.json", _bytes(snapshot), mode=0o644)
        write_durably(self._metadata / "timestamp.json", _bytes(timestamp), mode=0o644)

    def clear_stage(self) -> None:
        """Forget what waited: it is public now."""
        (self.staged / "targets.json").unlink(missing_ok=True)
        shutil.rmtree(self._staged_targets, ignore_errors=True)
        self._staged_targets.mkdir(exist_ok=True)
        sync_directory(self.staged)

    def _stage_file(self, target: TargetFile, content: bytes) -> TargetFile:
        for name in target.get_prefixed_paths():
            write_durably(self._staged_targets / name, content, mode=0o644)
        return target


def end_of(role: str, now: float) -> datetime:
    """Return when a signature made now runs out."""
    return datetime.fromtimestamp(int(now), UTC) + timedelta(days=ROLES[role].days)


def fresh_snapshot(previous: Snapshot | None, targets: Targets, *, now: float) -> Snapshot:
    """Return the next snapshot."""
    version = 1 if previous is None else previous.version + 1
    return Snapshot(
        version=version, expires=end_of("snapshot", now), meta={"targets.json": MetaFile(version=targets.version)}
    )


def fresh_timestamp(previous: Timestamp | None, snapshot: Metadata[Snapshot], *, now: float) -> Timestamp:
    """Return the next timestamp: it names length and hash of the snapshot."""
    version = 1 if previous is None else previous.version + 1
    content = _bytes(snapshot)
    named = MetaFile.from_data(snapshot.signed.version, content, ["sha256"])
    return Timestamp(version=version, expires=end_of("timestamp", now), snapshot_meta=named)


def sign_with(metadata: Metadata[SignedT], signers: list[CryptoSigner]) -> None:
    """Add a holder's signatures."""
    for signer in signers:
        metadata.sign(signer, append=True)


def _read(path: Path, kind: type[SignedT]) -> Metadata[SignedT]:
    try:
        metadata = Metadata[SignedT].from_file(str(path))
    except (DeserializationError, StorageError, RepositoryError) as error:
        raise PublishError(f"{path} is damaged, or missing") from error
    if not isinstance(metadata.signed, kind):
        raise PublishError(f"{path} holds another role's metadata")
    return metadata


def _bytes(metadata: Metadata[SignedT]) -> bytes:
    return metadata.to_bytes(JSONSerializer(compact=False))
