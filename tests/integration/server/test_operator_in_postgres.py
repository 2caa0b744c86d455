"""`sayso server inspect` and `purge` where PostgreSQL keeps lines and mailboxes; the server is not there in files."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.accounts import account, seed_into
from sayso.consent.policy import current_policy
from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, envelope_id, handle_hash
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.postgres.hours import Hours
from sayso.server.adapters.postgres.mailbox import PostgresMailboxStore
from sayso.server.adapters.postgres.nodes import BEAT_S, Node
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import make_schema
from sayso.server.adapters.postgres.set_files import PostgresSetFiles
from sayso.server.adapters.private_file import make_private_directory
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.core.model import Batch, Doubt, Put, Waiting
from tests.aio import run
from tests.contract.discovery_stores import publish
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import shared_server

pytestmark = pytest.mark.slow

LINES, KEEPS = 300, 3
"""Lines, and those of them whose consent is to the present policy: the first ones. More than are erased at once."""
EACH = 2
_PATIENCE_S = 240
PURGE = ("purge", "--without-current-consent")


def put(seq: int, device: bytes) -> Put:
    envelope = b"%d waits" % seq * 100
    return Put(
        waiting=Waiting(
            seq=seq,
            device=DeviceId(device),
            envelope_id=envelope_id(envelope),
            handle_hash=handle_hash(b"handle %d" % seq),
            deposited=1.0,
            expires=90_000.0,
            size=len(envelope),
            granted=True,
            handed=False,
        ),
        envelope=envelope,
    )


async def beat(node: Node, generation: int) -> None:
    while True:
        await node.beat(generation=generation)
        await asyncio.sleep(BEAT_S)


class World:
    """A database with lines and mailboxes, and the keys beside it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "server"
        self.url = shared_server().new_schema()
        self.puts = [put(seq, account(seq % LINES).device) for seq in range(1, EACH * LINES + 1)]
        self.bytes = sum(one.waiting.size for one in self.puts)

    async def sayso(self, *words: str) -> Any:
        """Run a command with --json, and return what it said; the loop goes on, and with it the beats of a node."""
        command = [sys.executable, "-m", "sayso", "server", *words, "--data", str(self.data)]
        command += ["--postgres", self.url, "--json"]
        done = await asyncio.to_thread(
            lambda: subprocess.run(command, capture_output=True, timeout=_PATIENCE_S, check=False)
        )
        return json.loads(done.stdout)

    @asynccontextmanager
    async def node(self, *, bus: bool = False) -> AsyncIterator[tuple[Pool, Node, PostgresMailboxStore]]:
        """Be one of the server's processes."""
        random = SystemRandom()
        pool = await Pool.open(self.url, connections=2)
        try:
            await pool.run(make_schema)
            hours = Hours(pool, open_keyring(self.data, None, clock=SystemClock(), random=random), random)
            node = await Node.register(pool, generation=hours.generation, bus=bus)
            async with asyncio.TaskGroup() as tasks:
                beating = tasks.create_task(beat(node, hours.generation))
                yield pool, node, PostgresMailboxStore(pool, node.id, hours, random)
                beating.cancel()
                await node.leave()
        finally:
            await pool.close()

    async def furnish(self) -> None:
        """Enrol lines, and let envelopes wait for each."""
        make_private_directory(self.data)
        database = await open_directory(self.url)
        await seed_into(database, LINES)
        await database.close()
        policy = current_policy().sha256
        kept = [account(place).device for place in range(KEEPS)]
        async with self.node() as (pool, _, store):
            await pool.run(
                lambda connection: connection.execute(
                    "UPDATE enrolments SET policy_sha256 = $1 WHERE device = ANY($2::bytea[])", policy, kept
                )
            )
            await store.commit(Batch(put=self.puts))
            first = self.puts[0].waiting
            await store.commit(Batch(handed={first.device: first.seq}))
            doubtful = put(10**6, account(LINES - 1).device).waiting
            doubt = Doubt(
                device=doubtful.device,
                envelope_id=doubtful.envelope_id,
                handle_hash=doubtful.handle_hash,
                granted=True,
                deposited=1.0,
                expires=90_000.0,
                refused_means=OutcomeState.RECALLED,
            )
            await store.commit(Batch(doubted=[(0, doubt)]))
            await publish(PostgresSetFiles(pool), 14_400, b"a piece", b"another")

    async def outcomes(self) -> dict[bytes, OutcomeState]:
        """Return what became of which envelope, by its device."""
        async with self.node() as (_, _, store):
            found = [(one.waiting.device, await store.outcome(one.waiting.handle_hash)) for one in self.puts]
        return {device: outcome.state for device, outcome in found if outcome is not None}


