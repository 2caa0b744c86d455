"""Counts first, sends after."""

from dataclasses import replace

import pytest
import structlog

from sayso.protocol.ids import EnrolmentId
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.server.core.sms_caps import Cap, SmsCaps
from sayso.server.errors import SmsBudgetError, SmsError, SmsNotTakenError, StoreError
from sayso.server.services.spending import Spending
from tests.aio import run
from tests.fakes.code_sender import FakeCodeSender
from tests.fakes.control_world import ServerClock
from tests.fakes.sms_budget import MemorySmsBudget

UK, NEIGHBOUR, US = PhoneNumber("+447700900001"), PhoneNumber("+447700900002"), PhoneNumber("+12025550101")
TEXT = "Sayso code: 012345"


class World:
    """A spending service over fakes."""

    def __init__(self, caps: SmsCaps | None = None) -> None:
        self.sender, self.store, self.clock = FakeCodeSender(), MemorySmsBudget(), ServerClock()
        self.service = Spending(
            sender=self.sender,
            store=self.store,
            caps=caps or SmsCaps(),
            secret=b"k" * 32,
            running=self.clock.running,
        )
        self._enrolments = 0

    async def ask(self, number: PhoneNumber) -> EnrolmentId:
        """Send a code; returns the enrolment."""
        self._enrolments += 1
        enrolment = EnrolmentId(self._enrolments.to_bytes(16, "big"))
        await self.service.send(enrolment, number, TEXT)
        return enrolment


def few(name: str, budget: int) -> Cap:
    return Cap(name=name, budget=budget, per_hour=budget)


def test_within_the_budget_it_is_sent() -> None:
    world = World()
    run(world.ask(UK))
    assert world.sender.sent == [(UK, TEXT)]


def test_over_it_nothing_is_sent_and_the_error_names_the_cap_and_no_number() -> None:
    async def main() -> None:
        world = World(SmsCaps(block=few("block", 1)))
        await world.ask(UK)
        with pytest.raises(SmsBudgetError, match="'block'") as refused:
            await world.ask(NEIGHBOUR)
        assert "7700" not in str(refused.value)
        await world.ask(US)
        assert [number for number, _ in world.sender.sent] == [UK, US]

    run(main())


def test_nobodys_phone_is_flooded() -> None:
    async def main() -> None:
        world = World()
        for _ in range(5):
            await world.ask(UK)
        with pytest.raises(SmsBudgetError, match="'number'"):
            await world.ask(UK)
        await world.ask(NEIGHBOUR)

    run(main())


def test_who_confirms_can_enrol_again_and_again() -> None:
    async def main() -> None:
        world = World()
        for _ in range(30):
            await world.service.confirmed(await world.ask(UK))

    run(main())


def test_when_nothing_can_be_counted_nothing_is_sent() -> None:
    async def main() -> None:
        world = World()
        world.store.broken = True
        with pytest.raises(StoreError):
            await world.ask(UK)
        assert world.sender.sent == []

    run(main())


def test_what_the_operator_surely_did_not_take_costs_nothing() -> None:
    async def main() -> None:
        world = World(replace(SmsCaps(), number=few("number", 2)))
        world.sender.down = True
        for _ in range(10):
            with pytest.raises(SmsNotTakenError, match="503"):
                await world.ask(UK)
        world.sender.down = False
        await world.ask(UK)
        await world.ask(UK)

    run(main())


def test_what_nobody_knows_the_fate_of_is_counted() -> None:
    async def main() -> None:
        world = World(SmsCaps(number=few("number", 2)))
        world.sender.in_doubt = True
        for _ in range(2):
            with pytest.raises(SmsError, match="broke off"):
                await world.ask(UK)
        world.sender.in_doubt = False
        with pytest.raises(SmsBudgetError):
            await world.ask(UK)

    run(main())


def test_the_breaker_that_trips_is_logged_once_with_its_country_only() -> None:
    async def main() -> None:
        breaker = Cap(name="block-unconfirmed", budget=1, per_hour=1, unconfirmed=True, pause_s=3600)
        world = World(SmsCaps(block_unconfirmed=breaker))
        with structlog.testing.capture_logs() as log:
            await world.ask(UK)
            for _ in range(3):
                with pytest.raises(SmsBudgetError):
                    await world.ask(NEIGHBOUR)
        assert log == [
            {"event": "sms breaker tripped", "cap": "block-unconfirmed", "country": "GB", "log_level": "warning"}
        ]

    run(main())


def test_a_confirmation_that_cannot_be_counted_disturbs_nobody() -> None:
    async def main() -> None:
        world = World()
        enrolment = await world.ask(UK)
        world.store.broken = True
        with structlog.testing.capture_logs() as log:
            await world.service.confirmed(enrolment)
        assert log[0]["error"] == "StoreError"

    run(main())


def test_a_confirmation_counts_for_the_life_of_the_code() -> None:
    async def main() -> None:
        world = World(SmsCaps(number=replace(SmsCaps().number, budget=1)))
        enrolment = await world.ask(UK)
        world.clock.seconds += LIMITS.code_s
        await world.service.confirmed(enrolment)
        with pytest.raises(SmsBudgetError):
            await world.ask(UK)

    run(main())


def test_what_is_kept_names_no_number_block_or_country() -> None:
    world = World()
    run(world.ask(UK))
    kept = b"".join(world.store.buckets)
    assert not [part for part in (b"7700", b"GB", UK.e164.encode()) if part in kept]
    assert all(len(key) == 16 for key in world.store.buckets)
