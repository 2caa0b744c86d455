"""What every `DiscoveryBudgetStore`, `SetStore` and `SetFiles` has to do; run by test_discovery_stores.py."""

import asyncio
import hashlib
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import DAY, LIMITS
from sayso.protocol.set_manifest import Manifest, SetIndex, sign_manifest
from sayso.server.core.discovery_budget import Allowance
from sayso.server.directory_port import DirectoryStore
from sayso.server.discovery_port import DiscoveryBudgetStore, SetFiles, SetStore
from sayso.server.errors import Refused
from tests.aio import run
from tests.contract.directory_store import NOW, a_pending, departed, drawn, enrol, reachable

ALLOWANCE = Allowance()


class Discovering(DiscoveryBudgetStore, SetStore, Protocol):
    """Both in one."""


class DiscoveryStoreContract:
    """Subclass it and say how a fresh directory and what stands beside it are opened."""

    async def open_stores(self) -> tuple[DirectoryStore, Discovering]:
        raise NotImplementedError

    def test_a_batch_is_paid_for_once_and_no_more_than_the_bucket_is_given(self) -> None:
        async def main() -> None:
            directory, store = await self.open_stores()
            record = drawn(32)
            await store.spend(record, b"a" * 32, 1999, now=NOW, allowance=ALLOWANCE)
            await store.spend(record, b"a" * 32, 1999, now=NOW, allowance=ALLOWANCE)
            with pytest.raises(Refused) as refused:
                await store.spend(record, b"b" * 32, 2, now=NOW, allowance=ALLOWANCE)
            assert refused.value.retry_after_s == 432
            await store.spend(record, b"c" * 32, 1, now=NOW, allowance=ALLOWANCE)
            budget = await store.budget(record)
            assert budget is not None
            assert (budget.full_at, budget.last_batch) == (NOW + 10 * DAY, b"c" * 32)
            await directory.close()

        run(main())

    def test_of_parallel_requests_for_the_last_unit_one_wins(self) -> None:
        async def main() -> None:
            directory, store = await self.open_stores()
            record = drawn(32)
            await store.spend(record, b"a" * 32, 1999, now=NOW, allowance=ALLOWANCE)
            asked = [store.spend(record, bytes([n]) * 32, 1, now=NOW, allowance=ALLOWANCE) for n in range(20)]
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert sum(one is None for one in outcomes) == 1
            assert sum(isinstance(one, Refused) for one in outcomes) == 19
            await directory.close()

        run(main())

    def test_two_lines_do_not_share_a_bucket(self) -> None:
        async def main() -> None:
            directory, store = await self.open_stores()
            for record in (drawn(32), drawn(32)):
                await store.spend(record, b"a" * 32, 2000, now=NOW, allowance=ALLOWANCE)
            await directory.close()

        run(main())

    def test_a_record_goes_when_the_bucket_is_full_and_no_sooner(self) -> None:
        async def main() -> None:
            directory, store = await self.open_stores()
            record = drawn(32)
            await store.spend(record, b"a" * 32, 200, now=NOW, allowance=ALLOWANCE)
            await store.forget_full(now=NOW + DAY - 1)
            assert await store.budget(record) is not None
            await store.forget_full(now=NOW + DAY)
            assert await store.budget(record) is None
            await directory.close()

        run(main())

    def test_a_record_outlives_the_enrolment(self) -> None:
        async def main() -> None:
            directory, store = await self.open_stores()
            enrolment = await enrol(directory)
            record = drawn(32)
            await store.spend(record, b"a" * 32, 2000, now=NOW, allowance=ALLOWANCE)
            await directory.withdraw(departed(enrolment))
            await directory.expire(now=NOW + LIMITS.enrolment_expiry_s)
            assert await store.budget(record) is not None
            await directory.close()

        run(main())

    def test_the_set_is_made_of_all_lines_with_what_was_drawn_for_them(self) -> None:
        async def main() -> None:
            directory, store = await self.open_stores()
            one, hidden = await reachable(directory), await reachable(directory, findable="nobody")
            await store.note({one.device: NOW + 5, DeviceId(drawn(16)): NOW}, [])
            found = {candidate.device: candidate for candidate in await store.candidates()}
            assert set(found) == {one.device, hidden.device}
            assert (found[one.device].findable, found[hidden.device].findable) == (True, False)
            assert found[one.device].token == one.token
            assert found[one.device].lease_ends == one.lease_ends
            assert (found[one.device].leaves_at, found[hidden.device].leaves_at) == (NOW + 5, None)
            assert await store.leaves_at(one.device) == NOW + 5

            await store.note({hidden.device: NOW + 7}, [one.device])
            found = {candidate.device: candidate for candidate in await store.candidates()}
            assert (found[one.device].leaves_at, found[hidden.device].leaves_at) == (None, NOW + 7)
            await directory.close()

        run(main())

    def test_what_was_drawn_goes_with_the_enrolment(self) -> None:
        async def main() -> None:
            directory, store = await self.open_stores()
            pending = a_pending()
            enrolment = await enrol(directory, pending)
            await store.note({enrolment.device: NOW + 5}, [])
            await directory.withdraw(departed(enrolment))
            assert await store.candidates() == []
            assert await store.leaves_at(enrolment.device) is None
            await directory.close()

        run(main())


KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def build(built: int, *shards: bytes) -> tuple[bytes, set[bytes]]:
    """Return a manifest of so many shards (a power of two), and what it names."""
    digests = [hashlib.sha256(shard).digest() for shard in shards]
    index = SetIndex(
        epoch=5, count=1, universe_bits=40, shard_bits=(len(shards) - 1).bit_length(), shards=digests, changes=[]
    )
    return sign_manifest(Manifest(version=1, built=built, sets=[index]), KEY), set(digests)


async def publish(files: SetFiles, built: int, *shards: bytes) -> bytes:
    document, named = build(built, *shards)
    await files.publish(built, document, shards, named=named)
    return document


class SetFilesContract:
    """Subclass it and say how files are opened: empty at first, and the same ones whenever they are opened again."""

    def open_files(self) -> AbstractAsyncContextManager[SetFiles]:
        raise NotImplementedError

    def damage(self, sha256: bytes) -> None:
        """Change the bytes of a blob where it lies."""
        raise NotImplementedError

    def test_a_build_is_there_once_it_is_published(self) -> None:
        async def main() -> None:
            async with self.open_files() as files:
                assert await files.latest() is None
                document = await publish(files, 14_400, b"one", b"two")
                assert await files.latest() == document
                assert await files.blob(hashlib.sha256(b"two").digest()) == b"two"
                assert await files.blob(bytes(32)) is None
                assert await files.blob(b"") is None

        run(main())

    def test_blobs_of_the_two_builds_before_are_kept_and_no_older_ones(self) -> None:
        async def main() -> None:
            async with self.open_files() as files:
                for number in range(1, 5):
                    document = await publish(files, number * 14_400, f"shard {number}".encode(), b"the same in each")
                assert await files.latest() == document
                kept = [await files.blob(hashlib.sha256(f"shard {one}".encode()).digest()) for one in range(1, 5)]
                assert [blob is not None for blob in kept] == [False, True, True, True]
                assert await files.blob(hashlib.sha256(b"the same in each").digest()) is not None

        run(main())

    def test_a_build_of_the_same_hour_replaces_the_one_before(self) -> None:
        async def main() -> None:
            async with self.open_files() as files:
                await publish(files, 14_400, b"one")
                document = await publish(files, 14_400, b"two")
                assert await files.latest() == document
                assert await files.blob(hashlib.sha256(b"one").digest()) is None

        run(main())

    def test_a_build_is_there_after_a_restart(self) -> None:
        async def main() -> None:
            async with self.open_files() as files:
                document = await publish(files, 14_400, b"one")
            async with self.open_files() as files:
                assert await files.latest() == document
                assert await files.blob(hashlib.sha256(b"one").digest()) == b"one"

        run(main())

    def test_a_damaged_blob_is_none_and_its_build_gives_way_to_the_one_before(self) -> None:
        async def main() -> None:
            async with self.open_files() as files:
                before = await publish(files, 14_400, b"one")
                await publish(files, 28_800, b"two")
                sha256 = hashlib.sha256(b"two").digest()
                self.damage(sha256)
                assert await files.blob(sha256) is None
                assert await files.latest() == before

        run(main())

    def test_what_is_damaged_is_mended_by_the_next_build_that_names_it(self) -> None:
        async def main() -> None:
            async with self.open_files() as files:
                await publish(files, 14_400, b"one")
                sha256 = hashlib.sha256(b"one").digest()
                self.damage(sha256)
                document = await publish(files, 28_800, b"one", b"two")
                assert await files.blob(sha256) == b"one"
                assert await files.latest() == document

        run(main())

    def test_what_a_build_does_not_name_is_not_kept(self) -> None:
        async def main() -> None:
            async with self.open_files() as files:
                document, named = build(14_400, b"one")
                await files.publish(14_400, document, [b"one", b"a stranger"], named=named)
                assert await files.blob(hashlib.sha256(b"a stranger").digest()) is None

        run(main())
