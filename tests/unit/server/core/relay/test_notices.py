"""A line's device is told that another one waits for its number."""

import pytest

from sayso.protocol.frames import Frame, LockNotice
from sayso.protocol.limits import DAY, HOUR
from sayso.server.core.lines import Line
from tests.fakes.relay_world import Phone, RelayWorld


@pytest.fixture
def world() -> RelayWorld:
    return RelayWorld()


def enrolled(world: RelayWorld) -> Line:
    line = world.line("bob")
    line.lease_ends = world.now + 30 * DAY
    return line


def notices(phone: Phone) -> list[int]:
    frames: list[Frame] = phone.link.frames
    return [frame.wait_s for frame in frames if isinstance(frame, LockNotice)]


def contest(world: RelayWorld, line: Line, until: float | None) -> None:
    line.newcomer_until = until
    world.relay.line_changed(line, now=world.now)


def test_a_connected_device_is_told_at_once_and_then_once_a_day(world: RelayWorld) -> None:
    line = enrolled(world)
    phone = world.online(line)
    assert notices(phone) == []
    contest(world, line, world.now + 7 * DAY)
    assert notices(phone) == [7 * DAY]
    for _ in range(48):
        world.advance(HOUR)
        world.relay.sweep(now=world.now)
    assert notices(phone) == [7 * DAY, 6 * DAY, 5 * DAY]


def test_a_device_that_was_off_is_told_at_its_login_and_no_oftener_than_once_a_day(world: RelayWorld) -> None:
    line = enrolled(world)
    contest(world, line, world.now + 7 * DAY)
    world.advance(HOUR)
    first = world.connect(line)
    assert notices(first) == [7 * DAY - HOUR]
    first.leave()
    world.advance(HOUR)
    assert notices(world.connect(line)) == []
    world.advance(DAY)
    assert notices(world.connect(line)) == [6 * DAY - 2 * HOUR]


def test_once_nobody_waits_any_more_that_is_said_once(world: RelayWorld) -> None:
    line = enrolled(world)
    phone = world.online(line)
    contest(world, line, world.now + 7 * DAY)
    contest(world, line, None)
    world.relay.sweep(now=world.now)
    assert notices(phone) == [7 * DAY, 0]


def test_a_newcomer_that_comes_and_goes_cannot_have_the_owner_told_all_day(world: RelayWorld) -> None:
    line = enrolled(world)
    phone = world.online(line)
    for _ in range(20):
        contest(world, line, world.now + 7 * DAY)
        contest(world, line, None)
    assert notices(phone) == [7 * DAY, 0]


def test_a_wait_that_is_over_is_told_as_a_second(world: RelayWorld) -> None:
    line = enrolled(world)
    contest(world, line, world.now - 5)
    assert notices(world.connect(line)) == [1]


def test_nothing_is_remembered_of_a_line_that_ended(world: RelayWorld) -> None:
    line = enrolled(world)
    world.online(line)
    contest(world, line, world.now + 7 * DAY)
    world.relay._notices.forget(line.device)
    assert (world.relay._notices._told, world.relay._notices._warned) == ({}, set())
