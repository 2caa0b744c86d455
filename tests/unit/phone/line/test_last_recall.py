"""At opt-out, what still waits in others' mailboxes is listed, and recalled first if its owner says so."""

import asyncio

from sayso.phone import command_types as ask
from sayso.phone.core.lines import LineState
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Phone, Town
from tests.fakes.relay_server import RelayServer


async def _opt_out(alice: Phone, *, recall: bool) -> ask.OptedOut:
    answer = await alice.owner.handle(ask.OptOut(recall_waiting=recall))
    assert isinstance(answer, ask.OptedOut)
    return answer


async def _waiting(alice: Phone) -> list[str]:
    answer = await alice.owner.handle(ask.StillWaiting())
    assert isinstance(answer, ask.MessageList)
    return [message.text for message in answer.messages]


async def _one_fetched_one_waiting(town: Town, alice: Phone, bob: Phone) -> None:
    """Both are in the cloud, Bob is off, Alice runs; one of her texts he has fetched, one waits."""
    async with bob.running():
        await alice.opt_in()
        await bob.opt_in()
        alice.send(BOB, "fetched")
        await town.pass_time(2)
        bob.send(ALICE, "thanks")  # so Alice is no stranger, and is told what was delivered
        await town.pass_time(2)
    alice.send(BOB, "waits")
    await town.pass_time(2)


def test_they_are_listed_and_recalled_first() -> None:
    async def main() -> None:
        town = Town(RelayServer)
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running():
            await _one_fetched_one_waiting(town, alice, bob)
            assert await _waiting(alice) == ["waits"]
            async with asyncio.TaskGroup() as tasks:
                leaving = tasks.create_task(_opt_out(alice, recall=True))
                while not leaving.done():
                    await town.pass_time(0.1)
            left = leaving.result()
            assert (left.recalled, left.left_waiting, left.erased) == (1, 0, True)
            assert ("out", "cloud", "waits", "cancelled") in alice.said(BOB)
        async with bob.running():
            await town.settle()
            assert "waits" not in [text for _, _, text, _ in bob.said(ALICE)]

    run(main())


def test_without_the_word_they_are_left_and_counted() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running():
            await _one_fetched_one_waiting(town, alice, bob)
            waiting = len(await _waiting(alice))
            left = await _opt_out(alice, recall=False)
            assert (left.recalled, left.left_waiting) == (0, waiting)
            assert waiting >= 1
        async with bob.running():
            await town.settle()
            assert "waits" in [text for _, _, text, _ in bob.said(ALICE)]

    run(main())


def test_a_server_that_does_not_answer_holds_up_the_no_for_ten_seconds_at_most() -> None:
    async def main() -> None:
        town = Town()  # its server answers no recall
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running():
            await _one_fetched_one_waiting(town, alice, bob)
            began = town.clock.monotonic()
            async with asyncio.TaskGroup() as tasks:
                leaving = tasks.create_task(_opt_out(alice, recall=True))
                while not leaving.done():
                    await town.pass_time(0.5)
            assert town.clock.monotonic() - began < 15
            assert leaving.result().recalled == 0
            assert leaving.result().left_waiting >= 1
            assert alice.state is LineState.OFF

    run(main())


def test_out_of_reach_the_no_is_not_held_up() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running():
            await _one_fetched_one_waiting(town, alice, bob)
            town.server.stop()
            await town.settle()
            left = await _opt_out(alice, recall=True)
            assert (left.recalled, left.erased) == (0, False)
            assert left.left_waiting >= 1

    run(main())
