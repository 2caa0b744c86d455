"""The registration lock's contract, over the fake in memory and SQLite and PostgreSQL."""

from pathlib import Path

import pytest

from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import LIMITS
from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.directory_port import DirectoryStore
from tests.aio import run
from tests.contract.directory_store import NOW
from tests.contract.lock_store import SALT, LockStoreContract, waits, with_pin
from tests.fakes.directory import MemoryDirectory
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import shared_server


class TestMemoryDirectory(LockStoreContract):
    async def open_store(self) -> DirectoryStore:
        return MemoryDirectory()


class TestSqlDirectory(LockStoreContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.path = tmp_path / "directory.db"

    async def open_store(self) -> DirectoryStore:
        return SqlDirectory(await open_database(self.path))

    def test_who_waits_and_what_was_tried_is_there_after_a_restart(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            holder = await with_pin(store)
            pending = await waits(store, holder)
            await store.try_pin(pending, now=NOW)
            newcomer = await store.newcomer(holder.device, now=NOW)
            lines, pin = await store.load_lines(now=NOW), await store.pin(holder.device)
            await store.close()

            store = await self.open_store()
            assert await store.newcomer(holder.device, now=NOW) == newcomer is not None
            assert await store.load_lines(now=NOW) == lines
            assert await store.pin(holder.device) == pin is not None
            assert await store.newcomer_key(DeviceId(pending.keys.device)) == pending.keys.ed25519
            await store.close()

        run(main())

    def test_two_processes_share_the_tries(self) -> None:
        async def main() -> None:
            one, other = await self.open_store(), await self.open_store()
            holder = await with_pin(one)
            pending = await waits(one, holder)
            taken = []
            for _ in range(LIMITS.pin_tries):
                taken += [await one.try_pin(pending, now=NOW), await other.try_pin(pending, now=NOW)]
            assert taken.count(SALT) == LIMITS.pin_tries
            await one.close()
            await other.close()

        run(main())


class TestPostgresDirectory(TestSqlDirectory):
    @pytest.fixture(autouse=True)
    def _schema(self) -> None:
        self.url = shared_server().emptied_schema("directory")

    async def open_store(self) -> DirectoryStore:
        return SqlDirectory(await open_directory(self.url))
