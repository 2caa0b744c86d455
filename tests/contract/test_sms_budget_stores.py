"""The contract of `SmsBudgetStore`, over the fake in memory and SQLite and PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sayso.server.adapters.directory.engine import Database, open_database
from sayso.server.adapters.directory.sms_budget import SqlSmsBudget
from sayso.server.adapters.directory.tables import sms_buckets, sms_charges
from sayso.server.errors import StoreError
from sayso.server.ports import SmsBudgetStore
from tests.aio import run
from tests.contract.sms_budget_store import BOTH, HOUR, NOW, SmsBudgetStoreContract, enrolment, sent
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import shared_server
from tests.fakes.sms_budget import MemorySmsBudget


class TestMemorySmsBudget(SmsBudgetStoreContract):
    def open_store(self) -> AbstractAsyncContextManager[SmsBudgetStore]:
        @asynccontextmanager
        async def store() -> AsyncIterator[SmsBudgetStore]:
            yield MemorySmsBudget()

        return store()


class TestSqlSmsBudget(SmsBudgetStoreContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.path = tmp_path / "directory.db"

    async def open_database(self) -> Database:
        return await open_database(self.path)

    def open_store(self) -> AbstractAsyncContextManager[SmsBudgetStore]:
        @asynccontextmanager
        async def store() -> AsyncIterator[SmsBudgetStore]:
            database = await self.open_database()
            yield SqlSmsBudget(database)
            await database.close()

        return store()

    def test_a_restart_gives_nothing_back(self) -> None:
        async def main() -> None:
            async with self.open_store() as store:
                assert await sent(store, 0, 3) == 3
            async with self.open_store() as store:
                assert await sent(store, 10, 10) == 2
            async with self.open_store() as store:
                await store.give_back(enrolment(0), confirmed=True, now=NOW)
                await store.give_back(enrolment(1), confirmed=True, now=NOW)
                await store.give_back(enrolment(2), confirmed=True, now=NOW)
                assert await sent(store, 30, 10) == 3

        run(main())

    def test_two_processes_share_the_budget(self) -> None:
        async def main() -> None:
            async with self.open_store() as one, self.open_store() as other:
                assert await sent(one, 0, 3) + await sent(other, 10, 10) + await sent(one, 30, 10) == 5

        run(main())

    def test_with_the_store_gone_nothing_may_be_sent(self) -> None:
        async def main() -> None:
            database = await self.open_database()
            async with database.write() as connection:
                await connection.exec_driver_sql("ALTER TABLE sms_buckets RENAME TO elsewhere")
            with pytest.raises(StoreError):
                await SqlSmsBudget(database).spend(enrolment(1), BOTH, now=NOW, expires=NOW + 600)
            async with database.read() as connection:
                assert await connection.scalar(select(func.count()).select_from(sms_charges)) == 0
            async with database.write() as connection:  # the tests of PostgreSQL share their tables
                await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO sms_buckets")
            await database.close()

        run(main())

    def test_nothing_is_kept_longer_than_it_says_something(self) -> None:
        async def main() -> None:
            database = await self.open_database()
            store = SqlSmsBudget(database)
            await sent(store, 0, 6)
            await store.forget_spent(now=NOW + 2 * HOUR)
            async with database.read() as connection:
                for table in (sms_buckets, sms_charges):
                    assert await connection.scalar(select(func.count()).select_from(table)) == 0
            await database.close()

        run(main())


class TestPostgresSmsBudget(TestSqlSmsBudget):
    @pytest.fixture(autouse=True)
    def _schema(self) -> None:
        self.url = shared_server().emptied_schema("directory")

    async def open_database(self) -> Database:
        return await open_directory(self.url)
