"""Builds of the enrolled set as files: `SetFiles` over one directory.

    manifest-<built>.json   the newest three; what they name is kept, anything else is deleted
    <sha256 in hex>         a shard or a change

A blob is checked against its name whenever it is read: a damaged one counts as none, and the build that names it too.
"""

import asyncio
import errno
import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sayso.protocol.set_manifest import Manifest, SignedManifest
from sayso.server.adapters.private_file import make_private_directory, read_private, write_atomically
from sayso.server.errors import ConfigError, NoSpaceError, StoreError

KEPT_BEFORE: Final = 2
"""A phone that has just read a manifest finds its blobs for so many builds more."""
_MANIFEST: Final = re.compile(r"manifest-([0-9]{1,13})\.json", re.ASCII)
_BLOB_BYTES_MAX: Final = 16 * 1024 * 1024
_DIGEST_BYTES: Final = 32

Result = TypeVar("Result")


class SetDirectory:
    """Builds below one directory, which is the server's alone."""

    def __init__(self, path: Path) -> None:
        """Take a directory; it is made if it is not there.

        Raises:
            ConfigError: it cannot be made, or others can look into it.
        """
        make_private_directory(path)
        self._path = path

    async def publish(self, built: int, document: bytes, blobs: Sequence[bytes], *, named: Collection[bytes]) -> None:
        """See `SetFiles`."""
        await _on_thread(lambda: self._publish(built, document, blobs, named))

    async def latest(self) -> bytes | None:
        """See `SetFiles`."""
        return await _on_thread(self._latest)

    async def blob(self, sha256: bytes) -> bytes | None:
        """See `SetFiles`."""
        if len(sha256) != _DIGEST_BYTES:
            return None
        return await _on_thread(lambda: self._read_blob(sha256))

    def _publish(self, built: int, document: bytes, blobs: Sequence[bytes], named: Collection[bytes]) -> None:
        for blob in blobs:
            sha256 = hashlib.sha256(blob).digest()
            if sha256 in named and self._read_blob(sha256) is None:
                write_atomically(self._path / sha256.hex(), blob)
        write_atomically(self._path / f"manifest-{built}.json", document)
        self._forget()

    def _latest(self) -> bytes | None:
        for built in self._builds():
            document = self._read_manifest(built)
            wanted = names(document or b"")
            if wanted and all(self._read_blob(sha256) is not None for sha256 in wanted):
                return document
        return None

    def _forget(self) -> None:
        builds = self._builds()
        kept: set[str] = set()
        for built in builds[: KEPT_BEFORE + 1]:
            document = self._read_manifest(built)
            kept |= {sha256.hex() for sha256 in names(document or b"")} | {f"manifest-{built}.json"}
        for file in self._path.iterdir():
            if file.name not in kept:
                file.unlink()

    def _builds(self) -> list[int]:
        """Hours of the builds, newest first."""
        found = [_MANIFEST.fullmatch(file.name) for file in self._path.iterdir()]
        return sorted((int(match[1]) for match in found if match), reverse=True)

    def _read_manifest(self, built: int) -> bytes | None:
        return self._read(f"manifest-{built}.json")

    def _read_blob(self, sha256: bytes) -> bytes | None:
        blob = self._read(sha256.hex())
        return blob if blob is not None and hashlib.sha256(blob).digest() == sha256 else None

    def _read(self, name: str) -> bytes | None:
        try:
            return read_private(self._path / name, _BLOB_BYTES_MAX)
        except FileNotFoundError:
            return None


def names(document: bytes) -> list[bytes]:
    """Return what a manifest of our own names; nothing for one that is damaged."""
    try:
        signed = msgspec.json.decode(document, type=SignedManifest)
        manifest = msgspec.convert(signed.manifest, Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    return manifest.blobs


async def _on_thread(work: Callable[[], Result]) -> Result:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        kind = NoSpaceError if full else StoreError
        raise kind("the enrolled set's files cannot be read or written") from error
    except ConfigError as error:
        raise StoreError("others can read or write the enrolled set's files") from error
