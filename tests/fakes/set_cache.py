"""A `SetCache` in memory; it passes the suite that the one in files passes (tests/contract/set_cache.py)."""

import hashlib
from collections.abc import Collection, Sequence

from sayso.phone.errors import CacheError


class MemorySetCache:
    """Sets, gone when the process ends."""

    def __init__(self) -> None:
        self.manifests: dict[bytes, tuple[bytes, float]] = {}
        self.shards: dict[bytes, dict[bytes, bytes]] = {}
        self.full = False
        """Whether nothing more can be kept."""

    def manifest(self, line: bytes) -> tuple[bytes, float] | None:
        return self.manifests.get(line)

    def shard(self, line: bytes, sha256: bytes) -> bytes | None:
        data = self.shards.get(line, {}).get(sha256)
        return data if data is not None and hashlib.sha256(data).digest() == sha256 else None

    def keep(
        self, line: bytes, document: bytes, shards: Sequence[bytes], *, named: Collection[bytes], at: float
    ) -> None:
        if self.full:
            raise CacheError("the disk is full")
        held = self.shards.get(line, {}) | {hashlib.sha256(shard).digest(): shard for shard in shards}
        self.shards[line] = {sha256: shard for sha256, shard in held.items() if sha256 in named}
        self.manifests[line] = (document, at)

    def forget(self, line: bytes) -> None:
        self.manifests.pop(line, None)
        self.shards.pop(line, None)
