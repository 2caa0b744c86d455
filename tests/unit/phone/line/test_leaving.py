"""Opt-out: at once silent, whatever the server says."""

import json

import pytest

from sayso.consent.receipts import read_receipt
from sayso.phone.core.lines import LineState
from sayso.phone.errors import CommandError
from sayso.phone.line.leaving import NOT_CONFIRMED
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Phone, Town


def _withdrawals(phone: Phone) -> list[tuple[bool, bool]]:
    return [
        (c.withdrawal is not None, c.withdrawal_receipt is not None) for c in phone.store.lines.consents(phone.line)
    ]


def test_the_server_erases_and_the_phone_forgets() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            left = await alice.service.opt_out()
            assert left.erased
            assert left.outlives == ("limiter record, 30 days",)
            assert alice.state is LineState.OFF
            assert alice.service.device is None
            assert alice.store.lines.envelope_keys(alice.line) == []
            assert town.server.enrolments == {}
            assert town.server.links == {}
            (consent,) = alice.store.lines.consents(alice.line)
            assert consent.withdrawal_receipt is not None
            key = town.server.receipt_key.public_key().public_bytes_raw()
            assert read_receipt(json.loads(consent.withdrawal_receipt), receipt_key=key).event == "withdrawn"

    run(main())


def test_out_of_reach_it_is_silent_all_the_same() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            town.server.stop()
            left = await alice.service.opt_out()
            assert not left.erased
            assert alice.state is LineState.OFF
            assert alice.service.line.trouble == NOT_CONFIRMED
            assert _withdrawals(alice) == [(True, False)]
            town.server.off = False
            await town.pass_time(30 * 24 * 3600)
            assert town.server.links == {}

    run(main())


def test_there_is_nothing_to_leave_when_it_is_off() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            with pytest.raises(CommandError):
                await alice.service.opt_out()

    run(main())


def test_texts_on_their_way_are_settled_honestly() -> None:
    async def main() -> None:
        town = Town()
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running():
            async with bob.running():
                await alice.opt_in()
                await bob.opt_in()
                alice.send(BOB, "hello")
                await town.settle()
            under_way = alice.send(BOB, "under way")
            await town.settle()
            town.server.stop()
            await town.settle()
            waiting = alice.send(BOB, "waiting")
            town.server.off = False
            await alice.service.opt_out()
            assert (alice.state_of(under_way), alice.text(under_way).reason) == ("unknown", "left")
            assert (alice.state_of(waiting), alice.text(waiting).reason) == ("queued", "ask")
            await town.pass_time(3600)
            assert not town.network.accepted[2:]  # the two codes, and no SMS without a word from its owner
            await alice.opt_in()
            await town.settle()
            assert alice.state_of(waiting) == "accepted"

    run(main())


def test_the_second_yes_makes_a_new_device_and_a_new_record() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            first = alice.service.device
            await alice.service.opt_out()
            await alice.opt_in()
            second = alice.service.device
            assert first is not None
            assert second is not None
            assert first.device != second.device
            assert first.curve25519 != second.curve25519
            assert _withdrawals(alice) == [(True, True), (False, False)]

    run(main())


def test_a_restart_in_the_middle_finishes_it() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
        alice.boot()
        alice.service._leaving.begin()
        async with alice.running():
            await town.until(lambda: alice.state is LineState.OFF)
            assert town.server.enrolments == {}

    run(main())


def test_while_it_pauses_it_can_be_left() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.opt_in()
            alice.modem.eject()
            await town.settle()
            left = await alice.service.opt_out()
            assert left.erased
            assert alice.state is LineState.OFF

    run(main())
