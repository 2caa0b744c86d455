"""The manifest of a release: what is in the archive, what it needs, and what it changes for people.

JSON, read strictly: an unknown member is refused, since an older phone would otherwise skip what a newer release needs.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from sayso.update.core.versions import PATTERN, read_version
from sayso.update.errors import ReleaseError

MAX_BYTES: Final = 256 * 1024
MAX_WHEELS: Final = 200

VersionText = Annotated[str, Meta(pattern=PATTERN, max_length=20)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Sentence = Annotated[str, Meta(min_length=1, max_length=600)]


class Wheel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One wheel of the release."""

    file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.+-]{1,150}\.whl\Z")]
    sha256: Sha256
    length: Annotated[int, Meta(ge=1, le=512 * 1024 * 1024)]


class Migration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One step of the person's data: a script in the archive that goes forward to a data version, and back from it."""

    name: Annotated[str, Meta(pattern=r"^[0-9]{4}-[a-z0-9-]{1,60}\Z")]
    to: Annotated[int, Meta(ge=1, le=100_000)]
    """Data version after going forward; `to - 1` after going back."""
    sha256: Sha256
    length: Annotated[int, Meta(ge=1, le=1024 * 1024)]


class Remedy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A change of default: from now on only a consent to this policy keeps cloud messaging on."""

    policy_sha256: Sha256
    wrong: _Sentence
    """What was wrong, in plain words for the person."""
    done: _Sentence
    """What this release does about it."""


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a release is."""

    schema_version: Literal["sayso-release-1"] = "sayso-release-1"
    version: VersionText
    built_at: Annotated[int, Meta(ge=1_400_000_000, le=9_999_999_999)]
    """Unix seconds of the source; no phone believes an earlier date once it has this release."""
    libraries: Literal["inside", "system"]
    """Whether the wheels are all that is needed, or the operating system brings the libraries."""
    wheels: Annotated[tuple[Wheel, ...], Meta(min_length=1, max_length=MAX_WHEELS)]
    data_version: Annotated[int, Meta(ge=0, le=100_000)] = 0
    migrations: Annotated[tuple[Migration, ...], Meta(max_length=1000)] = ()
    health: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(min_length=1, max_length=20)]
    """Words after `python -m sayso` that end with exit code 0 where the release can work."""
    remedy: Remedy | None = None


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        ReleaseError: it is malformed, or contradicts itself.
    """
    if len(content) > MAX_BYTES:
        raise ReleaseError("the release's manifest is too long")
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ReleaseError("the release's manifest is malformed, or was made for a newer Sayso") from error
    read_version(manifest.version)
    if len({wheel.file for wheel in manifest.wheels}) != len(manifest.wheels):
        raise ReleaseError("the release's manifest names a wheel twice")
    steps = [migration.to for migration in manifest.migrations]
    if steps and steps != list(range(steps[0], steps[0] + len(steps))):
        raise ReleaseError("the release's migrations have a gap, or are out of order")
    if steps and steps[-1] != manifest.data_version:
        raise ReleaseError("the release's last migration does not lead to its data version")
    return manifest


def write_manifest(manifest: Manifest) -> bytes:
    """Write a manifest: always the same bytes for the same content."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1) + b"\n"


def way(manifest: Manifest, *, start: int, end: int) -> list[tuple[Migration, Literal["forward", "back"]]]:
    """Return the migrations that lead from one data version to another, in order.

    Args:
        manifest: of the newer of the two releases, which knows both.
        start: the data version there is.
        end: the one wanted.

    Raises:
        ReleaseError: the release does not know the way.
    """
    low, high = sorted((start, end))
    needed = [step for step in manifest.migrations if low < step.to <= high]
    if len(needed) != high - low:
        raise ReleaseError(
            f"release {manifest.version} has no way between the data versions {start} and {end}: install one between"
        )
    if start <= end:
        return [(step, "forward") for step in needed]
    return [(step, "back") for step in reversed(needed)]
