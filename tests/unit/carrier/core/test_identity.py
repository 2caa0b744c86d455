"""Identifiers: lengths, test ranges, check digits."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.carrier.core.identity import luhn_digit, make_iccid, make_imei, make_imsi


@pytest.mark.parametrize(
    ("digits", "check"),
    [("7992739871", "3"), ("49015420323751", "8"), ("0", "0")],  # the second is 3GPP TS 23.003's kind of IMEI
)
def test_luhn_digits_that_are_published(digits: str, check: str) -> None:
    assert luhn_digit(digits) == check


@given(st.integers(0, 2**64))
def test_identifiers_come_from_test_ranges(seed: int) -> None:
    imsi, iccid, imei = make_imsi(Random(seed)), make_iccid(Random(seed)), make_imei(Random(seed))
    assert (imsi[:5], len(imsi)) == ("00101", 15)
    assert (iccid[:7], len(iccid), iccid[-1]) == ("8999901", 19, luhn_digit(iccid[:-1]))
    assert (imei[:8], len(imei), imei[-1]) == ("00100100", 15, luhn_digit(imei[:-1]))
    assert (imsi + iccid + imei).isdecimal()
