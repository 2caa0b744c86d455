"""`SetCache` in files: the enrolled set is public, and can be fetched again, so it does not go into the store.

    DIR/<line id, hex>/manifest     when it was fetched (Unix seconds, 8 bytes) ‖ the signed manifest
    DIR/<line id, hex>/<sha256>     a shard

A line keeps its own: with one for all of them, what one line fetches would tell of the other.
"""

import hashlib
import os
import shutil
import struct
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from sayso.phone.errors import CacheError

_MANIFEST: Final = "manifest"
_AT: Final = struct.Struct(">d")


class SetDirectory:
    """Sets below one directory of the phone's."""

    def __init__(self, path: Path) -> None:
        """Take a directory; it is made when the first set is kept."""
        self._path = path

    def manifest(self, line: bytes) -> tuple[bytes, float] | None:
        """See `SetCache`."""
        data = _read(self._path / line.hex() / _MANIFEST)
        if data is None or len(data) < _AT.size:
            return None
        return data[_AT.size :], _AT.unpack_from(data)[0]

    def shard(self, line: bytes, sha256: bytes) -> bytes | None:
        """See `SetCache`."""
        data = _read(self._path / line.hex() / sha256.hex())
        return data if data is not None and hashlib.sha256(data).digest() == sha256 else None

    def keep(
        self, line: bytes, document: bytes, shards: Sequence[bytes], *, named: Collection[bytes], at: float
    ) -> None:
        """See `SetCache`."""
        folder = self._path / line.hex()
        kept = {_MANIFEST, *(sha256.hex() for sha256 in named)}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for shard in shards:
                _put(folder / hashlib.sha256(shard).hexdigest(), shard)
            _put(folder / _MANIFEST, _AT.pack(at) + document)
            for file in folder.iterdir():
                if file.name not in kept:
                    file.unlink()
        except OSError as error:
            raise CacheError("the enrolled set cannot be kept on this phone: is the disk full?") from error

    def forget(self, line: bytes) -> None:
        """See `SetCache`."""
        try:
            shutil.rmtree(self._path / line.hex())
        except FileNotFoundError:
            return
        except OSError as error:
            raise CacheError("the enrolled set of a line that is off cannot be deleted") from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CacheError("the enrolled set on this phone cannot be read") from error


def _put(path: Path, data: bytes) -> None:
    """Write whole or not at all; a power loss may take it back, and it is fetched again."""
    beside = path.with_name(path.name + ".part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    beside.replace(path)
