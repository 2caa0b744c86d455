"""Which contacts a line asks for, how many at once, when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.phone.core.discovery import (
    FIRST_S,
    SMALLEST_BATCH,
    SPREAD_S,
    KnownNumber,
    batch_size,
    smaller,
    to_ask,
    wait_s,
)
from sayso.protocol.limits import LIMITS

LINE, OTHER = b"1" * 16, b"2" * 16
ALICE, BOB, CAROL = "+447700900101", "+447700900102", "+447700900103"
NOW = 1_800_000_000.0


def asked(*contacts: KnownNumber, tokens: dict[str, bytes] | None = None) -> list[str]:
    found = to_ask(contacts, line=LINE, own_number=ALICE, epoch=5, tokens=tokens or {})
    return [number.e164 for number in found]


def contact(number: str, line: bytes | None = None) -> KnownNumber:
    return KnownNumber(number=number, line=line)


def test_each_number_is_asked_for_once_in_an_epoch() -> None:
    contacts = (contact(CAROL), contact(BOB), contact(BOB))
    assert asked(*contacts) == [BOB, CAROL]
    assert asked(*contacts, tokens={BOB: b"\5" * 33}) == [CAROL]
    assert asked(*contacts, tokens={BOB: b"\4" * 33}) == [BOB, CAROL]


def test_a_contact_that_only_the_other_line_knows_is_left_out() -> None:
    assert asked(contact(BOB, OTHER), contact(CAROL, LINE)) == [CAROL]


def test_own_number_short_codes_and_premium_numbers_are_left_out() -> None:
    assert asked(contact(ALICE), contact("12345"), contact("112"), contact("+449098790000"), contact("BANK")) == []


@pytest.mark.parametrize(
    ("limits", "size"),
    [
        ({}, 1000),
        ({"evaluations_per_request": 100}, 100),
        ({"discovery_bucket": 60}, 60),
        ({"evaluations_per_request": 10**9, "discovery_bucket": 10**9}, 1000),
        ({"evaluations_per_request": -5}, 1),
    ],
)
def test_a_batch_fits_the_servers_limits(limits: dict[str, int], size: int) -> None:
    assert batch_size(limits) == size


def test_a_batch_over_the_budget_is_halved_until_it_is_small() -> None:
    sizes, size = [], smaller(1000)
    while size is not None:
        sizes.append(size)
        size = smaller(size)
    assert sizes == [500, 250, 125]
    assert all(one < SMALLEST_BATCH * 8 for one in sizes)


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 10 * LIMITS.set_build_s))
def test_a_refresh_comes_once_a_build_and_at_a_moment_that_chance_chooses(chance: float, since: float) -> None:
    wait = wait_s(NOW - since, NOW, chance)
    assert wait >= 0
    if since < LIMITS.set_build_s:
        assert LIMITS.set_build_s <= since + wait + 0.001 <= LIMITS.set_build_s + SPREAD_S + 0.002
    else:
        assert wait <= FIRST_S


def test_a_new_line_and_one_whose_clock_went_back_wait_for_a_chance_moment_too() -> None:
    assert wait_s(None, NOW, 0.5) == FIRST_S / 2
    assert wait_s(NOW + 1, NOW, 0.5) == FIRST_S / 2