def test_counts_in_postgresql_are_of_lines_mailboxes_sets_and_processes(tmp_path: Path) -> None:
    async def main() -> None:
        world = World(tmp_path)
        await world.furnish()
        async with world.node(bus=True):
            counts = await world.sayso("inspect")
        assert counts == {
            "lines": LINES,
            "lines_asleep": 0,
            "lines_without_current_consent": LINES - KEEPS,
            "lines_findable_by_nobody": 0,
            "lines_with_a_newcomer": 0,
            "codes_pending": 0,
            "one_time_keys": 0,
            "erasures_pending": 0,
            "envelopes_waiting": EACH * LINES,
            "envelopes_waiting_bytes": world.bytes,
            "envelopes_handed": 1,
            "envelopes_in_doubt": 1,
            "mailboxes": LINES,
            "outcomes": 0,
            "processes": 1,
            "set_builds": 1,
            "set_built_at": 14_400,
            "set_pieces": 2,
            "set_bytes": len(b"a piece" + b"another"),
        }

    run(main(), patience=2 * _PATIENCE_S)


def test_a_purge_in_postgresql_erases_what_no_consent_covers_and_tells_the_senders(tmp_path: Path) -> None:
    async def main() -> None:
        world = World(tmp_path)
        await world.furnish()
        counted = await world.sayso(*PURGE, "--dry-run")
        assert counted == {"event": "purged", "dry_run": True, "enrolments": LINES - KEEPS, "envelopes": 0}
        assert (await world.sayso("inspect"))["lines"] == LINES

        purged = await world.sayso(*PURGE)
        gone = EACH * (LINES - KEEPS)
        assert purged == {"event": "purged", "dry_run": False, "enrolments": LINES - KEEPS, "envelopes": gone}
        counts = await world.sayso("inspect")
        assert (counts["lines"], counts["lines_without_current_consent"]) == (KEEPS, 0)
        assert (counts["envelopes_waiting"], counts["mailboxes"]) == (EACH * KEEPS, KEEPS)
        assert (counts["envelopes_in_doubt"], counts["erasures_pending"]) == (0, 0)
        assert counts["outcomes"] == gone + 1  # of the one in doubt too
        assert counts["processes"] == 0
        told = await world.outcomes()
        assert set(told) == {account(place).device for place in range(KEEPS, LINES)}
        assert set(told.values()) == {OutcomeState.GONE}
        assert (await world.sayso(*PURGE))["enrolments"] == 0

    run(main(), patience=2 * _PATIENCE_S)


def test_a_purge_beside_a_process_anywhere_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        world = World(tmp_path)
        await world.furnish()
        async with world.node(bus=True):
            refused = await world.sayso(*PURGE)
        assert "stop all of them first" in refused["error"]
        assert (await world.sayso("inspect"))["lines"] == LINES

    run(main(), patience=2 * _PATIENCE_S)


def test_an_erasure_that_was_interrupted_is_finished_by_the_next_purge(tmp_path: Path) -> None:
    async def main() -> None:
        world = World(tmp_path)
        await world.furnish()
        device = account(0).device
        async with world.node() as (pool, _, _):
            # As if the process had died between the directory's transaction and the mailbox's.
            await pool.run(
                lambda connection: connection.execute(
                    "INSERT INTO erasures (device, state) VALUES ($1, $2)", device, int(OutcomeState.GONE)
                )
            )
        assert (await world.sayso(*PURGE))["enrolments"] == LINES - KEEPS
        assert (await world.sayso("inspect"))["envelopes_waiting"] == EACH * (KEEPS - 1)
        assert (await world.outcomes())[device] is OutcomeState.GONE

    run(main(), patience=2 * _PATIENCE_S)


@pytest.mark.parametrize("command", [("inspect",), PURGE])
def test_a_database_without_a_server_is_left_as_it_is(tmp_path: Path, command: tuple[str, ...]) -> None:
    world = World(tmp_path)
    assert "there is no server in this database" in run(world.sayso(*command), patience=_PATIENCE_S)["error"]
    schema = world.url.rpartition("search_path=")[2]
    assert shared_server().sql(f"SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'") == "0"  # noqa: S608


def test_a_purge_without_the_servers_keys_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        world = World(tmp_path)
        await world.furnish()
        world.data = tmp_path / "elsewhere"
        assert "no keys of a server" in (await world.sayso(*PURGE))["error"]

    run(main(), patience=2 * _PATIENCE_S)
