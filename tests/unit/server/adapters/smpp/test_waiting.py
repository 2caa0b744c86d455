"""Who waits to be sent."""

import asyncio
from collections.abc import Iterator

import pytest

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.smpp.waiting import Job, Waiting


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def job(loop: asyncio.AbstractEventLoop, deadline: float = 100.0) -> Job:
    return Job(
        number=PhoneNumber("+447700900123"),
        text="Sayso code: 012345",
        since=0.0,
        deadline=deadline,
        done=loop.create_future(),
    )


def test_first_come_first_served_and_no_more_than_so_many(loop: asyncio.AbstractEventLoop) -> None:
    waiting, jobs = Waiting(at_most=2), [job(loop) for _ in range(3)]
    assert [waiting.add(one) for one in jobs] == [True, True, False]
    assert [waiting.next(now=0), waiting.next(now=0), waiting.next(now=0)] == [*jobs[:2], None]


def test_a_throttled_one_goes_first_after_a_pause_that_doubles(loop: asyncio.AbstractEventLoop) -> None:
    waiting, first, second = Waiting(at_most=9, first_pause_s=1.0), job(loop), job(loop)
    waiting.add(first)
    waiting.add(second)
    now = 0.0
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        assert waiting.next(now=now) is first
        waiting.throttled(first, now=now)
        assert waiting.next(now=now + pause - 0.1) is None
        assert waiting.wake_at(now=now) == min(100.0, now + pause)
        now += pause
    waiting.went_well()
    assert waiting.next(now=now) is first
    waiting.throttled(first, now=now)
    assert waiting.next(now=now + 1.0) is first


def test_a_whole_window_that_is_throttled_is_one_pause(loop: asyncio.AbstractEventLoop) -> None:
    waiting = Waiting(at_most=9, first_pause_s=1.0)
    for _ in range(5):
        waiting.throttled(job(loop), now=0.0)
    assert waiting.next(now=1.0) is not None


def test_who_waited_too_long_is_told(loop: asyncio.AbstractEventLoop) -> None:
    waiting, early, late = Waiting(at_most=9), job(loop, 10.0), job(loop, 20.0)
    waiting.add(late)
    waiting.add(early)
    assert waiting.wake_at(now=0) == 10.0
    assert waiting.overdue(now=9.9) == []
    assert waiting.overdue(now=10.0) == [early]
    assert waiting.wake_at(now=10.0) == 20.0
    assert waiting.overdue(now=99.0) == [late]
    assert waiting.wake_at(now=99.0) == float("inf")


def test_nobody_waits_for_one_who_left(loop: asyncio.AbstractEventLoop) -> None:
    waiting, gone, here = Waiting(at_most=9), job(loop), job(loop)
    waiting.add(gone)
    waiting.add(here)
    gone.done.cancel()
    assert waiting.next(now=0) is here


def test_its_repr_shows_neither_number_nor_text(loop: asyncio.AbstractEventLoop) -> None:
    assert "7700" not in repr(job(loop))
    assert "012345" not in repr(job(loop))
