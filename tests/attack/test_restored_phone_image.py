"""A phone's data is set back to an older image: no ratchet and no key of it may be used a second time.

Two texts under one message key of Olm would be open to whoever has both, and a one-time key that was used could be used
again. The phone finds that its store is behind its mark, withdraws the enrolment, and has new device keys before any
text goes by cloud.
"""

import shutil
from pathlib import Path

import msgspec
import pytest

from sayso.phone.core.lines import LineState
from sayso.phone.line.restored import OLDER_COPY
from sayso.phone.ports import RatchetSession
from tests.aio import run
from tests.fakes.mark import MemoryMark
from tests.fakes.phones import ALICE, BOB, Phone, Town
from tests.fakes.ratchet import FakeRatchet

MessageKey = tuple[object, ...]


class WatchedRatchet(FakeRatchet):
    """Notes under which message key each text was encrypted."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.used: list[MessageKey] = []

    def load_session(self, state: bytes) -> RatchetSession:
        session = super().load_session(state)
        encrypt = session.encrypt

        def noted(plaintext: bytes) -> tuple[int, bytes]:
            olm_type, message = encrypt(plaintext)
            _, name, _, _, by_opener, chain, index, *_ = msgspec.msgpack.decode(message)
            self.used.append((name, by_opener, chain, index))
            return olm_type, message

        vars(session)["encrypt"] = noted
        return session


def image_of(phone: Phone, to: Path) -> None:
    """Take an image of a phone that is off."""
    assert phone.path is not None
    phone.store.close()
    shutil.copy(phone.path, to)
    phone.store = phone._open()


def set_back(phone: Phone, image: Path) -> None:
    """Put the image back."""
    assert phone.path is not None
    phone.store.close()
    shutil.copy(image, phone.path)
    phone.store = phone._open()


async def used_and_set_back(town: Town, alice: Phone, bob: Phone, image: Path) -> None:
    """Alice writes, an image is taken, she writes on, and is set back to the image."""
    async with bob.running():
        await bob.opt_in()
        async with alice.running():
            await alice.opt_in()
            alice.send(BOB, "before the image")
            await town.settle()
        image_of(alice, image)
        async with alice.running():
            alice.send(BOB, "after the image")
            await town.settle()
        set_back(alice, image)


def phones(town: Town, path: Path) -> tuple[Phone, Phone, WatchedRatchet]:
    """Alice, whose ratchet is watched, and Bob."""
    ratchet = WatchedRatchet()
    return town.phone(ALICE, path=path / "phone.db", ratchet=ratchet), town.phone(BOB), ratchet


@pytest.mark.parametrize("elsewhere", [False, True])
def test_new_device_keys_come_before_any_send(tmp_path: Path, elsewhere: bool) -> None:  # noqa: FBT001  a case
    """`elsewhere`: the image is put on another machine, where there is no mark."""

    async def main() -> None:
        town = Town()
        alice, bob, ratchet = phones(town, tmp_path)
        await used_and_set_back(town, alice, bob, tmp_path / "image")
        if elsewhere:
            alice.mark = MemoryMark()
        old, sent, used = alice.store.lines.device(alice.line), len(town.server.deposits), list(ratchet.used)
        assert old is not None
        async with bob.running(), alice.running():
            await town.until(lambda: alice.state is LineState.OFF)
            assert alice.store.lines.get(alice.line).trouble == OLDER_COPY
            assert alice.store.lines.device(alice.line) is None
            assert town.server.of_number(ALICE) is None  # no lock of seven days on her number
            waiting = alice.send(BOB, "with the old keys?")
            await town.pass_time(3600)
            assert (len(town.server.deposits), ratchet.used) == (sent, used)
            await alice.opt_in()
            await town.until(lambda: alice.state_of(waiting) != "queued" or len(town.server.deposits) > sent)
            new = alice.service.device
            assert new is not None
            assert not {new.device, new.seed, new.curve25519, new.grant} & {
                old.device,
                old.seed,
                old.curve25519,
                old.grant,
            }
            again = alice.send(BOB, "with new keys")
            await town.settle()
            assert alice.state_of(again) in {"accepted", "delivered"}
            assert len(set(ratchet.used)) == len(ratchet.used)
        assert ("in", "cloud", "with new keys", "new") in bob.said(ALICE)

    run(main())


def test_a_phone_that_was_not_set_back_goes_on_as_before(tmp_path: Path) -> None:
    async def main() -> None:
        town = Town()
        alice, bob, ratchet = phones(town, tmp_path)
        async with bob.running():
            await bob.opt_in()
            async with alice.running():
                await alice.opt_in()
                alice.send(BOB, "one")
                await town.settle()
            image_of(alice, tmp_path / "image")
            set_back(alice, tmp_path / "image")  # of this very moment
            async with alice.running():
                two = alice.send(BOB, "two")
                await town.settle()
                assert alice.state_of(two) == "accepted"
            assert ("in", "cloud", "two", "new") in bob.said(ALICE)
        assert ratchet.used

    run(main())


def test_control_without_the_mark_a_message_key_is_used_twice(tmp_path: Path) -> None:
    async def main() -> None:
        town = Town()
        alice, bob, ratchet = phones(town, tmp_path)
        await used_and_set_back(town, alice, bob, tmp_path / "image")
        alice.mark = MemoryMark(0)  # one that knows nothing
        async with bob.running(), alice.running():
            await town.until(lambda: alice.service.connected)
            alice.send(BOB, "under an old key")
            await town.settle()
        assert len(set(ratchet.used)) < len(ratchet.used)

    run(main())
