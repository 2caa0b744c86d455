"""Who is in a build of the enrolled set, and when it is made."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.ids import DeviceId, Token
from sayso.protocol.limits import DAY, HOUR
from sayso.server.core.set_schedule import Candidate, build_hour, due, members

NOW = 5_000_000.0
WALL = 1_795_000_000.0


def line(
    number: int, *, findable: bool = True, lease_ends: float = NOW + DAY, leaves_at: float | None = None
) -> Candidate:
    return Candidate(
        device=DeviceId(number.to_bytes(16, "big")),
        token=Token(number.to_bytes(33, "big")),
        findable=findable,
        lease_ends=lease_ends,
        leaves_at=leaves_at,
    )


def inside(*lines: Candidate, now: float = NOW, seed: int = 1) -> list[int]:
    found = members(lines, now=now, random=Random(seed).randbytes)
    return [int.from_bytes(token, "big") for token in found.tokens]


def test_who_chose_everyone_is_in_and_who_is_hidden_never() -> None:
    hidden_and_lapsed = line(4, findable=False, lease_ends=NOW - 1)
    assert inside(line(1), line(2, findable=False), line(3), hidden_and_lapsed) == [1, 3]


def test_while_two_epochs_overlap_a_line_is_in_both_sets() -> None:
    moved = replace(line(1), previous_token=Token((2).to_bytes(33, "big")))
    hidden = replace(line(3, findable=False), previous_token=Token((4).to_bytes(33, "big")))
    assert inside(moved, hidden) == [1, 2]


def test_a_line_that_lapsed_stays_until_its_moment_which_is_drawn_once() -> None:
    lapsed = line(1, lease_ends=NOW - 1)
    found = members([lapsed], now=NOW, random=Random(1).randbytes)
    assert len(found.tokens) == 1
    moment = found.drawn[lapsed.device]
    assert lapsed.lease_ends + 3 * DAY <= moment < lapsed.lease_ends + 10 * DAY
    later = line(1, lease_ends=lapsed.lease_ends, leaves_at=moment)
    for seed in range(5):
        assert inside(later, now=moment - 1, seed=seed) == [1]
        assert inside(later, now=moment, seed=seed) == []
    assert members([later], now=moment - 1, random=Random(2).randbytes).drawn == {}


def test_a_line_that_comes_back_is_in_and_its_moment_is_forgotten() -> None:
    back = line(1, lease_ends=NOW + DAY, leaves_at=NOW - DAY)
    found = members([back], now=NOW, random=Random(1).randbytes)
    assert (found.tokens, found.back, found.drawn) == ([back.token], [back.device], {})


@given(st.integers(0, 2**64 - 1))
def test_every_draw_lies_between_three_and_ten_days(drawn: int) -> None:
    lapsed = line(1, lease_ends=NOW - 1)
    found = members([lapsed], now=NOW, random=lambda count: drawn.to_bytes(count, "big"))
    assert 3 * DAY <= found.drawn[lapsed.device] - lapsed.lease_ends <= 10 * DAY


def test_a_phone_that_was_off_for_some_hours_does_not_show() -> None:
    lease_ends = NOW + 72 * HOUR
    always_on = [inside(line(1, lease_ends=now + 72 * HOUR), now=now) for now in _builds()]
    off = [inside(line(1, lease_ends=lease_ends), now=now) for now in _builds()]
    assert off == always_on


def _builds() -> list[float]:
    # Three days without contact, and the three days at least that a line stays after that.
    return [NOW + build * 4 * HOUR for build in range(6 * 6)]


@pytest.mark.parametrize(
    ("last", "wall", "expected"),
    [
        (None, WALL, build_hour(WALL)),
        (build_hour(WALL), WALL, None),
        (build_hour(WALL), build_hour(WALL) + 4 * HOUR - 1, None),
        (build_hour(WALL), build_hour(WALL) + 4 * HOUR, build_hour(WALL) + 4 * HOUR),
        (build_hour(WALL), WALL + 9 * DAY, build_hour(WALL + 9 * DAY)),
        (build_hour(WALL), WALL - 9 * DAY, None),
    ],
)
def test_builds_are_made_at_fixed_hours(last: int | None, wall: float, expected: int | None) -> None:
    assert due(last, wall) == expected


def test_the_fixed_hours_are_those_of_the_day_in_utc() -> None:
    assert build_hour(WALL) % (4 * HOUR) == 0
    assert WALL - 4 * HOUR < build_hour(WALL) <= WALL
