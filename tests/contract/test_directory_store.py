"""The directory's contract, over the fake in memory and SQLite and PostgreSQL."""

from pathlib import Path

import pytest

from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.directory_port import DirectoryStore
from tests.aio import run
from tests.contract.directory_store import (
    NOW,
    DirectoryStoreContract,
    a_pending,
    all_keys,
    departed,
    enrol,
    enrolment_of,
    reachable,
)
from tests.fakes.directory import MemoryDirectory
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import shared_server


class TestMemoryDirectory(DirectoryStoreContract):
    async def open_store(self) -> DirectoryStore:
        return MemoryDirectory()


class TestSqlDirectory(DirectoryStoreContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.path = tmp_path / "directory.db"

    async def open_store(self) -> DirectoryStore:
        return SqlDirectory(await open_database(self.path))

    def test_what_was_stored_is_there_after_a_restart(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            kept, left, pending = await reachable(store, 1, 2), await enrol(store), a_pending()
            await store.add_pending(pending, now=NOW, at_most=3)
            await store.take_try(pending.id, now=NOW)
            gone = departed(left)
            erasure = await store.withdraw(gone)
            lines = await store.load_lines(now=NOW)
            await store.close()

            store = await self.open_store()
            assert await store.load_lines(now=NOW) == lines
            assert await store.enrolment(kept.device) == kept
            assert await store.erasures() == [erasure]
            assert await store.departed(left.device, now=NOW) == gone
            again = await store.take_try(pending.id, now=NOW)
            assert again is not None
            assert again.tries_left == 3
            await store.close()

        run(main())

    def test_one_time_keys_stay_handed_out_after_a_restart(self) -> None:
        async def main() -> None:
            store = await self.open_store()
            enrolment = await enrol(store)
            keys = all_keys(1, 2)
            await store.publish(enrolment.device, keys, now=NOW)
            await store.close()
            store = await self.open_store()
            line = await store.publish(enrolment.device, keys, now=NOW)
            assert line is not None
            assert line.one_time_keys == 2
            await store.close()

        run(main())

    def test_two_processes_share_the_tries(self) -> None:
        async def main() -> None:
            one, other = await self.open_store(), await self.open_store()
            pending = a_pending()
            await one.add_pending(pending, now=NOW, at_most=3)
            taken = []
            for _ in range(4):
                taken += [await one.take_try(pending.id, now=NOW), await other.take_try(pending.id, now=NOW)]
            assert sum(try_ is not None for try_ in taken) == 5
            assert await other.confirm(pending, enrolment_of(pending), result=b"x", now=NOW) is not None
            assert len(await one.load_lines(now=NOW)) == 1
            await one.close()
            await other.close()

        run(main())


class TestPostgresDirectory(TestSqlDirectory):
    @pytest.fixture(autouse=True)
    def _schema(self) -> None:
        self.url = shared_server().emptied_schema("directory")

    async def open_store(self) -> DirectoryStore:
        return SqlDirectory(await open_directory(self.url))
