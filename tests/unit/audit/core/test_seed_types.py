"""What a seed may be."""

import pytest

from sayso.audit.core.seed_types import Seed, SeedType, check, coordinates, digits, luhn_digit, seed_type
from sayso.audit.errors import SeedError


def test_check_digits_of_published_examples() -> None:
    assert luhn_digit("49015420323751") == "8"
    assert luhn_digit("7992739871") == "3"


@pytest.mark.parametrize(
    ("kind", "value", "standard"),
    [
        (SeedType.IMEI, "49-015420-323751-8", "490154203237518"),
        (SeedType.MAC, "02-4B-7E-91-C3-5D", "024B7E91C35D"),
        (SeedType.ICCID, "8944 5001 0219 8304 826F", "8944500102198304826"),
        (SeedType.COORDINATES, "+51.50735; -0.12776", "51.50735,-0.12776"),
        (SeedType.CONTACT_NAME, "  Cordelia  ", "Cordelia"),
        (SeedType.ADVERTISING_ID, "{3b7f0c52-9ad1-4e68-b2c4-81d05fe6a937}", "3b7f0c529ad14e68b2c481d05fe6a937"),
    ],
)
def test_values_get_a_standard_spelling(kind: SeedType, value: str, standard: str) -> None:
    assert check(Seed("s", kind, value)).value == standard


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SeedType.IMEI, "4901542032375"),
        (SeedType.IMSI, "00101012345678x"),
        (SeedType.ANDROID_ID, "9f3c6b21d07ae54"),
        (SeedType.MSISDN, "call me"),
        (SeedType.MSISDN, "+99"),
        (SeedType.EMAIL, "nobody"),
        (SeedType.COORDINATES, "91.0,0.0"),
        (SeedType.COORDINATES, "here"),
        (SeedType.SSID, "ab"),
        (SeedType.SMS_TEXT, "ok"),
    ],
)
def test_a_value_that_cannot_be_is_refused_without_being_quoted(kind: SeedType, value: str) -> None:
    with pytest.raises(SeedError) as caught:
        check(Seed("s", kind, value))
    assert value not in str(caught.value)


def test_types_are_read_generously() -> None:
    assert seed_type("Android-ID") is SeedType.ANDROID_ID
    assert seed_type("phone number") is SeedType.MSISDN
    with pytest.raises(SeedError, match="use one of imei"):
        seed_type("shoe_size")


def test_a_seed_does_not_show_its_value() -> None:
    assert "490154203237518" not in repr(Seed("s", SeedType.IMEI, "490154203237518"))


def test_coordinates_and_digits() -> None:
    assert coordinates("1.5 2.5") == ("1.5", "2.5")
    assert digits("+44 (0)7700") == "4407700"
