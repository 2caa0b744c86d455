"""The same life over the real ratchet, and over a store on disk that is closed and opened again."""

from pathlib import Path

from sayso.phone.adapters.store import Store
from sayso.phone.adapters.vodozemac_ratchet import VodozemacRatchet
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, STORE_KEY, Phone, Town


def _phone(town: Town, number: str, path: Path) -> Phone:
    return town.phone(number, ratchet=VodozemacRatchet(bytes(32)), path=path / f"{number}.db")


def _close_and_open(phone: Phone) -> None:
    assert phone.path is not None
    phone.store.close()
    phone.store = Store(phone.path, STORE_KEY)


def test_texts_both_ways_across_restarts(tmp_path: Path) -> None:
    async def main() -> None:
        town = Town()
        alice, bob = _phone(town, ALICE, tmp_path), _phone(town, BOB, tmp_path)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            first = alice.send(BOB, "a1")
            await town.settle()
            bob.send(ALICE, "b1")
            await town.settle()
            assert alice.state_of(first) == "delivered"
        for round_ in range(2, 5):
            _close_and_open(alice)
            _close_and_open(bob)
            async with alice.running():
                sent = [alice.send(BOB, f"a{round_}-{n}") for n in range(5)]
                await town.settle()
                assert {alice.state_of(one) for one in sent} == {"accepted"}
                async with bob.running():
                    answer = bob.send(ALICE, f"b{round_}")
                    await town.settle()
                    assert {alice.state_of(one) for one in sent} == {"delivered"}
                    assert bob.state_of(answer) == "delivered"
        shown = [row.text for row in bob.texts(ALICE) if row.direction == "in"]
        assert shown == ["a1", *(f"a{round_}-{n}" for round_ in range(2, 5) for n in range(5))]

    run(main())


def test_lost_sessions_are_made_anew(tmp_path: Path) -> None:
    async def main() -> None:
        town = Town()
        alice, bob = _phone(town, ALICE, tmp_path), _phone(town, BOB, tmp_path)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            alice.send(BOB, "a1")
            await town.settle()
            bob.send(ALICE, "b1")
            await town.settle()
            curve25519 = bob.store.peers.get(bob.line, ALICE).curve25519
            with bob.store.transaction("lost"):
                for session in bob.store.peers.sessions(bob.line, curve25519 or b""):
                    bob.store.peers.drop_session(session)
            sent = alice.send(BOB, "a2")
            await town.settle()
            assert alice.state_of(sent) == "delivered"
            answer = bob.send(ALICE, "b2")
            await town.settle()
            assert bob.state_of(answer) == "delivered"

    run(main())


def test_crossing_first_messages(tmp_path: Path) -> None:
    async def main() -> None:
        town = Town()
        alice, bob = _phone(town, ALICE, tmp_path), _phone(town, BOB, tmp_path)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            texts = []
            for n in range(4):
                texts += [(alice, alice.send(BOB, f"a{n}")), (bob, bob.send(ALICE, f"b{n}"))]
                await town.settle()
            assert {phone.state_of(text) for phone, text in texts} == {"delivered"}

    run(main())
