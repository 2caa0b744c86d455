"""A batch is committed once, whatever happens to its connection, and never by a node that was fenced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sayso.server.adapters.postgres import nodes
from sayso.server.adapters.postgres.hours import Hours
from sayso.server.adapters.postgres.mailbox import PostgresMailboxStore
from sayso.server.adapters.postgres.nodes import Node
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import make_schema
from sayso.server.adapters.system import SystemRandom
from sayso.server.core.model import Batch
from sayso.server.errors import StoreError
from tests.aio import run
from tests.contract.mailbox_store import ANNA, outcome, put
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.postgres_server import shared_server


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[PostgresMailboxStore, Pool, Node]]:
    pool = await Pool.open(shared_server().emptied_schema("commits"))
    await pool.run(make_schema)
    hours = Hours(pool, MemoryKeyring(), SystemRandom())
    node = await Node.register(pool, generation=hours.generation, bus=False)
    yield PostgresMailboxStore(pool, node.id, hours, SystemRandom()), pool, node
    node.drop()
    await pool.close()


async def cut_all(pool: Pool) -> None:
    """End every session of this process, as a restart of the database does."""
    async with pool.connection() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sayso' AND pid <>"
            " pg_backend_pid()"
        )


@pytest.mark.parametrize("after_commit", [False, True])
def test_a_batch_whose_connection_is_lost_is_committed_once(
    monkeypatch: pytest.MonkeyPatch, *, after_commit: bool
) -> None:
    async def main() -> None:
        async with opened() as (store, pool, _):
            await store.commit(Batch(put=[put(1)]))
            attempt = store._attempt
            tries = 0

            async def lost(*arguments: object) -> None:
                nonlocal tries
                tries += 1
                if tries == 1 and not after_commit:
                    cut = asyncio.ensure_future(cut_all(pool))
                    await cut
                await attempt(*arguments)  # type: ignore[arg-type]
                if tries == 1 and after_commit:
                    raise ConnectionResetError

            monkeypatch.setattr(store, "_attempt", lost)
            await store.commit(Batch(put=[put(2)], settled=[(1, outcome(put(1)))]))
            assert [one.seq for one in (await store.load()).waiting] == [2]
            assert await store.window(ANNA, [1, 2]) == [(2, put(2).envelope)]

    run(main())


def test_a_commit_is_not_made_by_a_node_that_was_fenced() -> None:
    async def main() -> None:
        async with opened() as (store, pool, node):
            await store.commit(Batch(put=[put(1)]))
            await node.leave()
            with pytest.raises(StoreError, match="others have taken its place"):
                await store.commit(Batch(put=[put(2)]))
            async with pool.connection() as connection:
                assert await connection.fetchval("SELECT count(*) FROM mail") == 1

    run(main())


def test_a_fence_waits_for_the_batch_that_is_under_way() -> None:
    async def main() -> None:
        async with opened() as (_, pool, node), pool.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await nodes.hold_fence(connection, node.id)
            leaving = asyncio.ensure_future(node.leave())
            done, _ = await asyncio.wait([leaving], timeout=0.3)
            assert not done
            await transaction.commit()
            await leaving

    run(main())


def test_a_session_that_does_not_wait_for_the_disk_commits_nothing() -> None:
    async def main() -> None:
        async with opened() as (_, pool, node), pool.connection() as connection:
            await connection.execute("SET synchronous_commit = local")
            with pytest.raises(StoreError, match="synchronous_commit was lowered"):
                await nodes.hold_fence(connection, node.id)
            await connection.execute("RESET synchronous_commit")

    run(main())
