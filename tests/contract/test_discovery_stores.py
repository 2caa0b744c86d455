"""Discovery's contracts, over the fakes in memory and SQLite, PostgreSQL and files."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sayso.server.adapters.directory.discovery import SqlDiscovery
from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import make_schema
from sayso.server.adapters.postgres.set_files import PostgresSetFiles
from sayso.server.adapters.set_files import SetDirectory
from sayso.server.directory_port import DirectoryStore
from sayso.server.discovery_port import SetFiles
from sayso.server.errors import Refused
from tests.aio import run
from tests.contract.directory_store import NOW, drawn
from tests.contract.discovery_stores import (
    ALLOWANCE,
    Discovering,
    DiscoveryStoreContract,
    SetFilesContract,
    build,
    publish,
)
from tests.fakes.directory import MemoryDirectory
from tests.fakes.discovery import MemoryDiscovery, MemorySetFiles
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import shared_server


class TestMemoryDiscovery(DiscoveryStoreContract):
    async def open_stores(self) -> tuple[DirectoryStore, Discovering]:
        directory = MemoryDirectory()
        return directory, MemoryDiscovery(directory)


class TestSqlDiscovery(DiscoveryStoreContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.path = tmp_path / "directory.db"

    async def open_stores(self) -> tuple[DirectoryStore, Discovering]:
        database = await open_database(self.path)
        return SqlDirectory(database), SqlDiscovery(database)

    def test_what_was_spent_is_spent_after_a_restart(self) -> None:
        async def main() -> None:
            record = drawn(32)
            directory, store = await self.open_stores()
            await store.spend(record, b"a" * 32, 2000, now=NOW, allowance=ALLOWANCE)
            await directory.close()
            directory, store = await self.open_stores()
            with pytest.raises(Refused):
                await store.spend(record, b"b" * 32, 1, now=NOW, allowance=ALLOWANCE)
            await directory.close()

        run(main())

    def test_two_processes_share_the_last_unit(self) -> None:
        async def main() -> None:
            record = drawn(32)
            (directory, one), (other_directory, other) = await self.open_stores(), await self.open_stores()
            await one.spend(record, b"a" * 32, 1999, now=NOW, allowance=ALLOWANCE)
            asked = [
                store.spend(record, bytes([n]) * 32, 1, now=NOW, allowance=ALLOWANCE)
                for n, store in enumerate([one, other] * 5)
            ]
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert sum(outcome is None for outcome in outcomes) == 1
            await directory.close()
            await other_directory.close()

        run(main())


class TestMemorySetFiles(SetFilesContract):
    @pytest.fixture(autouse=True)
    def _fresh(self) -> None:
        self.files = MemorySetFiles()

    @asynccontextmanager
    async def open_files(self) -> AsyncIterator[SetFiles]:
        yield self.files

    def damage(self, sha256: bytes) -> None:
        self.files.damage(sha256)


class TestSetDirectory(SetFilesContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.path = tmp_path / "sets"

    @asynccontextmanager
    async def open_files(self) -> AsyncIterator[SetFiles]:
        yield SetDirectory(self.path)

    def damage(self, sha256: bytes) -> None:
        (self.path / sha256.hex()).write_bytes(b"not quite what it was")


class TestPostgresSetFiles(SetFilesContract):
    @pytest.fixture(autouse=True)
    def _schema(self) -> None:
        self.url = shared_server().emptied_schema("sets")
        self.schema = self.url.rpartition("search_path=")[2]

    @asynccontextmanager
    async def open_files(self) -> AsyncIterator[SetFiles]:
        pool = await Pool.open(self.url, connections=2)
        try:
            await pool.run(make_schema)
            yield PostgresSetFiles(pool)
        finally:
            await pool.close()

    def damage(self, sha256: bytes) -> None:
        shared_server().sql(
            f"UPDATE {self.schema}.set_blob SET blob = 'not quite what it was'"  # noqa: S608  a name of ours
            f" WHERE sha256 = '\\x{sha256.hex()}'"
        )

    def test_two_processes_hand_out_the_same_build_and_may_publish_it_at_once(self) -> None:
        async def main() -> None:
            async with self.open_files() as one, self.open_files() as other:
                document, _ = build(14_400, b"one", b"two")
                await asyncio.gather(*(publish(files, 14_400, b"one", b"two") for files in (one, other)))
                assert await one.latest() == await other.latest() == document

        run(main())

    def test_two_processes_that_publish_at_once_do_not_throw_away_each_others_pieces(self) -> None:
        async def main() -> None:
            async with self.open_files() as one, self.open_files() as other:
                for hour in range(2, 42, 2):
                    pieces = [b"%d" % (hour + place) for place in range(2)]
                    await asyncio.gather(publish(one, hour, pieces[0]), publish(other, hour + 1, pieces[1]))
                    assert [await one.blob(hashlib.sha256(piece).digest()) for piece in pieces] == pieces

        run(main())


class TestPostgresDiscovery(TestSqlDiscovery):
    @pytest.fixture(autouse=True)
    def _schema(self) -> None:
        self.url = shared_server().emptied_schema("directory")

    async def open_stores(self) -> tuple[DirectoryStore, Discovering]:
        database = await open_directory(self.url)
        return SqlDirectory(database), SqlDiscovery(database)
