"""A store behind its mark: what becomes of a line in each state, and of a crash in the middle."""

from dataclasses import replace

import pytest

from sayso.phone.core.lines import LineState
from sayso.phone.errors import StoreLockedError
from sayso.phone.line.leaving import NOT_CONFIRMED
from sayso.phone.line.restored import OLDER_COPY, follow_mark
from tests.aio import run
from tests.fakes.honest_server import URL
from tests.fakes.mark import MemoryMark
from tests.fakes.phones import ALICE, Phone, Town


class BrokenMark(MemoryMark):
    """Cannot be kept."""

    def advance(self, moves: int) -> None:
        raise StoreLockedError(f"no room for {moves}")


async def _opted_in(town: Town) -> Phone:
    alice = town.phone(ALICE)
    async with alice.running():
        await alice.opt_in()
    return alice


def _age(phone: Phone) -> None:
    """Let the mark say that this store has been used further than it remembers."""
    phone.mark.noted = phone.store.moves() + 1


def test_the_mark_follows_what_moves_keys() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        alice.boot()
        assert alice.mark.noted == 0
        alice.service.set_read_receipts(on=True)
        assert alice.mark.noted == 0  # no key has changed
        async with alice.running():
            await alice.opt_in()
            assert alice.mark.noted == alice.store.moves() > 0

    run(main())


def test_out_of_reach_it_is_off_all_the_same() -> None:
    async def main() -> None:
        town = Town()
        alice = await _opted_in(town)
        _age(alice)
        town.server.stop()
        async with alice.running():
            await town.until(lambda: alice.state is LineState.OFF)
            assert alice.service.line.trouble == f"{OLDER_COPY}; {NOT_CONFIRMED}"
            assert alice.mark.noted == alice.store.moves()
        async with alice.running():
            await alice.town.settle()
            town.server.off = False
            await alice.opt_in()
        async with alice.running():  # and stays on at the next start
            assert alice.state is LineState.ON

    run(main())


@pytest.mark.parametrize("state", [LineState.PAUSED, LineState.POLICY_CHANGED])
def test_a_silent_line_ends_silently(state: LineState) -> None:
    async def main() -> None:
        town = Town()
        alice = await _opted_in(town)
        with alice.store.transaction("test"):
            alice.store.lines.put(replace(alice.store.lines.get(alice.line), state=state))
        _age(alice)
        opened = alice.store.journal(alice.line).count()
        async with alice.running():
            await town.settle()
            assert alice.state is LineState.OFF
            assert alice.service.line.trouble == OLDER_COPY
            assert alice.service.device is None
        assert alice.store.journal(alice.line).count() == opened
        assert town.server.of_number(ALICE) is not None  # its lease ends by itself

    run(main())


def test_an_enrolment_under_way_ends() -> None:
    async def main() -> None:
        town = Town()
        alice = town.phone(ALICE)
        async with alice.running():
            await alice.service.opt_in(
                server=URL, server_key=town.server.digest, number=None, findable="everyone", method="test"
            )
        assert alice.state.value == "enrolling"
        _age(alice)
        alice.boot()
        assert alice.state.value == "off"
        assert alice.store.lines.get(alice.line).trouble == OLDER_COPY

    run(main())


def test_a_crash_before_the_mark_is_passed_begins_it_anew() -> None:
    async def main() -> None:
        town = Town()
        alice = await _opted_in(town)
        _age(alice)
        noted = alice.mark.noted

        def crash(name: str, side: str) -> None:
            if (name, side) == ("mark-passed", "before"):
                raise InterruptedError

        alice.boundary = crash
        with pytest.raises(InterruptedError):
            alice.boot()
        assert alice.mark.noted == noted
        assert alice.state is LineState.LEAVING
        alice.boundary = None
        async with alice.running():
            await town.until(lambda: alice.state is LineState.OFF)
            assert alice.service.line.trouble == OLDER_COPY

    run(main())


def test_a_mark_that_cannot_be_kept_lets_nothing_out() -> None:
    async def main() -> None:
        alice = await _opted_in(Town())
        with pytest.raises(StoreLockedError):
            follow_mark(alice.service._world, BrokenMark(0))

    run(main())
