"""The directory of one installation, and its one switch.

    HOME/                       0700
      settings.json             where releases come from, where the system's libraries lie
      root.json                 the root of trust that came with the installation
      secret                    decides roll-outs on the phone; never leaves it
      tuf/  download/           what TUF knows; a release on its way
      slots/a  slots/b          two environments, each with its manifest and migrations
      data/N                    the person's data
      generations/N             an environment and its data: links `slot` and `data`, generation.json
      current -> generations/N  the switch
      step.json                 the update that is under way, if one is
      failed.json               releases that were tried here and rolled back
      seen.json                 releases whose notice the person has seen
      floor                     the latest moment that is known, from signed dates, to have passed

Everything that runs is started by way of `current`. Changing that one link is the update.
"""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from sayso.update.adapters.files import (
    link_durably,
    remove_durably,
    remove_tree,
    sync_directory,
    write_durably,
)
from sayso.update.core.manifest import Manifest, read_manifest
from sayso.update.core.rollout import SECRET_BYTES
from sayso.update.core.steps import Generation, Step
from sayso.update.errors import HomeError
from sayso.update.ports import Random

CURRENT: Final = "current"
MANIFEST: Final = "manifest.json"
_PHONE_LOCK: Final = "phone.lock"
StructT = TypeVar("StructT", bound=Struct)


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the installation was told."""

    url: Annotated[str, Meta(max_length=255, pattern=r"^https?://[\x21-\x7e]+\Z")]
    """Where `metadata/` and `targets/` are."""
    libraries: str | None = None
    """For releases without libraries inside: the directory in which the operating system has them."""


class Home:
    """One installation."""

    def __init__(self, path: Path) -> None:
        """Take a directory; nothing is read yet."""
        # Not resolved: `current` is a link on purpose, but HOME itself may be one too.
        self.path: Final = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow links
        self.tuf: Final = self.path / "tuf"
        self.downloads: Final = self.path / "download"
        self._step: Final = self.path / "step.json"
        self._failed: Final = self.path / "failed.json"
        self._seen: Final = self.path / "seen.json"
        self._floor: Final = self.path / "floor"

    def make(self, settings: Settings, root: bytes, random: Random) -> None:
        """Make the directory.

        Raises:
            HomeError: there is an installation already.
        """
        if (self.path / "settings.json").exists():
            raise HomeError(f"there is an installation in {self.path} already")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        for name in ("tuf", "download", "slots", "data", "generations"):
            (self.path / name).mkdir(exist_ok=True)
        write_durably(self.path / "secret", random.token_bytes(SECRET_BYTES))
        write_durably(self.path / "root.json", root)
        write_durably(self.path / "settings.json", msgspec.json.encode(settings))

    # What is there.

    def settings(self) -> Settings:
        """Return the settings.

        Raises:
            HomeError: there is no installation, others can read it, or it is damaged.
        """
        settings = _decode(self.path / "settings.json", Settings)
        if settings is None:
            raise HomeError(f"there is no installation in {self.path}; make one: sayso update init")
        if stat.S_IMODE(self.path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            raise HomeError(f"others can look into {self.path}: run `chmod 700 {self.path}`")
        return settings

    def root(self) -> bytes:
        """Return the root of trust that came with the installation. Raises HomeError."""
        return self._read("root.json")

    def secret(self) -> bytes:
        """Return the roll-out secret. Raises HomeError."""
        secret = self._read("secret")
        if len(secret) != SECRET_BYTES:
            raise HomeError(f"{self.path / 'secret'} is damaged; delete it, and run `sayso update init` anew")
        return secret

    def current(self) -> Generation | None:
        """Return the generation in force; None before the first one.

        Raises:
            HomeError: the switch points nowhere.
        """
        link = self.path / CURRENT
        if not link.is_symlink():
            return None
        found = _decode(link / "generation.json", Generation)
        if found is None:
            raise HomeError(f"{link} points to nothing that works; install the release anew")
        return found

    def slot(self, generation: Generation) -> Path:
        """Return a generation's environment."""
        return self.slot_named(generation.slot)

    def slot_named(self, name: str) -> Path:
        """Return the directory of slot `a` or `b`."""
        return self.path / "slots" / name

    def data(self, generation: Generation) -> Path:
        """Return a generation's data directory."""
        return self.path / "data" / str(generation.data)

    def manifest(self, slot: Path) -> Manifest | None:
        """Return the manifest of what a slot holds, or None where it holds nothing whole."""
        with suppress(OSError):
            return read_manifest((slot / MANIFEST).read_bytes())
        return None

    def step(self) -> Step | None:
        """Return the update that is under way. Raises HomeError if its record is damaged."""
        return _decode(self._step, Step)

    def failed(self) -> dict[str, str]:
        """Return releases that were tried here and rolled back, with why. Raises HomeError."""
        try:
            return msgspec.json.decode(self._failed.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            raise HomeError(f"{self._failed} is damaged; delete it") from error

    def floor(self) -> float:
        """Return the latest moment that is known to have passed, Unix seconds; 0 where none is."""
        try:
            return float(self._floor.read_bytes())
        except (FileNotFoundError, ValueError):
            return 0.0

    # What changes.

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other update out.

        Raises:
            HomeError: another one is under way.
        """
        descriptor = os.open(self.path / "update.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise HomeError("another update is under way here; wait until it is over") from error
            yield
        finally:
            os.close(descriptor)

    def phone_runs(self, generation: Generation) -> bool:
        """Whether a phone has this generation's data open."""
        try:
            descriptor = os.open(self.data(generation) / _PHONE_LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def note(self, step: Step) -> None:
        """Make a step durable."""
        write_durably(self._step, msgspec.json.encode(step))

    def forget_step(self) -> None:
        """Forget the step: it is over."""
        remove_durably(self._step)

    def note_failed(self, version: str, why: str) -> None:
        """Remember that a release failed here."""
        write_durably(self._failed, msgspec.json.encode(self.failed() | {version: why}))

    def forget_failed(self) -> None:
        """Let releases that failed here be tried again."""
        remove_durably(self._failed)

    def seen(self) -> frozenset[str]:
        """Return the releases whose notices the person has seen. Raises HomeError."""
        try:
            return msgspec.json.decode(self._seen.read_bytes(), type=frozenset[str])
        except FileNotFoundError:
            return frozenset()
        except msgspec.MsgspecError as error:
            raise HomeError(f"{self._seen} is damaged; delete it") from error

    def note_seen(self, versions: Iterable[str]) -> None:
        """Remember that the person has seen the notices of these releases."""
        write_durably(self._seen, msgspec.json.encode(sorted(self.seen().union(versions))))

    def raise_floor(self, moment: float) -> None:
        """Remember that a moment has passed; an earlier one changes nothing."""
        if moment > self.floor():
            write_durably(self._floor, b"%d" % int(moment))

    def prepare(self, generation: Generation) -> None:
        """Make a generation's directory, durable; the switch does not point to it yet."""
        place = self.path / "generations" / str(generation.number)
        remove_tree(place)
        place.mkdir()
        (place / "slot").symlink_to(Path("../../slots") / generation.slot)
        (place / "data").symlink_to(Path("../../data") / str(generation.data))
        write_durably(place / "generation.json", msgspec.json.encode(generation))
        sync_directory(place.parent)

    def switch(self, generation: Generation) -> None:
        """Put a generation in force: one rename."""
        link_durably(self.path / CURRENT, f"generations/{generation.number}")

    def copy_data(self, before: Generation, after: Generation) -> None:
        """Copy the data of one generation for another. Raises OSError."""
        remove_tree(self.data(after))
        if self.data(before).exists():
            shutil.copytree(self.data(before), self.data(after), symlinks=True, ignore=_no_sockets)
        else:
            self.data(after).mkdir(mode=0o700)

    def remove_generation(self, generation: Generation, *, data_of: Generation) -> None:
        """Remove a generation that is not in force, and its data unless another one works on them."""
        remove_tree(self.path / "generations" / str(generation.number))
        if generation.data != data_of.data:
            # An old copy of a ratchet must not come to life again.
            remove_tree(self.data(generation))

    def _read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError as error:
            raise HomeError(f"{self.path / name} is missing; make the installation anew: sayso update init") from error


def _no_sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if stat.S_ISSOCK(os.lstat(Path(folder, name)).st_mode)]


def _decode(path: Path, kind: type[StructT]) -> StructT | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise HomeError(f"{path} is damaged") from error
