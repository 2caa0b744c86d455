"""A publisher with real keys, a mirror in memory that lies on command, and slots without Python in them."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.api.metadata import Metadata
from tuf.ngclient import FetcherInterface

from sayso.update import publisher
from sayso.update.adapters.files import remove_tree, write_durably
from sayso.update.adapters.gate_fetcher import Answer
from sayso.update.adapters.home import Home, Settings
from sayso.update.adapters.key_files import read_key_file
from sayso.update.adapters.release_archive import MANIFEST, MIGRATIONS, unpack
from sayso.update.adapters.tuf_mirror import TufMirror
from sayso.update.core.manifest import Manifest, Migration, Remedy, write_manifest
from sayso.update.core.rollout import COHORTS
from sayso.update.errors import ApplyError
from sayso.update.phone_side import PhoneSide
from sayso.update.ports import Boundary
from sayso.update.releases import Ingredients, build_release
from tests.fakes.clock import FakeClock

URL = "https://updates.example"
START = 1_800_000_000.0
DAY = 86_400.0
EVERYONE = COHORTS
_PIECE = 1000


class CountedRandom:
    """The Random port: different each time, and the same in each run."""

    def __init__(self, first: int = 1) -> None:
        self._next = itertools.count(first)

    def token_bytes(self, count: int) -> bytes:
        return bytes([next(self._next) % 256]) * count


@dataclass
class LyingMirror(FetcherInterface):
    """A mirror in memory. Honest until told otherwise; `files` is all that it has."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    endless: set[str] = field(default_factory=set)
    """Paths whose answer never ends."""
    breaks_after: dict[str, int] = field(default_factory=dict)
    """Path to the number of bytes after which the connection is gone."""
    ignores_range: bool = False
    goes_on_at: int | None = None
    """Where it says that it goes on, whatever it was asked for."""

    def load(self, public: Path) -> "LyingMirror":
        """Take over what the publisher has published."""
        self.files = {
            file.relative_to(public).as_posix(): file.read_bytes() for file in public.rglob("*") if file.is_file()
        }
        return self

    def open(self, url: str, *, offset: int = 0) -> Answer:
        path = urlsplit(url).path.lstrip("/")
        self.asked.append((path, offset))
        if path in self.endless:
            return Answer(status=200, fields={}, pieces=itertools.repeat(b"x" * _PIECE))
        if path not in self.files:
            return Answer(status=404, fields={}, pieces=iter(()))
        content = self.files[path]
        if offset and not self.ignores_range:
            if offset >= len(content):
                return Answer(status=416, fields={}, pieces=iter(()))
            start = offset if self.goes_on_at is None else self.goes_on_at
            fields = {"content-range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            return Answer(status=206, fields=fields, pieces=self._pieces(path, content[start:]))
        return Answer(status=200, fields={}, pieces=self._pieces(path, content))

    def _pieces(self, path: str, content: bytes) -> Iterator[bytes]:
        end = self.breaks_after.get(path, len(content))
        for start in range(0, min(end, len(content)), _PIECE):
            yield content[start : min(start + _PIECE, end)]
        if end < len(content):
            raise DownloadError("the connection is gone")

    def _fetch(self, url: str) -> Iterator[bytes]:
        answer = self.open(url)
        if answer.status != 200:
            raise DownloadHTTPError(f"HTTP {answer.status}", answer.status)
        return answer.pieces

    # What lies are made of.

    def newest(self, role: str) -> str:
        """Path of a role's newest metadata."""
        if role == "timestamp":
            return "metadata/timestamp.json"
        found = [path for path in self.files if path.endswith(f".{role}.json")]
        return max(found, key=lambda path: int(path.split("/")[1].split(".")[0]))

    def document(self, role: str) -> dict[str, dict[str, object]]:
        """A role's newest metadata."""
        read: dict[str, dict[str, object]] = json.loads(self.files[self.newest(role)])
        return read

    def resign(self, role: str, signers: Sequence[CryptoSigner], **changes: object) -> None:
        """Change a role's newest metadata, and sign it with whatever keys there are."""
        document = self.document(role)
        document["signed"] |= changes
        metadata = Metadata.from_dict(document)
        metadata.signatures.clear()
        for signer in signers:
            metadata.sign(signer, append=True)
        name = "timestamp.json" if role == "timestamp" else f"{metadata.signed.version}.{role}.json"
        self.files[f"metadata/{name}"] = metadata.to_bytes()


class FakeSlots:
    """The Slots port without Python: a slot is what is in the release; what fails, fails by name."""

    def __init__(self) -> None:
        self.unhealthy: set[str] = set()
        """Versions that do not pass their check."""
        self.unhealthy_once_switched: set[str] = set()
        """Versions that pass before the switch, and not after it."""
        self.unbuildable: set[str] = set()
        self.full_disk: set[str] = set()
        self.checked: list[str] = []

    def build(self, slot: Path, archive: Path, manifest: Manifest) -> None:
        if manifest.version in self.full_disk:
            raise OSError(28, "No space left on device")
        remove_tree(slot)
        slot.mkdir(parents=True)
        assert unpack(archive, slot / "release") == manifest
        (slot / "env").mkdir()
        if manifest.version in self.unbuildable:
            raise ApplyError("the release's wheels cannot be installed on this machine")
        (slot / "release" / MIGRATIONS).rename(slot / MIGRATIONS)
        write_durably(slot / MANIFEST, write_manifest(manifest))

    def migrate(self, slot: Path, data: Path, steps: Sequence[tuple[Migration, Literal["forward", "back"]]]) -> None:
        for step, direction in steps:
            if (slot / MIGRATIONS / f"{step.name}.py").read_text() == "fail":
                raise ApplyError("the data could not be taken forward")
            with (data / "trail").open("a") as trail:
                trail.write(f"{direction} {step.name}\n")

    def is_healthy(self, slot: Path, data: Path, manifest: Manifest) -> bool:
        assert data.is_dir()
        before = self.checked.count(manifest.version)
        self.checked.append(manifest.version)
        if manifest.version in self.unhealthy_once_switched and before:
            return False
        return (slot / "env").is_dir() and manifest.version not in self.unhealthy


@dataclass
class UpdateWorld:
    """A publisher, a mirror, and one phone."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    mirror: LyingMirror = field(default_factory=LyingMirror)
    slots: FakeSlots = field(default_factory=FakeSlots)

    fresh: bool = True

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.repo, self.keys = self.folder / "repo", self.folder / "keys"
        self.home = Home(self.folder / "home")
        if self.fresh:
            publisher.make_repository(self.repo, self.keys, passphrase=None, now=self.clock.wall())

    @classmethod
    def found(cls, folder: Path) -> "UpdateWorld":
        """A world that lies in a folder already."""
        return cls(folder, fresh=False)

    # The publisher.

    def release(
        self,
        version: str,
        *,
        data_version: int = 0,
        migrations: Sequence[tuple[str, str]] = (),
        remedy: Remedy | None = None,
        filler: bytes = b"wheel",
    ) -> Path:
        """Build a release."""
        inside = self.folder / "ingredients"
        inside.mkdir(exist_ok=True)
        wheel = inside / f"sayso-{version}-py3-none-any.whl"
        wheel.write_bytes(filler + version.encode())
        scripts = []
        for name, content in migrations:
            script = inside / f"{name}.py"
            script.write_text(content)
            scripts.append(script)
        return build_release(
            inside,
            Ingredients(
                version=version,
                built_at=int(min(START, self.clock.wall())),
                libraries="inside",
                wheels=(wheel,),
                migrations=tuple(scripts),
                data_version=data_version,
                remedy=remedy,
            ),
        )

    def stage(self, archive: Path, *, share: int = EVERYONE) -> None:
        """Stage a release."""
        publisher.stage_release(self.repo, archive, share=share, now=self.clock.wall())

    def sign(self, *holders: str) -> None:
        """Sign with these holders' files."""
        for holder in holders or ("targets-1", "targets-2"):
            publisher.sign(self.repo, self.keys / f"{holder}.pem", passphrase=None)

    def publish(self, *, snapshot: str = "snapshot", timestamp: str = "timestamp") -> None:
        """Publish, and let the mirror take it over."""
        publisher.publish(
            self.repo,
            snapshot_key=self.keys / f"{snapshot}.pem",
            timestamp_key=self.keys / f"{timestamp}.pem",
            passphrase=None,
            now=self.clock.wall(),
        )
        self.mirror.load(self.repo / "public")

    def put_out(self, version: str, *, share: int = EVERYONE, **release: object) -> None:
        """Build, stage, sign and publish."""
        self.stage(self.release(version, **release), share=share)  # type: ignore[arg-type]  # handed on
        self.sign()
        self.publish()

    def signers(self, *holders: str) -> list[CryptoSigner]:
        """The keys of holders: as their thief has them."""
        return [signer for holder in holders for signer in read_key_file(self.keys / f"{holder}.pem", None)]

    # The phone.

    def install(self, version: str = "1.0.0", **release: object) -> None:
        """Install the first release."""
        root = (self.repo / "public" / "metadata" / "1.root.json").read_bytes()
        self.home.make(Settings(url=URL), root, CountedRandom())
        self.side().install(self.release(version, **release))  # type: ignore[arg-type]  # handed on

    def side(self, boundary: Boundary | None = None) -> PhoneSide:
        """The phone's side, as a fresh process has it."""
        if boundary is None:
            return PhoneSide(self.home, self.slots)
        return PhoneSide(self.home, self.slots, boundary=boundary)

    def tuf(self) -> TufMirror:
        """The mirror, as a fresh process sees it."""
        return TufMirror(
            self.mirror,
            self.mirror,
            URL,
            root=self.home.root(),
            known=self.home.tuf,
            downloads=self.home.downloads,
            wall=self.clock.wall,
        )

    def version(self) -> str:
        """What is in force."""
        present = self.home.current()
        assert present is not None
        manifest = self.home.manifest(self.home.slot(present))
        assert manifest is not None, "the switch points to a slot that is not whole"
        assert manifest.version == present.version
        assert (self.home.path / "current" / "slot" / "env").is_dir()
        assert (self.home.path / "current" / "data").is_dir()
        return present.version


def later(moment: float, *, days: float) -> str:
    """TUF's way to write a moment."""
    return (datetime.fromtimestamp(moment, UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
