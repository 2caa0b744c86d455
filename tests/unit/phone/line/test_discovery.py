"""Contacts' tokens: in batches, each once, within the budget, and never because of a look."""

import pytest

from sayso.phone.adapters.store.peers import Contact
from sayso.phone.errors import UnreachableError
from sayso.phone.line.discovery import ContactDiscovery
from sayso.protocol.api import EVALUATE_PATH
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.tokens import token_of
from tests.aio import run
from tests.fakes.honest_server import EPOCH
from tests.fakes.phones import ALICE, BOB, Phone, Town

US = [f"+1202555{number:04}" for number in range(100, 200)]
UK = [f"+447700900{number:03}" for number in range(200, 999)]
NUMBERS = US + UK


def add(phone: Phone, *numbers: str, line: bytes | None = None) -> None:
    with phone.store.transaction("contact"):
        for number in numbers:
            phone.store.peers.put_contact(Contact(number=number, name="Somebody", line=line))


def discovery(phone: Phone) -> ContactDiscovery:
    return ContactDiscovery(phone.service._world, phone.line, phone.service._reached())


def token(phone: Phone, number: str) -> bytes | None:
    return phone.store.peers.get(phone.line, number).token


def test_contacts_are_asked_for_in_one_batch_and_only_once() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            town.server.evaluated.clear()
            add(alice, BOB, *US[:9], ALICE, "12345")
            asking = discovery(alice)
            assert await asking.ask() == 10
            assert await asking.ask() == 0
            assert town.server.evaluated == [10]
            assert token(alice, BOB) == token_of(town.server.voprf, EPOCH, PhoneNumber(BOB))
            assert token(alice, "12345") is None
            add(alice, US[10])
            assert await discovery(alice).ask() == 1
            assert town.server.evaluated == [10, 1]

    run(main())


def test_a_contact_of_the_other_line_is_not_asked_for() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            other = alice.service._world.random.token_bytes(16)
            with alice.store.transaction("line"):
                alice.store.lines.add(type(alice.service.line)(id=other, name="sim2"))
            add(alice, BOB, line=other)
            add(alice, US[0], line=alice.line)
            assert await discovery(alice).ask() == 1
            assert token(alice, BOB) is None

    run(main())


def test_over_the_budget_smaller_batches_are_tried_and_the_rest_waits() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            town.server.evaluated.clear()
            add(alice, *NUMBERS)
            town.server.budget = 400
            got = await discovery(alice).ask()
            assert (got, town.server.evaluated) == (375, [250, 125])
            assert town.server.budget == 25
            town.server.budget = 64
            assert await discovery(alice).ask() == 0
            town.server.budget = None
            assert await discovery(alice).ask() == len(NUMBERS) - 375

    run(main())


def test_a_lost_answer_is_asked_for_again_with_the_same_bytes() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            add(alice, *US)
            asking = discovery(alice)
            control = alice.service._reached().control
            before = len(control.asked(EVALUATE_PATH))  # type: ignore[attr-defined]  # the fake's memory
            town.server.loses_answers.add(EVALUATE_PATH)
            with pytest.raises(UnreachableError):
                await asking.ask()
            add(alice, BOB)
            assert await asking.ask() == len(US) + 1
            batches = control.asked(EVALUATE_PATH)[before:]  # type: ignore[attr-defined]  # as above
            assert batches[0] == batches[1]
            assert len(batches) == 3

    run(main())


def test_looking_at_contacts_and_adding_them_asks_nobody() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            before = (list(town.server.evaluated), list(town.server.fetched))
            add(alice, BOB, *US)
            for number in (BOB, *US):
                alice.service.likely(number)
            await town.settle()
            assert (town.server.evaluated, town.server.fetched) == before

    run(main())
