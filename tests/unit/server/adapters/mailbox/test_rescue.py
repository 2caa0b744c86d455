"""A damaged database is set aside, once, and what is whole goes on; at every step a crash changes nothing."""

from pathlib import Path

import pytest

from sayso.protocol.frames import OutcomeState
from sayso.server.adapters.mailbox.database import MailboxDatabase
from sayso.server.adapters.mailbox.rescue import Rescued, mark, put_in_place
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.system import SystemRandom
from sayso.server.core.model import Batch, Doubt
from sayso.server.errors import CorruptError
from tests.aio import run
from tests.contract.mailbox_store import ANNA, BEN, outcome, put
from tests.fakes.keyring import MemoryKeyring

PAGE = 8192


async def made(directory: Path, keyring: MemoryKeyring, count: int = 100) -> None:
    """Make mailboxes with envelopes, outcomes, a doubt and a watermark."""
    store = await EmbeddedMailboxStore.open(directory, keyring, SystemRandom())
    await store.commit(
        Batch(put=[put(seq, envelope=b"%08d" % seq * 256) for seq in range(1, count + 1)], handed={ANNA: 3})
    )
    first = put(1).waiting
    doubt = Doubt(
        device=BEN,
        envelope_id=first.envelope_id,
        handle_hash=first.handle_hash,
        granted=True,
        deposited=1.0,
        expires=2.5,
        refused_means=OutcomeState.RECALLED,
    )
    await store.commit(Batch(outcomes=[outcome(put(seq)) for seq in range(500, 520)], doubted=[(1, doubt)]))
    await store.close()


def spoil_first_page(directory: Path) -> bytes:
    path = directory / "mailbox.db"
    content = path.read_bytes()
    path.write_bytes(b"\xff" * PAGE + content[PAGE:])
    return path.read_bytes()


def test_with_its_first_page_gone_everything_else_goes_on(tmp_path: Path) -> None:
    directory, keyring = tmp_path / "mailbox", MemoryKeyring(generation=100)

    async def main() -> None:
        await made(directory, keyring)
        spoilt = spoil_first_page(directory)
        store = await EmbeddedMailboxStore.open(directory, keyring, SystemRandom())
        held = await store.load()
        assert [one.seq for one in held.waiting] == list(range(2, 101))
        assert all(one.handed for one in held.waiting)  # its watermark may have been on a page that is gone
        assert [doubt.device for doubt in held.doubts] == [BEN]
        assert held.next_seq == 101
        assert len(await store.window(ANNA, range(2, 101))) == 99
        assert await store.outcome(put(510).waiting.handle_hash) == outcome(put(510))
        assert store.set_aside == 0
        await store.commit(Batch(put=[put(101)]))
        await store.close()
        assert (directory / "mailbox-damaged-1.db").read_bytes() == spoilt
        again = await EmbeddedMailboxStore.open(directory, keyring, SystemRandom())
        assert len((await again.load()).waiting) == 100
        assert again.set_aside == 0
        await again.close()

    run(main())


def test_damage_met_on_the_way_is_mended_by_the_next_start(tmp_path: Path) -> None:
    """A page of outcomes is looked at only when it is needed."""
    directory, keyring = tmp_path / "mailbox", MemoryKeyring(generation=100)

    async def main() -> None:
        await made(directory, keyring)
        path = directory / "mailbox.db"
        digest = put(510).waiting.handle_hash
        content = bytearray(path.read_bytes())
        for page in range(1, len(content) // PAGE):
            if content.find(bytes(digest), page * PAGE, (page + 1) * PAGE) >= 0:
                content[page * PAGE] ^= 0x40  # the kind of the page
        path.write_bytes(content)
        store = await EmbeddedMailboxStore.open(directory, keyring, SystemRandom())
        await store.load()
        with pytest.raises(CorruptError):
            await store.commit(Batch(outcomes=[outcome(put(600))]))
        await store.close()
        assert mark(path).exists()
        store = await EmbeddedMailboxStore.open(directory, keyring, SystemRandom())
        assert not mark(path).exists()
        assert len((await store.load()).waiting) == 99
        await store.commit(Batch(outcomes=[outcome(put(600))]))
        await store.close()

    run(main())


def test_a_crash_between_any_two_steps_is_made_good_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = MemoryKeyring(generation=100)

    class CrashError(Exception):
        pass

    def crash_at(nth: int) -> None:
        seen = iter(range(1, nth))

        def counted(what: str) -> None:
            real = getattr(Path, what)

            def step(*args: object, **options: object) -> object:
                if next(seen, None) is None:
                    raise CrashError
                return real(*args, **options)

            monkeypatch.setattr(Path, what, step)

        counted("rename")
        counted("unlink")

    async def main(directory: Path, nth: int) -> bool:
        await made(directory, keyring, count=12)
        spoil_first_page(directory)
        with monkeypatch.context():
            crash_at(nth)
            try:
                MailboxDatabase(directory).close()
            except CrashError:
                crashed = True
            else:
                crashed = False
        monkeypatch.undo()
        store = await EmbeddedMailboxStore.open(directory, keyring, SystemRandom())
        assert len((await store.load()).waiting) == 11
        await store.close()
        return crashed

    crashes = 0
    while run(main(tmp_path / f"crash-{crashes}", crashes + 1)):
        assert len(list((tmp_path / f"crash-{crashes}").glob("mailbox-damaged-*.db"))) == 1
        crashes += 1
    assert crashes >= 4


def test_nothing_is_put_in_place_where_nothing_was_made(tmp_path: Path) -> None:
    put_in_place(tmp_path / "mailbox.db")
    assert list(tmp_path.iterdir()) == []


def test_rows_of_another_shape_are_not_ours() -> None:
    found = Rescued()
    found.take((1, [None, "text"]))
    found.take((None, [b"short", b"x", b"y", 1, 1.0, 2.0, 3]))
    found.take((5, [b"h" * 32, 1, 1, float("nan"), 2.0]))
    found.take((5, [b"h" * 32, 1, 1, -1.0, 2.0]))
    found.take((2**64 - 1, [None, b"sealed, at a place that the database has no number for"]))
    found.take((1, [None, 2**62, 1.0]))
    assert not found


def test_of_an_envelope_one_half_is_counted_as_lost() -> None:
    found = Rescued()
    found.take((7, [None, b"sealed"]))
    assert found.lost == 1
