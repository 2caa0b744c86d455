"""A server moves from its own files into PostgreSQL: everything that waited is there, whatever interrupts the move."""

import asyncio
import shutil
from pathlib import Path

import pytest

from bench.accounts import ENVELOPE_KEY, account, seed
from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, envelope_id, handle_hash
from sayso.server.adapters.data_lock import held as holding
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.postgres.hours import Hours
from sayso.server.adapters.postgres.mailbox import PostgresMailboxStore
from sayso.server.adapters.postgres.nodes import Node
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import refuse_half_moved
from sayso.server.adapters.private_file import make_private_directory
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.admin import inspect, purge
from sayso.server.config import MOVED, ServerConfig, check_cluster
from sayso.server.core.model import Batch, Held, Put, StoredOutcome, Waiting
from sayso.server.errors import ConfigError, StoreError
from sayso.server.migrate import Migrated, migrate
from tests.aio import run
from tests.contract.mailbox_store import doubt, outcome
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import shared_server

COUNT = 700
pytestmark = pytest.mark.slow


def waiting(seq: int) -> Put:
    envelope = b"%d waits" % seq * 200
    return Put(
        waiting=Waiting(
            seq=seq,
            device=account(seq % 5).device,
            envelope_id=envelope_id(envelope),
            handle_hash=handle_hash(b"handle %d" % seq),
            deposited=100.0,
            expires=90_000.0,
            size=len(envelope),
            granted=True,
            handed=False,
        ),
        envelope=envelope,
    )


async def a_server(data: Path) -> tuple[Held, list[StoredOutcome]]:
    """Make a stopped server with something of everything; returns what its mailboxes hold."""
    make_private_directory(data)
    await seed(data / "directory.db", 5)
    random = SystemRandom()
    store = await EmbeddedMailboxStore.open(
        data / "mailbox", open_keyring(data, None, clock=SystemClock(), random=random), random
    )
    puts = [waiting(seq) for seq in range(1, COUNT + 1)]
    outcomes = [outcome(put, OutcomeState.EXPIRED, at=float(put.waiting.seq)) for put in puts[:300]]
    await store.commit(Batch(put=puts))
    await store.commit(Batch(handed={DeviceId(account(1).device): 50}, outcomes=outcomes))
    await store.commit(Batch(doubted=[(put.waiting.seq, doubt(put)) for put in puts[600:610]]))
    held = await store.load()
    await store.close()
    return held, outcomes


async def moved(data: Path, url: str) -> Migrated:
    return await migrate(ServerConfig(data=data, postgres=url), passphrase=None)


async def assert_all_is_there(data: Path, url: str, held: Held, outcomes: list[StoredOutcome]) -> None:
    pool = await Pool.open(url)
    random = SystemRandom()
    hours = Hours(pool, open_keyring(data, None, clock=SystemClock(), random=random), random)
    node = await Node.register(pool, generation=hours.generation, bus=False)
    store = PostgresMailboxStore(pool, node.id, hours, random)
    there = await store.load()
    assert there.waiting == held.waiting
    assert sorted(there.doubts, key=lambda one: one.handle_hash) == sorted(held.doubts, key=lambda one: one.handle_hash)
    assert there.next_seq >= held.next_seq
    for place in range(5):
        device = DeviceId(account(place).device)
        seqs = [one.seq for one in held.waiting if one.device == device]
        assert await store.window(device, seqs) == [(seq, waiting(seq).envelope) for seq in seqs]
    assert [await store.outcome(one.handle_hash) for one in outcomes] == outcomes
    await node.leave()
    await pool.close()
    database = await open_directory(url)
    lines = await SqlDirectory(database).load_lines(now=0.0)
    assert {line.token for line in lines} == {account(place).token for place in range(5)}
    assert {line.envelope_keys for line in lines} == {(ENVELOPE_KEY,)}
    await database.close()


def test_everything_that_waited_is_in_postgresql_and_the_files_are_not_served_any_more(tmp_path: Path) -> None:
    async def main() -> None:
        data, url = tmp_path / "server", shared_server().new_schema()
        held, outcomes = await a_server(data)
        done = await moved(data, url)
        assert done == Migrated(lines=5, envelopes=COUNT - 10, in_doubt=10, outcomes=300, unreadable=0)
        await assert_all_is_there(data, url, held, outcomes)
        with pytest.raises(ConfigError, match="has moved"):
            check_cluster(ServerConfig(data=data))
        with pytest.raises(ConfigError, match="has moved already"):
            await moved(data, url)
        with pytest.raises(ConfigError, match="in PostgreSQL"):
            inspect(data)
        with pytest.raises(ConfigError, match="in PostgreSQL"):
            await purge(ServerConfig(data=data), passphrase=None, dry_run=True)

    run(main())


def test_a_move_that_was_interrupted_is_not_served_and_is_made_anew(tmp_path: Path) -> None:
    async def main() -> None:
        data, url = tmp_path / "server", shared_server().new_schema()
        held, outcomes = await a_server(data)
        config = ServerConfig(data=data, postgres=url)

        def interrupt(done: int, _everything: int) -> None:
            if done > COUNT // 2:
                raise StoreError("planted")

        with pytest.raises(StoreError, match="planted"):
            await migrate(config, passphrase=None, progress=interrupt)
        assert not (data / MOVED).exists()
        pool = await Pool.open(url)
        with pytest.raises(ConfigError, match="interrupted"):
            await pool.run(refuse_half_moved)
        await pool.close()
        await moved(data, url)
        await assert_all_is_there(data, url, held, outcomes)

    run(main())


def test_a_database_in_use_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        url = shared_server().new_schema()
        await a_server(tmp_path / "one")
        await moved(tmp_path / "one", url)
        shutil.copytree(tmp_path / "one", tmp_path / "other")
        (tmp_path / "other" / MOVED).unlink()
        with pytest.raises(ConfigError, match="before"):
            await moved(tmp_path / "other", url)

    run(main())


def test_a_running_server_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        data = tmp_path / "server"
        await a_server(data)
        with holding(data), pytest.raises(ConfigError, match="stop it first"):
            await moved(data, shared_server().new_schema())
        await asyncio.sleep(0)

    run(main())
