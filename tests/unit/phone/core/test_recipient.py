"""A number as its owner writes it, in the national form of the line's own country too; nothing is guessed."""

import pytest

from sayso.phone.core.recipient import is_short_code, read_recipient, region_of
from sayso.phone.errors import CommandError


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+447700900001", "GB"),
        ("+12025550123", "US"),
        ("+4520123456", "DK"),
        ("+8613800138000", "CN"),
        ("+883510000000000", None),
        ("85258", None),
        ("BANK", None),
        (None, None),
    ],
)
def test_the_country_of_a_line(number: str | None, region: str | None) -> None:
    assert region_of(number) == region


@pytest.mark.parametrize(
    ("written", "region", "read"),
    [
        ("+44 7700 900123", None, "+447700900123"),
        ("+44 7700 900123", "US", "+447700900123"),
        ("07700 900123", "GB", "+447700900123"),
        ("  (07700) 900-123 ", "GB", "+447700900123"),
        ("0044 7700 900123", "DE", "+447700900123"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("1 202 555 0123", "US", "+12025550123"),
        ("02079460000", "GB", "+442079460000"),
        ("011 44 7700 900123", "US", "+447700900123"),
        ("20123456", "DK", "+4520123456"),
        ("20123456", None, "20123456"),
        ("85258", "GB", "85258"),
        ("999", "GB", "999"),
        ("10086", "CN", "10086"),
    ],
)
def test_what_is_meant(written: str, region: str | None, read: str) -> None:
    assert read_recipient(written, region=region) == read


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("07700 900123", None),
        ("123456789", "GB"),
        ("BANK 07700 900123", "GB"),
        ("call me", "GB"),
        ("", "GB"),
        ("1", "GB"),
        ("+44 7700 900123 900123 900123", "GB"),
        ("0" * 65, "GB"),
    ],
)
def test_what_is_none(written: str, region: str | None) -> None:
    with pytest.raises(CommandError):
        read_recipient(written, region=region)


def test_short_codes_have_two_to_eight_digits_and_nothing_else() -> None:
    assert [one for one in ("1", "12", "12345678", "123456789", "12a", "1 2", "١٢٣") if is_short_code(one)] == [
        "12",
        "12345678",
    ]
