"""The enrolled set: built at fixed hours, signed, and given to everyone alike (design.md §5.2, docs/adr/0011)."""

import hashlib
from collections.abc import Callable
from typing import Final

import structlog

from sayso.protocol.errors import SetError
from sayso.protocol.ids import Token
from sayso.protocol.limits import LIMITS
from sayso.protocol.set_manifest import ChangeFrom, Manifest, SetIndex
from sayso.server.core.set_build import EarlierSet, MadeSet, SetWork
from sayso.server.core.set_schedule import due, members
from sayso.server.discovery_port import SetFiles, SetStore, SetWorkshop
from sayso.server.errors import NoSpaceError, ServerError
from sayso.server.ports import Clock, Random
from sayso.server.services.identity import ServerIdentity

_LOG: Final = structlog.get_logger()


class EnrolledSet:
    """Builds the set and hands it out."""

    def __init__(
        self,
        *,
        identity: ServerIdentity,
        store: SetStore,
        files: SetFiles,
        workshop: SetWorkshop,
        clock: Clock,
        random: Random,
        running: Callable[[], float],
    ) -> None:
        """Wire it; `open` comes first."""
        self._identity = identity
        self._store = store
        self._files = files
        self._workshop = workshop
        self._clock = clock
        self._random = random
        self._running = running
        self._manifest: Manifest | None = None
        self.document: bytes | None = None
        """The signed manifest; None until the first build is there."""
        self.tag = ""
        """SHA-256 of the document, hex: the only validator there is, and the same for everybody."""

    async def open(self) -> None:
        """Take up the last build. One that is damaged or signed by another key counts as none.

        Raises:
            StoreError: the files cannot be read.
        """
        document = await self._files.latest()
        if document is None:
            return
        try:
            self._show(document, self._identity.read_manifest(document))
        except SetError:
            _LOG.warning("enrolled set set aside", reason="damaged, or signed by another key")

    @property
    def built_at(self) -> float | None:
        """When the build that is shown was made, Unix seconds; None before the first one."""
        return None if self._manifest is None else float(self._manifest.built)

    async def build_if_due(self) -> bool:
        """Build when a fixed hour has come. Returns whether there is a new build; the old one stays if it fails.

        Raises:
            NoSpaceError: the disk is full; the old build stays.
        """
        if due(None if self._manifest is None else self._manifest.built, self._clock.wall()) is not None:
            await self.open()  # another process may have built it
        hour = due(None if self._manifest is None else self._manifest.built, self._clock.wall())
        if hour is None:
            return False
        try:
            await self._build(hour)
        except NoSpaceError:
            raise
        except ServerError as error:
            _LOG.error("enrolled set not built", error=type(error).__name__)
            return False
        return True

    async def blob(self, sha256: bytes) -> bytes | None:
        """Return a shard or a change."""
        return await self._files.blob(sha256)

    async def _build(self, hour: int) -> None:
        found = members(await self._store.candidates(), now=self._running(), random=self._random.token_bytes)
        # Durable before it shows: a moment that was drawn and lost would be drawn again.
        if found.drawn or found.back:
            await self._store.note(found.drawn, found.back)
        current = self._identity.epoch
        epochs = [current, *(epoch for epoch in self._identity.epochs if epoch != current)]
        made = [await self._make(epoch, found.tokens) for epoch in epochs]
        manifest = Manifest(version=1, built=hour, sets=[self._index(one) for one in made])
        document = self._identity.sign_manifest(manifest)
        blobs = [blob for one in made for blob in (*one.shards, *([one.change] if one.change else []))]
        await self._files.publish(hour, document, blobs, named=set(manifest.blobs))
        await self.open()
        _LOG.info("enrolled set built", lines=sum(one.count for one in made), blobs=len(blobs))

    async def _make(self, epoch: int, tokens: list[Token]) -> MadeSet:
        chosen = tuple(token for token in tokens if token[0] == epoch)
        return await self._workshop.make(SetWork(epoch=epoch, tokens=chosen, earlier=await self._earlier(epoch)))

    async def _earlier(self, epoch: int) -> EarlierSet | None:
        index = self._index_of(epoch)
        if index is None:
            return None
        shards = []
        for sha256 in index.shards:
            shard = await self._files.blob(sha256)
            if shard is None:
                return None
            shards.append(shard)
        return EarlierSet(shape=index.shape, shards=tuple(shards))

    def _index(self, made: MadeSet) -> SetIndex:
        before = self._index_of(made.epoch)
        changes: list[ChangeFrom] = []
        if made.change is not None and before is not None and self._manifest is not None:
            step = ChangeFrom(self._manifest.built, hashlib.sha256(made.change).digest())
            changes = [*before.changes, step][-LIMITS.set_changes :]
        return SetIndex(
            epoch=made.epoch,
            count=made.count,
            universe_bits=made.shape.universe_bits,
            shard_bits=made.shape.shard_bits,
            shards=[hashlib.sha256(shard).digest() for shard in made.shards],
            changes=changes,
        )

    def _index_of(self, epoch: int) -> SetIndex | None:
        return None if self._manifest is None else self._manifest.of_epoch(epoch)

    def _show(self, document: bytes, manifest: Manifest) -> None:
        self._manifest = manifest
        self.document = document
        self.tag = hashlib.sha256(document).hexdigest()
