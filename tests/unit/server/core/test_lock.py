"""The registration lock's rules."""

import pytest

from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import DAY
from sayso.server.core.lock import LONGEST_S, Newcomer, arrive, delayed, may_come_in, over, wait_s

NOW = 1_000_000.0
DEVICE, KEY = DeviceId(b"d" * 16), b"k" * 32


@pytest.fixture
def waiting() -> Newcomer:
    return arrive(None, DEVICE, KEY, now=NOW)


def test_a_newcomer_waits_seven_days(waiting: Newcomer) -> None:
    assert (waiting.since, waiting.until) == (NOW, NOW + 7 * DAY)
    assert not may_come_in(waiting, DEVICE, KEY, now=NOW + 7 * DAY - 0.001)
    assert may_come_in(waiting, DEVICE, KEY, now=NOW + 7 * DAY)


def test_it_may_come_for_a_week_then(waiting: Newcomer) -> None:
    assert may_come_in(waiting, DEVICE, KEY, now=NOW + 14 * DAY - 0.001)
    assert over(waiting, now=NOW + 14 * DAY)
    assert not may_come_in(waiting, DEVICE, KEY, now=NOW + 14 * DAY)


def test_coming_again_neither_shortens_nor_lengthens_the_wait(waiting: Newcomer) -> None:
    assert arrive(waiting, DEVICE, KEY, now=NOW + 3 * DAY) == waiting
    assert arrive(waiting, DEVICE, KEY, now=NOW + 14 * DAY).since == NOW + 14 * DAY


@pytest.mark.parametrize(("device", "key"), [(DeviceId(b"e" * 16), KEY), (DEVICE, b"l" * 32)])
def test_another_device_begins_anew(waiting: Newcomer, device: DeviceId, key: bytes) -> None:
    assert not may_come_in(waiting, device, key, now=NOW + 7 * DAY)
    assert arrive(waiting, device, key, now=NOW + DAY).until == NOW + 8 * DAY


def test_nobody_who_does_not_wait_may_come() -> None:
    assert not may_come_in(None, DEVICE, KEY, now=NOW)


def test_the_pin_makes_it_37_days_in_all(waiting: Newcomer) -> None:
    longer = delayed(waiting)
    assert longer.until == NOW + 37 * DAY
    assert delayed(longer) == longer
    assert longer.until + 7 * DAY - NOW == LONGEST_S


def test_seconds_left_are_whole_and_never_too_few(waiting: Newcomer) -> None:
    assert wait_s(waiting, now=NOW) == 7 * DAY
    assert wait_s(waiting, now=NOW + 0.5) == 7 * DAY
    assert wait_s(waiting, now=NOW + 7 * DAY - 0.5) == 1
    assert wait_s(waiting, now=NOW + 7 * DAY) == 0
    assert wait_s(waiting, now=NOW + 8 * DAY) == 0
    assert wait_s(None, now=NOW) == 0
