"""Discovery's contracts, over the fakes in memory and SQLite, PostgreSQL and files."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from sayso.server.adapters.directory.discovery import SqlDiscovery
from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.store import SqlDirectory
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
    def open_files(self) -> SetFiles:
        return MemorySetFiles()


class TestSetDirectory(SetFilesContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.path = tmp_path / "sets"

    def open_files(self) -> SetFiles:
        return SetDirectory(self.path)

    def test_a_build_is_there_after_a_restart(self) -> None:
        async def main() -> None:
            document = await publish(self.open_files(), 14_400, b"one")
            assert await self.open_files().latest() == document

        run(main())

    def test_a_damaged_blob_is_none_and_its_build_gives_way_to_the_one_before(self) -> None:
        async def main() -> None:
            files = self.open_files()
            before = await publish(files, 14_400, b"one")
            await publish(files, 28_800, b"two")
            sha256 = hashlib.sha256(b"two").digest()
            (self.path / sha256.hex()).write_bytes(b"two, but not quite")
            assert await files.blob(sha256) is None
            assert await files.latest() == before

        run(main())


class TestPostgresDiscovery(TestSqlDiscovery):
    @pytest.fixture(autouse=True)
    def _schema(self) -> None:
        self.url = shared_server().emptied_schema("directory")

    async def open_stores(self) -> tuple[DirectoryStore, Discovering]:
        database = await open_directory(self.url)
        return SqlDirectory(database), SqlDiscovery(database)
