"""The scheduler: silent without a yes, and about once a day with it."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from sayso.update.core.schedule import LEAST_S, MOST_S, RETRY_MOST_S
from sayso.update.scheduler import Scheduler
from tests.aio import run
from tests.fakes.clock import FakeClock


class Phone:
    """A scheduler and what it was told."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.agreed = False
        self.answers = True
        self.checks = 0
        self.file = folder / "next-check.json"

    def scheduler(self) -> Scheduler:
        return Scheduler(self.file, agreed=lambda: self.agreed, check=self._check, clock=self.clock, random=Random(7))

    def _check(self) -> bool:
        self.checks += 1
        return self.answers

    def look(self, *, after: float = 0.0) -> bool:
        self.clock.advance(after)
        return run(self.scheduler().look())


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    return Phone(tmp_path)


def test_without_a_yes_it_never_checks(phone: Phone) -> None:
    for _ in range(100):
        assert not phone.look(after=MOST_S)
    assert phone.checks == 0


def test_neither_a_yes_nor_a_start_is_a_reason_to_check_at_once(phone: Phone) -> None:
    phone.agreed = True
    for _ in range(10):
        assert not phone.look(after=60)
    assert phone.checks == 0
    assert phone.look(after=MOST_S)
    assert not phone.look(after=LEAST_S - 1)


def test_a_failure_is_tried_again_sooner(phone: Phone) -> None:
    phone.agreed, phone.answers = True, False
    phone.look()
    assert phone.look(after=MOST_S)
    assert phone.look(after=RETRY_MOST_S)
    assert phone.checks == 2


def test_a_no_ends_it_and_a_new_yes_begins_anew(phone: Phone) -> None:
    phone.agreed = True
    phone.look()
    phone.agreed = False
    assert not phone.look(after=MOST_S)
    assert not phone.file.exists()
    phone.agreed = True
    assert not phone.look()


def test_a_clock_that_was_set_back_by_years_does_not_stop_it(phone: Phone) -> None:
    phone.agreed = True
    phone.look()
    phone.clock.jump(-400 * 86_400)
    assert phone.look()


def test_it_stops_when_told(phone: Phone) -> None:
    async def play() -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(phone.scheduler().run(stop))
            await asyncio.sleep(0)
            stop.set()

    run(play())
