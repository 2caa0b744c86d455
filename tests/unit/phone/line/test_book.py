"""Deleting, blocking and comparing on a phone that runs, against a server and a peer in memory."""

from contextlib import AsyncExitStack

import pytest

from sayso.phone.core.outgoing import State
from sayso.phone.errors import CommandError
from sayso.phone.line.book import Book
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Phone, Town


def book(phone: Phone) -> Book:
    return Book(phone.store, phone.town.clock, phone.random)


async def both_on(town: Town, stack: AsyncExitStack) -> tuple[Phone, Phone]:
    """Two phones whose owners said yes and have texted."""
    alice = await stack.enter_async_context(town.phone(ALICE).running())
    bob = await stack.enter_async_context(town.phone(BOB).running())
    await alice.opt_in()
    await bob.opt_in()
    sent = alice.send(BOB, "hello")
    await town.until(lambda: alice.state_of(sent) == State.DELIVERED or bool(bob.texts(ALICE)))
    bob.send(ALICE, "hello yourself")
    await town.until(lambda: len(alice.texts(BOB)) == 2)
    return alice, bob


def test_both_show_the_same_safety_number_and_a_comparison_holds_for_these_keys_only() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            alice, bob = await both_on(Town(), stack)
            digits = book(alice).safety(alice.line, BOB)
            assert digits is not None
            assert digits == book(bob).safety(bob.line, ALICE)
            assert not book(alice).is_compared(alice.line, BOB)
            book(alice).note_compared(alice.line, BOB, same=True)
            assert book(alice).is_compared(alice.line, BOB)
            with alice.store.transaction("other-digits"):
                alice.store.regard.note_compared(alice.line, BOB, "0" * 60, at=1.0)
            assert not book(alice).is_compared(alice.line, BOB)
            book(alice).note_compared(alice.line, BOB, same=False)
            assert alice.store.regard.compared(alice.line, BOB) is None

    run(main())


def test_there_is_nothing_to_compare_before_keys_are_known() -> None:
    async def main() -> None:
        async with Town().phone(ALICE).running() as alice:
            assert book(alice).safety(alice.line, BOB) is None
            with pytest.raises(CommandError, match="nothing to compare"):
                book(alice).note_compared(alice.line, BOB, same=True)

    run(main())


def test_a_blocked_number_calls_for_no_attention_gets_no_receipt_and_loses_the_grant() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            town = Town()
            alice, bob = await both_on(town, stack)
            device = alice.store.lines.device(alice.line)
            assert device is not None
            book(alice).block(BOB)
            now = alice.store.lines.device(alice.line)
            assert now is not None
            assert now.grant != device.grant
            assert not now.grant_set
            sent = bob.send(ALICE, "are you there?")
            await town.until(lambda: len(alice.texts(BOB)) == 3)
            await town.settle()
            assert alice.texts(BOB)[-1].state == "read"
            assert alice.store.conversations.unread() == 0
            assert bob.state_of(sent) not in {State.DELIVERED, State.READ}
            book(alice).unblock(BOB)
            assert not alice.store.regard.is_blocked(BOB)

    run(main())


def test_what_is_deleted_before_it_left_does_not_leave() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            town = Town()
            alice, bob = await both_on(town, stack)
            waiting = alice.send(BOB, "never sent")
            book(alice).delete_message(waiting.id)
            await town.settle()
            assert "never sent" not in [text.text for text in bob.texts(ALICE)]
            assert alice.store.texts.get(waiting.id) is None
            assert alice.store.outbox.of_message(alice.line, BOB, waiting.message_id) is None
            with pytest.raises(CommandError, match="no such message"):
                book(alice).delete_message(waiting.id)

    run(main())


def test_a_thread_goes_with_what_waits_in_it() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            alice, _ = await both_on(Town(), stack)
            waiting = alice.send(BOB, "never sent")
            book(alice).delete_thread(alice.line, BOB)
            assert alice.texts(BOB) == []
            assert alice.store.outbox.of_message(alice.line, BOB, waiting.message_id) is None
            with pytest.raises(CommandError, match="no such conversation"):
                book(alice).delete_thread(alice.line, BOB)

    run(main())
