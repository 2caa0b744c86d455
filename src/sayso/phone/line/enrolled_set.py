"""The enrolled set on the phone: fetched whole, by the clock, and never because of something the owner did.

What it says is a hint for the eyes of the owner (`likely`); the claim of keys at the first text decides.
"""

import asyncio
import hashlib
from typing import Final

from sayso.phone.core.discovery import wait_s
from sayso.phone.core.lines import Device
from sayso.phone.core.set_refresh import (
    changes_to,
    check_size,
    found,
    is_news,
    set_bytes_max,
    shard_bytes_max,
    shards_after,
)
from sayso.phone.errors import CacheError, ServerSideError
from sayso.phone.line.chance import chance
from sayso.phone.line.discovery import ContactDiscovery
from sayso.phone.line.statements import current
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import SET_BLOBS_PATH, SETS_PATH
from sayso.protocol.enrolled_set import decode_shard
from sayso.protocol.errors import ProtocolError, SetError
from sayso.protocol.ids import KeyDigest, Token
from sayso.protocol.limits import HOUR, LIMITS
from sayso.protocol.set_manifest import Manifest, SetIndex, read_manifest

RETRY_S: Final = HOUR


class SetKeeper:
    """Keeps one line's copy, and what it says of the line's contacts."""

    def __init__(self, world: World, line: bytes, reach: Reach) -> None:
        self._world = world
        self._line = line
        self._reach = reach
        self._contacts = ContactDiscovery(world, line, reach)
        self._likely: frozenset[str] = frozenset()

    def likely(self, number: str) -> bool:
        """Tell whether a contact seems to be in the cloud. Looks into memory: whoever asks this is looking."""
        return number in self._likely

    async def run(self) -> None:
        """Refresh now and then for as long as the line is on."""
        last: float | None = None
        try:
            held = self._world.sets.manifest(self._line)
            last = None if held is None else held[1]
            await self._look_up()
        except (ProtocolError, CacheError):
            last = None  # damaged on this phone: fetched again
        while True:
            await self._world.clock.sleep(wait_s(last, self._world.clock.wall(), chance(self._world.random)))
            try:
                await self.refresh()
                await self._contacts.ask()
                await self._look_up()
            except (ServerSideError, ProtocolError, CacheError):
                last = None
                await self._world.clock.sleep(RETRY_S)
            else:
                last = self._world.clock.wall()

    async def refresh(self) -> bool:
        """Fetch the newest build; returns whether there was a newer one.

        Raises:
            SetError: what the server gave does not fit its signature, or is too large; what is held stays.
            ServerSideError: no answer; what is held stays.
            CacheError: it cannot be kept on this phone.
        """
        document = await self._reach.control.fetch(SETS_PATH, at_most=LIMITS.set_manifest_bytes)
        shown = self._read(document)
        now = self._world.clock.wall()
        held = self._held()
        if held is not None and held[0] == document:
            self._world.sets.keep(self._line, document, [], named=_shards(shown), at=now)
            return False
        before = None if held is None else held[1]
        if not is_news(before, shown, now=now):
            return False
        for index in shown.sets:
            check_size(index)
        shards: list[bytes] = []
        for index in shown.sets:
            shards += await self._bring_up(before, index)
        self._world.sets.keep(self._line, document, shards, named=_shards(shown), at=self._world.clock.wall())
        return True

    async def _bring_up(self, before: Manifest | None, index: SetIndex) -> list[bytes]:
        """Return the shards of one set that the phone does not have yet."""
        there = {sha256: shard for sha256 in index.shards if (shard := self._shard(sha256)) is not None}
        changed = await self._by_changes(before, index)
        made = {hashlib.sha256(shard).digest(): shard for shard in changed}
        fetched: list[bytes] = []
        for number, sha256 in enumerate(index.shards):
            if sha256 in there:
                continue
            shard = made.get(sha256)
            if shard is None:
                shard = await self._fetch(sha256, at_most=shard_bytes_max(index))
                decode_shard(shard, epoch=index.epoch, shape=index.shape, index=number)
            fetched.append(shard)
        return fetched

    async def _by_changes(self, before: Manifest | None, index: SetIndex) -> list[bytes]:
        """Return the shards that the changes since the build held lead to; none where there is no such way."""
        held = None if before is None else before.of_epoch(index.epoch)
        if before is None or held is None:
            return []
        shards = [self._shard(sha256) for sha256 in held.shards]
        whole = [shard for shard in shards if shard is not None]
        steps = changes_to(held, before.built, index)
        if not steps or len(whole) != len(shards):
            return []
        blobs: list[bytes] = []
        for step in steps:
            # Together they are worth no more than the set itself.
            if sum(map(len, blobs)) > set_bytes_max(index):
                return []
            blobs.append(await self._fetch(step.sha256, at_most=set_bytes_max(index)))
        return await asyncio.to_thread(shards_after, held, whole, blobs, index)

    async def _fetch(self, sha256: bytes, *, at_most: int) -> bytes:
        blob = await self._reach.control.fetch(f"{SET_BLOBS_PATH}/{sha256.hex()}", at_most=at_most)
        if hashlib.sha256(blob).digest() != sha256:
            raise SetError("the server gave another piece of the enrolled set than was asked for")
        return blob

    async def _look_up(self) -> None:
        """Compare the contacts' tokens with the set."""
        held = self._held()
        if held is None:
            return
        peers = self._world.store.peers
        known = [(one.number, peers.find(self._line, one.number)) for one in peers.contacts()]
        numbers = {
            Token(token): number
            for number, peer in known
            if peer is not None
            for token in (peer.token, peer.other_token)
            if token is not None
        }
        hits: set[Token] = set()
        for index in held[1].sets:
            hits |= await asyncio.to_thread(found, index, self._shard, list(numbers))
        self._likely = frozenset(numbers[token] for token in hits)

    def _held(self) -> tuple[bytes, Manifest] | None:
        kept = self._world.sets.manifest(self._line)
        return None if kept is None else (kept[0], self._read(kept[0]))

    def _read(self, document: bytes) -> Manifest:
        device = self._device()
        statement, _ = current(device)
        return read_manifest(document, server_key=statement.server_key, pinned=KeyDigest(device.server_key))

    def _shard(self, sha256: bytes) -> bytes | None:
        return self._world.sets.shard(self._line, sha256)

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return device


def _shards(manifest: Manifest) -> set[bytes]:
    return {sha256 for one in manifest.sets for sha256 in one.shards}
