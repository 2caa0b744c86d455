"""One release as one file: a tar archive that comes out the same, byte for byte, from the same content.

    manifest.json
    migrations/NNNN-name.py
    wheels/NAME.whl

Nothing is unpacked by the archive's own paths: each member has to be one that the manifest names, a plain file of the
length and the SHA-256 that stand there.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sayso.update.core.manifest import MAX_BYTES, Manifest, read_manifest, write_manifest
from sayso.update.errors import ReleaseError

MANIFEST: Final = "manifest.json"
WHEELS: Final = "wheels"
MIGRATIONS: Final = "migrations"
_CHUNK: Final = 1 << 20


def write_archive(path: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Write an archive.

    Args:
        path: of the new file.
        manifest: names and digests of everything in `files`.
        files: name in the archive to content.

    Raises:
        OSError: it cannot be written.
    """
    members = {MANIFEST: write_manifest(manifest)} | {name: files[name] for name in sorted(files)}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, manifest.built_at
            archive.addfile(entry, io.BytesIO(content))


def read_archive_manifest(path: Path) -> Manifest:
    """Read the manifest, which is the first member.

    Raises:
        ReleaseError: it is no release.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            return read_manifest(_first(archive))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ReleaseError("this is no release: the archive cannot be read") from error


def unpack(path: Path, to: Path) -> Manifest:
    """Unpack a release whose hash has been checked into an empty directory; returns its manifest.

    Raises:
        ReleaseError: it holds something else than its manifest says.
        OSError: no room.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            manifest = read_manifest(_first(archive))
            wanted = _members(manifest)
            (to / WHEELS).mkdir(parents=True)
            (to / MIGRATIONS).mkdir()
            (to / MANIFEST).write_bytes(write_manifest(manifest))
            for entry in archive:
                if entry.name == MANIFEST:
                    continue
                length, sha256 = wanted.pop(entry.name, (-1, ""))
                if not entry.isreg() or entry.size != length:
                    raise ReleaseError("the release holds something that its manifest does not name")
                _copy(archive, entry, to / entry.name, sha256)
    except (tarfile.TarError, EOFError) as error:
        raise ReleaseError("this is no release: the archive cannot be read") from error
    if wanted:
        raise ReleaseError("the release lacks something that its manifest names")
    return manifest


def _members(manifest: Manifest) -> dict[str, tuple[int, str]]:
    """Name to length and SHA-256."""
    wheels = {f"{WHEELS}/{wheel.file}": (wheel.length, wheel.sha256) for wheel in manifest.wheels}
    steps = {f"{MIGRATIONS}/{step.name}.py": (step.length, step.sha256) for step in manifest.migrations}
    return wheels | steps


def _first(archive: tarfile.TarFile) -> bytes:
    entry = archive.next()
    if entry is None or entry.name != MANIFEST or not entry.isreg() or entry.size > MAX_BYTES:
        raise ReleaseError("this is no release: it does not begin with a manifest")
    return b"".join(_pieces(archive, entry))


def _copy(archive: tarfile.TarFile, entry: tarfile.TarInfo, to: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    with to.open("xb") as stream:
        for piece in _pieces(archive, entry):
            digest.update(piece)
            stream.write(piece)
    if digest.hexdigest() != sha256:
        raise ReleaseError("a file of the release is not the one that its manifest names")


def _pieces(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Iterator[bytes]:
    stream = archive.extractfile(entry)
    if stream is None:
        raise ReleaseError("the release holds something that is not a file")
    while piece := stream.read(_CHUNK):
        yield piece
