"""A server with two faces: it shows one person another VOPRF key, to mark or to misdirect, than all the others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sayso.phone.core.lines import Device
from sayso.phone.core.texts import Direction, Word
from sayso.protocol.frames import Bye, ByeReason
from sayso.protocol.limits import DAY, HOUR, LIMITS
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Phone, Town

OF_HIS_OWN = bytes([66]) * 32


def device_of(phone: Phone) -> Device:
    device = phone.store.lines.device(phone.line)
    assert device is not None
    return device


def warned(phone: Phone) -> int:
    """How often the owner was told of two faces."""
    return sum(row.reason == Word.OTHER_STATEMENT for row in phone.texts() if row.direction is Direction.SYSTEM)


@asynccontextmanager
async def friends() -> AsyncIterator[tuple[Town, Phone, Phone]]:
    """Two phones that have known each other, and their server, for some days."""
    town = Town()
    alice, bob = town.phone(ALICE), town.phone(BOB)
    async with alice.running(), bob.running():
        await alice.opt_in()
        await bob.opt_in()
        await texts(town, alice, bob)
        await town.pass_time(2 * DAY)
        await texts(town, alice, bob)
        assert (warned(alice), warned(bob)) == (0, 0)
        yield town, alice, bob


async def texts(town: Town, alice: Phone, bob: Phone) -> None:
    """One each way."""
    alice.send(BOB, "hello")
    await town.pass_time(60)
    bob.send(ALICE, "hello yourself")
    await town.pass_time(60)


def test_friends_warn_of_a_statement_that_one_of_them_is_shown_alone() -> None:
    """From the next refresh on Alice goes by her own statement; both phones say so, once, soon after a text."""

    async def main() -> None:
        async with friends() as (town, alice, bob):
            town.server.faces[device_of(alice).device] = {1: OF_HIS_OWN}
            await town.pass_time(LIMITS.lease_renew_s + HOUR)
            await town.pass_time(DAY)
            for _ in range(3):
                await texts(town, alice, bob)
                await town.pass_time(2 * HOUR)
            assert (warned(alice), warned(bob)) == (1, 1)
            sentence = next(row for row in bob.texts(ALICE) if row.reason == Word.OTHER_STATEMENT)
            assert sentence.number == ALICE

    run(main())


def test_the_victims_friend_does_not_wait_for_its_own_statement_to_grow_old() -> None:
    """Bob's statement has been the same for days: one text of hers is enough, and the clock asks the server."""

    async def main() -> None:
        async with friends() as (town, alice, bob):
            town.server.faces[device_of(alice).device] = {1: OF_HIS_OWN}
            await town.pass_time(LIMITS.lease_renew_s + HOUR)
            alice.send(BOB, "do you see what I see?")
            await town.pass_time(60)
            assert warned(bob) == 0, "a text that comes causes nothing by itself"
            await town.pass_time(2 * HOUR)
            assert warned(bob) == 1

    run(main())


def test_a_key_that_is_not_the_stated_one_proves_nothing() -> None:
    """Evaluated under a key of its own, with the statement of all: the line does not go on, and its owner is told."""

    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            town.server.evaluates_with = OF_HIS_OWN
            await alice.service.opt_in(
                server="http://127.0.0.1:8080",
                server_key=town.server.digest,
                number=None,
                findable="everyone",
                method="test",
            )
            await town.pass_time(60)
            line = alice.store.lines.get(alice.line)
            assert line.state == "off"
            assert alice.store.lines.device(alice.line) is None
            assert line.trouble is not None
            assert "proof" in line.trouble
            assert town.server.claims == []

    run(main())


@pytest.mark.parametrize("busy", [True, False])
def test_a_rotation_is_no_second_face(busy: bool) -> None:  # noqa: FBT001  a parameter
    """Everyone is shown the same new statement, at moments of their own: nobody is warned."""

    async def main() -> None:
        async with friends() as (town, alice, bob):
            town.server.rotate_voprf()
            for link in list(town.server.links.values()):
                if busy or link.device == device_of(alice).device:
                    link.say(Bye(ByeReason.STOPPING))
            for _ in range(20):
                await texts(town, alice, bob)
                await town.pass_time(HOUR)
            town.server.end_epoch()
            for _ in range(20):
                await texts(town, alice, bob)
                await town.pass_time(HOUR)
            assert (warned(alice), warned(bob)) == (0, 0)

    run(main())


def test_another_long_term_key_is_another_server() -> None:
    """What was agreed to names the key: the line goes on by what it has, and its owner is asked, not the new key."""

    async def main() -> None:
        async with friends() as (town, alice, _):
            before = device_of(alice).statement
            town.server.certificate_key, town.server.long_term = town.server.long_term, town.server.certificate_key
            await town.pass_time(LIMITS.lease_renew_s + HOUR)
            trouble = alice.store.lines.get(alice.line).trouble
            assert trouble is not None
            assert "not the server that was agreed to" in trouble
            assert device_of(alice).statement == before

    run(main())
