"""Backup and restore: what was withdrawn, used or taken back since does not come to life again."""

from pathlib import Path

import pytest
from sqlalchemy import insert, select

from bench.accounts import account, seed
from sayso.protocol.frames import OutcomeState
from sayso.server.adapters.directory.engine import open_database
from sayso.server.adapters.directory.tables import enrolments, one_time_keys
from sayso.server.adapters.heartbeat import HeartbeatFile
from sayso.server.adapters.keyring.file_keyring import PlainKeyring
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.private_file import make_private_directory
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.core.model import Batch
from sayso.server.core.running_clock import Heartbeat
from sayso.server.errors import ConfigError
from sayso.server.restoring import back_up, restore, restored
from tests.aio import run
from tests.contract.mailbox_store import put

RUNNING = 5_000.0
CANARY = b"what waited for somebody"


def keyring(data: Path) -> PlainKeyring:
    return PlainKeyring(data / "keyring", random=SystemRandom(), clock=SystemClock())


async def serving(data: Path) -> None:
    """Make the data of a server: three lines with one-time keys, something that waits, a heartbeat."""
    make_private_directory(data)
    await seed(data / "directory.db", 3)
    database = await open_database(data / "directory.db")
    async with database.write() as connection:
        rows = [
            {"device": account(place).device, "id": number, "key": bytes(32), "signature": bytes(64)}
            for place in range(3)
            for number in range(5)
        ]
        await connection.execute(insert(one_time_keys), rows)
    await database.close()
    HeartbeatFile(data / "heartbeat").write(Heartbeat(running=RUNNING, wall=SystemClock().wall()))
    store = await EmbeddedMailboxStore.open(data / "mailbox", keyring(data), SystemRandom())
    await store.commit(Batch(put=[put(seq, account(0).device, envelope=CANARY * 90 + b"%d" % seq) for seq in (1, 2)]))
    await store.close()


async def leases_and_keys(data: Path) -> tuple[list[float], int]:
    database = await open_database(data / "directory.db")
    async with database.read() as connection:
        leases = [row[0] for row in await connection.execute(select(enrolments.c.lease_ends))]
        keys = len((await connection.execute(select(one_time_keys.c.id))).all())
    await database.close()
    return leases, keys


def test_a_restored_backup_has_its_lines_asleep_and_no_key_that_may_have_been_used(tmp_path: Path) -> None:
    async def main() -> None:
        data, copy, secrets = tmp_path / "server", tmp_path / "copy", tmp_path / "usb-secrets"
        await serving(data)
        identity = keyring(data).secrets()
        back_up(data, copy, keyring_to=secrets)
        assert await leases_and_keys(data) == ([72 * 3600.0] * 3, 15)  # the server itself is as it was
        disarmed = await restore(copy, tmp_path / "new", keyring_from=secrets)
        assert (disarmed.lines, disarmed.one_time_keys, disarmed.envelopes) == (3, 15, 0)
        leases, keys = await leases_and_keys(tmp_path / "new")
        assert keys == 0
        assert all(RUNNING <= lease < RUNNING + 60 for lease in leases)  # lapsed: a device that comes wakes its line
        assert keyring(tmp_path / "new").secrets() == identity

    run(main())


def test_neither_mailboxes_nor_hour_keys_are_in_a_backup_and_the_secrets_lie_apart(tmp_path: Path) -> None:
    async def main() -> None:
        data, copy, secrets = tmp_path / "server", tmp_path / "copy", tmp_path / "usb-secrets"
        await serving(data)
        back_up(data, copy, keyring_to=secrets)
        assert sorted(path.name for path in copy.iterdir()) == ["directory.db", "heartbeat"]
        assert {path.stat().st_mode & 0o077 for path in (*copy.iterdir(), copy, secrets)} == {0}
        hours = (data / "keyring" / "hours").read_bytes()
        everything = b"".join(path.read_bytes() for path in (*copy.iterdir(), secrets))
        assert CANARY not in everything
        assert hours[16:48] not in everything

    run(main())


def test_of_an_image_nothing_that_waited_is_delivered_and_its_senders_hear_that_nobody_knows(tmp_path: Path) -> None:
    """It may have been recalled since, and sent as an SMS."""

    async def main() -> None:
        data = tmp_path / "server"
        await serving(data)
        before = keyring(data).hour_states()
        disarmed = await restored(data, passphrase=None)
        assert (disarmed.lines, disarmed.one_time_keys, disarmed.envelopes) == (3, 15, 2)
        store = await EmbeddedMailboxStore.open(data / "mailbox", keyring(data), SystemRandom())
        assert (await store.load()).waiting == []
        for seq in (1, 2):
            outcome = await store.outcome(put(seq).waiting.handle_hash)
            assert outcome is not None
            assert outcome.state is OutcomeState.UNKNOWN
        await store.close()
        assert not {state.generation for state in before} & {state.generation for state in keyring(data).hour_states()}
        assert await restored(data, passphrase=None) is not None  # again changes nothing and does not fail

    run(main())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    async def main() -> None:
        data = tmp_path / "server"
        await serving(data)
        copy = tmp_path / "copy"
        with pytest.raises(ConfigError, match="must not lie beside"):
            back_up(data, copy, keyring_to=copy / "secrets")
        back_up(data, copy)
        with pytest.raises(ConfigError, match="name a new one"):
            back_up(data, copy)
        with pytest.raises(ConfigError, match="a server is in"):
            await restore(copy, data)
        with pytest.raises(ConfigError, match="no backup"):
            await restore(tmp_path / "nothing", tmp_path / "new")
        with pytest.raises(ConfigError, match="no server"):
            back_up(tmp_path / "nothing", tmp_path / "other")
        with pytest.raises(ConfigError, match="no server"):
            await restored(tmp_path / "nothing", passphrase=None)

    run(main())
