"""Keys of the server are replaced while two people text each other: nothing is lost, no code is asked for."""

from pathlib import Path

import pytest

from sayso.server.admin import rotate
from sayso.server.core.retiring import KeyKind
from sayso.server.errors import ConfigError
from tests.integration.nursery import Nursery
from tests.integration.world import ALICE, BOB, Enrolled, World, play

pytestmark = pytest.mark.slow


def replace_keys(world: World, *kinds: KeyKind) -> None:
    """Do what `sayso server rotate` does."""
    for kind in kinds:
        rotate(world.data / "server", kind, passphrase=None)


async def moved(world: World, *names: str) -> None:
    """Wait until phones have their certificates of the new epoch."""
    await world.until(
        lambda: (set(names) <= {one.who for one in world.told if one.boundary.name == "store.epoch-moved"}) or None,
        "the lines to move",
    )


def test_every_key_is_replaced_between_two_texts(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """Both move by themselves; texts written before, while the server stood still, and after all arrive once."""
    enrolled.copy(place)

    async def scenario(made: World) -> None:
        alice, bob = made.alice, made.bob
        await made.start("carrier")
        await made.start("server", "alice", "bob")
        await alice.send(BOB, "before")
        await bob.sees("before")
        codes = len(await made.sent_sms())
        with pytest.raises(ConfigError, match="stop it first"):
            replace_keys(made, KeyKind.VOPRF)
        await made.server.stop()
        await alice.send(BOB, "while it stands still")
        replace_keys(made, *KeyKind)
        await made.start("server")
        await bob.sees("while it stands still")
        await moved(made, "alice", "bob")
        await bob.send(ALICE, "after")
        await alice.sees("after")
        for text in ("before", "while it stands still"):
            await alice.sees(text, "delivered")
        await bob.sees("after", "delivered")
        texts = {"before", "while it stands still", "after"}
        for person in (alice, bob):
            shown = [(one.text, one.channel) for one in await person.messages()]
            assert sorted(shown) == sorted((text, "cloud") for text in texts), "nothing twice, no SMS, no warning"
        assert len(await made.sent_sms()) == codes, "no code was asked for"

    play(nursery, place, enrolled.ports, scenario)


def test_one_phone_sleeps_while_the_other_moves(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """Who has moved reaches who has not; the one that wakes up moves, and what waited for it is read."""
    enrolled.copy(place)

    async def scenario(made: World) -> None:
        alice, bob = made.alice, made.bob
        await made.start("carrier")
        await made.start("server", "alice", "bob")
        await bob.send(ALICE, "good night")
        await alice.sees("good night")
        await bob.daemon.stop()
        await made.server.stop()
        replace_keys(made, KeyKind.VOPRF)
        await made.start("server")
        await moved(made, "alice")
        await alice.send(BOB, "are you up?")
        await alice.sees("are you up?", "accepted")
        await made.start("bob")
        assert (await bob.sees("are you up?")).channel == "cloud"
        await moved(made, "bob")
        await bob.send(ALICE, "I am")
        await alice.sees("I am")

    play(nursery, place, enrolled.ports, scenario)
