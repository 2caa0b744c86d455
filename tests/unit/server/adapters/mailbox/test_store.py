"""The embedded store beyond the contract: turns that fail half way, damage, and few statements a batch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest

from sayso.server.adapters.mailbox.statements import fetch
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.system import SystemRandom
from sayso.server.core.model import Batch
from sayso.server.errors import ConfigError, KeyringError, NoSpaceError, StoreError
from tests.aio import run
from tests.contract.mailbox_store import ANNA, BEN, outcome, put
from tests.fakes.faulty_vfs import FaultyVfs
from tests.fakes.keyring import MemoryKeyring

PAGE = 8192


class Place:
    """Where a store lives, across restarts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "mailbox"
        self.keyring = MemoryKeyring(generation=100)
        self.vfs = FaultyVfs()

    @asynccontextmanager
    async def store(self) -> AsyncIterator[EmbeddedMailboxStore]:
        store = await EmbeddedMailboxStore.open(self.directory, self.keyring, SystemRandom(), vfs=self.vfs.name)
        try:
            yield store
        finally:
            await store.close()

    @property
    def generations(self) -> list[int]:
        return [state.generation for state in self.keyring.hour_states()]

    def spoil(self, *pages: int) -> None:
        """Overwrite pages of the closed database."""
        with (self.directory / "mailbox.db").open("r+b") as file:
            for page in pages:
                file.seek((page - 1) * PAGE)
                file.write(b"\xff" * PAGE)

    def leaf_pages(self, table: str) -> list[int]:
        """Return a table's leaf pages, those of bodies too long for one excluded."""
        connection = apsw.Connection(str(self.directory / "mailbox.db"))
        sql = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno"
        pages = [page for (page,) in fetch(connection, sql, (table,))]
        connection.close()
        return pages


def puts(count: int) -> Batch:
    return Batch(put=[put(seq, envelope=b"%08d" % seq * 256) for seq in range(1, count + 1)])


async def readable(store: EmbeddedMailboxStore, count: int) -> list[int]:
    return [seq for seq, _ in await store.window(ANNA, range(1, count + 1))]


