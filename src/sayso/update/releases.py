"""Builds a release from what goes into it: always the same bytes from the same ingredients."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sayso.update.adapters.release_archive import MIGRATIONS, WHEELS, write_archive
from sayso.update.core.channel import target_name
from sayso.update.core.manifest import Manifest, Migration, Remedy, Wheel, read_manifest, write_manifest
from sayso.update.errors import PublishError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """What a release is made of."""

    version: str
    built_at: int
    """Unix seconds of the source."""
    libraries: Literal["inside", "system"]
    wheels: tuple[Path, ...]
    migrations: tuple[Path, ...] = ()
    """In order; the last leads to `data_version`."""
    data_version: int = 0
    health: tuple[str, ...] = ("doctor",)
    remedy: Remedy | None = None


def build_release(folder: Path, ingredients: Ingredients) -> Path:
    """Build a release's archive in `folder`; returns its path.

    Raises:
        ReleaseError: the ingredients do not make a release.
        PublishError: a file cannot be read.
    """
    files: dict[str, bytes] = {}
    wheels, migrations = [], []
    first = ingredients.data_version - len(ingredients.migrations) + 1
    try:
        for wheel in sorted(ingredients.wheels, key=lambda path: path.name):
            content = wheel.read_bytes()
            files[f"{WHEELS}/{wheel.name}"] = content
            wheels.append(Wheel(file=wheel.name, sha256=_sha256(content), length=len(content)))
        for to, script in enumerate(ingredients.migrations, start=first):
            content = script.read_bytes()
            files[f"{MIGRATIONS}/{script.name}"] = content
            migrations.append(Migration(name=script.stem, to=to, sha256=_sha256(content), length=len(content)))
    except OSError as error:
        raise PublishError(f"cannot read {error.filename}: {error.strerror}") from error
    manifest = Manifest(
        version=ingredients.version,
        built_at=ingredients.built_at,
        libraries=ingredients.libraries,
        wheels=tuple(wheels),
        data_version=ingredients.data_version,
        migrations=tuple(migrations),
        health=ingredients.health,
        remedy=ingredients.remedy,
    )
    path = folder / target_name(ingredients.version)
    write_archive(path, read_manifest(write_manifest(manifest)), files)
    return path


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
