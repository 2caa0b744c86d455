"""Identifiers of SIMs and modems, from ranges that no real one has.

IMSI: test network MCC 001, MNC 01 (ITU-T E.212 annex A). ICCID: 89 (telecom), country code 999 (not a country), ITU-T
E.118. IMEI: test type allocation code 00100100 (3GPP TS 23.003 §6.2), check digit after Luhn.
"""

from random import Random
from typing import Final

TEST_PLMN: Final = "00101"
TEST_TAC: Final = "00100100"
TEST_ICCID_PREFIX: Final = "8999901"
OPERATOR_NAME: Final = "Sayso Test Network"

_IMSI_DIGITS, _ICCID_DIGITS, _IMEI_DIGITS = 15, 19, 15


def luhn_digit(digits: str) -> str:
    """Return the check digit that makes `digits` plus it valid after Luhn (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004  the cross sum of a two-digit product
    return str(-total % 10)


def make_imsi(random: Random) -> str:
    """Return 15 digits in the test network 001 01."""
    return TEST_PLMN + _digits(random, _IMSI_DIGITS - len(TEST_PLMN))


def make_iccid(random: Random) -> str:
    """Return 19 digits, the last one the Luhn digit."""
    body = TEST_ICCID_PREFIX + _digits(random, _ICCID_DIGITS - 1 - len(TEST_ICCID_PREFIX))
    return body + luhn_digit(body)


def make_imei(random: Random) -> str:
    """Return 15 digits, the last one the Luhn digit."""
    body = TEST_TAC + _digits(random, _IMEI_DIGITS - 1 - len(TEST_TAC))
    return body + luhn_digit(body)


def _digits(random: Random, count: int) -> str:
    return f"{random.randrange(10**count):0{count}d}"