class TestTurn:
    def test_what_waits_is_there_after_many_turns_and_restarts(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        batch = puts(3000)  # more than one statement's worth

        async def main() -> None:
            async with place.store() as store:
                await store.commit(batch)
                for generation in (101, 102, 150):
                    await store.turn(generation)
                    assert (store.generation, place.generations) == (generation, [generation])
                await store.commit(Batch(put=[put(3001)]))
            async with place.store() as store:
                await store.turn(151)
                assert len((await store.load()).waiting) == 3001
                seqs = [p.waiting.seq for p in batch.put]
                assert await store.window(ANNA, seqs) == [(p.waiting.seq, p.envelope) for p in batch.put]

        run(main())

    def test_the_same_generation_again_changes_nothing(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.turn(101)
                states = place.keyring.hour_states()
                await store.turn(101)
                await store.turn(7)
                assert place.keyring.hour_states() == states

        run(main())

    def test_the_log_is_cut_off(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(10))
                assert (place.directory / "mailbox.db-wal").stat().st_size > 0
                await store.window(ANNA, [1])
                await store.turn(101)
                assert (place.directory / "mailbox.db-wal").stat().st_size == 0

        run(main())

    def test_a_program_that_reads_the_database_does_not_keep_the_old_key_alive(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(10))
                other = apsw.Connection(str(place.directory / "mailbox.db"), flags=apsw.SQLITE_OPEN_READONLY)
                other.execute("BEGIN; SELECT count(*) FROM mail").fetchall()
                await store.turn(101)
                other.close()
                assert place.generations == [101]
                assert len(await readable(store, 10)) == 10

        run(main())

    def test_marks_of_devices_for_which_nothing_waits_are_forgotten(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(Batch(put=[put(1), put(2, BEN)], handed={ANNA: 1, BEN: 2}))
                await store.commit(Batch(settled=[(1, outcome(put(1)))]))
                await store.turn(101)
                assert [w.handed for w in (await store.load()).waiting] == [True]
            file = (place.directory / "mailbox.db").read_bytes()
            assert file.count(BEN) > 0
            assert file.count(ANNA) == 0

        run(main())

    def test_a_keyring_that_takes_no_new_key_leaves_all_as_it_was(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(3))
                place.keyring.fail_next = KeyringError("planted")
                with pytest.raises(KeyringError):
                    await store.turn(101)
                assert place.generations == [100]
                await store.commit(Batch(put=[put(4)]))
                await store.turn(101)
                assert place.generations == [101]
                assert await readable(store, 4) == [1, 2, 3, 4]

        run(main())

    def test_with_a_full_disk_both_keys_stay_and_the_store_goes_on(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(3))
                place.vfs.fail_writes = apsw.FullError
                with pytest.raises(NoSpaceError):
                    await store.turn(101)
                place.vfs.fail_writes = None
                assert place.generations == [100, 101]
                await store.commit(Batch(put=[put(4)]))
                assert await readable(store, 4) == [1, 2, 3, 4]
                await store.turn(102)
                assert place.generations == [102]
                assert await readable(store, 4) == [1, 2, 3, 4]

        run(main())

    @pytest.mark.parametrize("generation", [101, 105])
    def test_a_key_that_could_not_be_destroyed_is_destroyed_by_the_next_turn(
        self, tmp_path: Path, generation: int
    ) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(3))
                original = place.keyring.destroy_hour_states_before

                def fails(generation: int) -> None:
                    place.keyring.fail_next = KeyringError("planted")
                    original(generation)

                place.keyring.destroy_hour_states_before = fails  # type: ignore[method-assign]  # one call that fails
                with pytest.raises(KeyringError):
                    await store.turn(101)
                place.keyring.destroy_hour_states_before = original  # type: ignore[method-assign]  # and the rest works
                assert place.generations == [100, 101]
                await store.turn(generation)
                assert place.generations == [generation]
                assert await readable(store, 3) == [1, 2, 3]

        run(main())

    def test_a_failed_fsync_in_a_turn_ends_the_store_and_the_next_start_finishes_it(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(3))
                place.vfs.fail_syncs = apsw.IOError
                with pytest.raises(StoreError):
                    await store.turn(101)
                place.vfs.fail_syncs = None
                with pytest.raises(StoreError):
                    await store.turn(101)
                assert place.generations == [100, 101]
            async with place.store() as store:
                assert place.generations == [101]
                assert await readable(store, 3) == [1, 2, 3]

        run(main())


class TestDamage:
    def test_a_flipped_bit_costs_one_envelope(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(20))
            (first, *_) = place.leaf_pages("body")
            with (place.directory / "mailbox.db").open("r+b") as file:
                file.seek(first * PAGE - 100)  # within the last cell written from the page's end
                byte = file.read(1)[0]
                file.seek(-1, 1)
                file.write(bytes([byte ^ 1]))
            async with place.store() as store:
                assert len(await readable(store, 20)) == 19

        run(main())

    def test_a_damaged_page_of_bodies_costs_what_lies_on_it(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(300))
            place.spoil(place.leaf_pages("body")[5])
            async with place.store() as store:
                assert len((await store.load()).waiting) == 300
                seqs = await readable(store, 300)
                assert 290 <= len(seqs) < 300
                # The relay settles all of them, the lost ones too; the others leave, and new ones find place.
                settled = [(seq, outcome(put(seq))) for seq in range(1, 301)]
                await store.commit(Batch(settled=settled))
                await store.commit(Batch(put=[put(301)]))
                assert [w.seq for w in (await store.load()).waiting] == [301]
                await store.turn(101)
                assert await store.window(ANNA, [301]) == [(301, put(301).envelope)]
                lost = next(seq for seq in range(1, 301) if seq not in seqs)
                assert await store.outcome(put(lost).waiting.handle_hash) == outcome(put(lost))

        run(main())

    def test_a_damaged_page_of_rows_is_set_aside_and_others_are_served(self, tmp_path: Path) -> None:
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(300))
            place.spoil(place.leaf_pages("mail")[2])
            async with place.store() as store:
                held = await store.load()
                assert 200 <= len(held.waiting) < 300
                assert store.set_aside > 0
                assert held.next_seq == 301
                left = [w.seq for w in held.waiting]
                assert await readable(store, 300) == left
                await store.turn(101)
                assert place.generations == [101]
                assert await readable(store, 300) == left

        run(main())

    def test_what_was_wrapped_under_a_lost_hour_key_is_set_aside_and_forgotten_in_time(self, tmp_path: Path) -> None:
        """A keyring restored from a backup, or made anew."""
        place = Place(tmp_path)

        async def main() -> None:
            async with place.store() as store:
                await store.commit(puts(3))
            place.keyring = MemoryKeyring(generation=900)
            async with place.store() as store:
                held = await store.load()
                assert (held.waiting, store.set_aside, held.next_seq) == ([], 3, 4)
                await store.commit(Batch(put=[put(4)]))
                await store.turn(901)
                assert await readable(store, 4) == [4]
                await store.commit(Batch(forget_before=20_000.0))
                await store.load()
                assert store.set_aside == 0
                assert await readable(store, 4) == [4]

        run(main())


def test_a_batch_takes_few_statements(tmp_path: Path) -> None:
    """Each statement may cost a switch interval beside a busy event loop: 256 rows must not cost 256 of them."""
    place = Place(tmp_path)
    batch = puts(256)

    async def main() -> None:
        async with place.store() as store:
            count = 0

            def counted(*_: object) -> bool:
                nonlocal count
                count += 1
                return True

            store._database.writer.exec_trace = counted
            store._database.reader.exec_trace = counted
            for work, most in (
                (lambda: store.commit(batch), 8),
                (lambda: readable(store, 256), 4),
                (lambda: store.turn(101), 8),
                (lambda: store.commit(Batch(settled=[(p.waiting.seq, outcome(p)) for p in batch.put])), 8),
                (lambda: store.commit(Batch(collected=[p.waiting.handle_hash for p in batch.put])), 4),
            ):
                count = 0
                await work()
                assert 0 < count <= most

    run(main())


def test_the_latest_running_time_is_kept(tmp_path: Path) -> None:
    place = Place(tmp_path)

    async def main() -> None:
        async with place.store() as store:
            await store.commit(Batch(put=[put(1)]))  # deposited at 101
            await store.commit(Batch(settled=[(1, outcome(put(1), at=777.0))]))
            await store.commit(Batch(collected=[put(1).waiting.handle_hash]))
            await store.commit(Batch(put=[put(2)]))
        async with place.store() as store:
            await store.load()
            assert store.latest == 777.0

    run(main())


def test_a_second_store_on_the_same_place_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)

    async def main() -> None:
        async with place.store() as store:
            with pytest.raises(ConfigError, match="another server"):
                async with place.store():
                    pass
            await store.commit(puts(1))

    run(main())


def test_no_plaintext_and_no_key_is_in_the_files(tmp_path: Path) -> None:
    place = Place(tmp_path)

    async def main() -> None:
        async with place.store() as store:
            await store.commit(Batch(put=[put(1, envelope=b"see you at eight " * 50)]))
            for file in place.directory.iterdir():
                assert b"see you at eight" not in file.read_bytes()
        for file in place.directory.iterdir():
            content = file.read_bytes()
            assert b"see you at eight" not in content
            assert place.keyring.hour_states()[0].state not in content

    run(main())
