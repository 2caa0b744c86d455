"""The epochs' contract, over the fake in memory and SQLite and PostgreSQL."""

from pathlib import Path

import pytest

from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.directory_port import DirectoryStore
from tests.aio import run
from tests.contract.directory_store import NOW, enrol
from tests.contract.epoch_store import EpochStoreContract, moved
from tests.fakes.directory import MemoryDirectory
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import shared_server


class TestMemoryDirectory(EpochStoreContract):
    async def open_store(self) -> DirectoryStore:
        return MemoryDirectory()


class TestSqlDirectory(EpochStoreContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.path = tmp_path / "directory.db"

    async def open_store(self) -> DirectoryStore:
        return SqlDirectory(await open_database(self.path))

    def test_both_tokens_are_there_after_a_restart(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            line = await enrol(store)
            fresh = await moved(store, line)
            await store.close()
            store = await self.open_store()
            assert [one.tokens for one in await store.load_lines(now=NOW)] == [(fresh, line.token)]
            await store.close()

        run(main())


class TestPostgresDirectory(TestSqlDirectory):
    @pytest.fixture(autouse=True)
    def _schema(self) -> None:
        self.url = shared_server().emptied_schema("directory")

    async def open_store(self) -> DirectoryStore:
        return SqlDirectory(await open_directory(self.url))
