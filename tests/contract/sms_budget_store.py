"""What every `SmsBudgetStore` does."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager

from sayso.protocol.ids import EnrolmentId
from sayso.server.core.sms_budget import BucketCharge, BucketKey
from sayso.server.core.sms_caps import Cap
from sayso.server.ports import SmsBudgetStore
from tests.aio import run

NOW = 100_000.0
HOUR = 3600.0
PLAIN = BucketCharge(key=BucketKey(b"p" * 16), cap=Cap(name="plain", budget=10, per_hour=10))
BREAKER = BucketCharge(
    key=BucketKey(b"b" * 16), cap=Cap(name="breaker", budget=5, per_hour=5, unconfirmed=True, pause_s=HOUR)
)
BOTH = (BREAKER, PLAIN)


def enrolment(number: int) -> EnrolmentId:
    return EnrolmentId(number.to_bytes(16, "big"))


async def sent(store: SmsBudgetStore, first: int, count: int, *, now: float = NOW) -> int:
    """How many of `count` enrolments from `first` on are sent an SMS."""
    decisions = [
        await store.spend(enrolment(first + place), BOTH, now=now, expires=now + 600) for place in range(count)
    ]
    return sum(decision.full is None for decision in decisions)


class SmsBudgetStoreContract(ABC):
    """Subclass it and say how a store is opened."""

    @abstractmethod
    def open_store(self) -> AbstractAsyncContextManager[SmsBudgetStore]:
        """Open it; again is a restart, where there is anything durable."""

    def test_the_budget_is_spent_once(self) -> None:
        async def main() -> None:
            async with self.open_store() as store:
                assert await sent(store, 0, 20) == 5
                assert await sent(store, 20, 20, now=NOW + 2 * HOUR) == 5

        run(main())

    def test_in_a_race_no_more_than_the_budget_is_spent(self) -> None:
        async def main() -> None:
            async with self.open_store() as store, asyncio.TaskGroup() as tasks:
                asks = [
                    tasks.create_task(store.spend(enrolment(number), BOTH, now=NOW, expires=NOW + 600))
                    for number in range(20)
                ]
            assert sum(ask.result().full is None for ask in asks) == 5
            assert sum(ask.result().tripped for ask in asks) == 1

        run(main())

    def test_a_breaker_that_tripped_stays_tripped(self) -> None:
        async def main() -> None:
            async with self.open_store() as store:
                await sent(store, 0, 6)
                decision = await store.spend(enrolment(7), BOTH, now=NOW + HOUR - 1, expires=NOW + HOUR)
                assert decision.full == BREAKER.cap
                assert not decision.tripped

        run(main())

    def test_confirmed_codes_come_back_to_the_breaker_only(self) -> None:
        async def main() -> None:
            async with self.open_store() as store:
                for number in range(10):
                    assert await sent(store, number, 1) == 1
                    await store.give_back(enrolment(number), confirmed=True, now=NOW)
                decision = await store.spend(enrolment(99), BOTH, now=NOW, expires=NOW + 600)
                assert decision.full == PLAIN.cap

        run(main())

    def test_what_was_not_sent_comes_back_to_all(self) -> None:
        async def main() -> None:
            async with self.open_store() as store:
                for number in range(30):
                    assert await sent(store, number, 1) == 1
                    await store.give_back(enrolment(number), confirmed=False, now=NOW)

        run(main())

    def test_nothing_comes_back_twice_or_late_or_to_strangers(self) -> None:
        async def main() -> None:
            async with self.open_store() as store:
                assert await sent(store, 0, 5) == 5
                for _ in range(5):
                    await store.give_back(enrolment(0), confirmed=True, now=NOW)
                    await store.give_back(enrolment(1000), confirmed=True, now=NOW)
                assert await sent(store, 10, 5) == 1
                for number in range(1, 5):
                    await store.give_back(enrolment(number), confirmed=True, now=NOW + 600)
                decision = await store.spend(enrolment(50), BOTH, now=NOW + 600, expires=NOW + 1200)
                assert decision.full is not None

        run(main())

    def test_an_id_that_comes_again_is_charged_again(self) -> None:
        async def main() -> None:
            async with self.open_store() as store:
                assert await sent(store, 1, 1) + await sent(store, 1, 1) == 2

        run(main())

    def test_forgetting_changes_no_decision(self) -> None:
        async def main() -> None:
            async with self.open_store() as store:
                await sent(store, 0, 6)
                await store.forget_spent(now=NOW + 700)
                assert (await store.spend(enrolment(7), BOTH, now=NOW + 700, expires=NOW + 1300)).full is not None
                await store.forget_spent(now=NOW + 2 * HOUR)
                assert await sent(store, 20, 20, now=NOW + 2 * HOUR) == 5

        run(main())
