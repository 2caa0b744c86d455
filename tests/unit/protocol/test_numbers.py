"""Phone numbers: what may become one, and that its digits are nowhere to be read by accident."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.errors import NumberError
from sayso.protocol.numbers import PhoneNumber

UK, US = "+447700900123", "+12025550123"


@pytest.mark.parametrize("e164", [UK, US, "+447700900000", "+447700900999", "+12025550199"])
def test_a_number_in_international_form_is_taken_as_it_is(e164: str) -> None:
    assert PhoneNumber(e164).e164 == e164


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("+44 7700 900123", None, UK),
        ("07700 900123", "GB", UK),
        ("(07700) 900-123", "GB", UK),
        ("0044 7700 900 123", "GB", UK),
        ("+1 (202) 555-0123", None, US),
        ("202.555.0123", "US", US),
        ("\uff0b44\u00a07700 900123", None, UK),
        ("\u202a+44 7700 900123\u202c", None, UK),
        ("\u0660\u0667\u0667\u0660\u0660\u0669\u0660\u0660\u0661\u0662\u0663", "GB", UK),
    ],
    ids=str,
)
def test_a_number_is_read_as_people_write_it(text: str, region: str | None, e164: str) -> None:
    assert PhoneNumber.parse(text, region=region).e164 == e164


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "447700900123",
        "+0447700900123",
        "+44770",
        "+1234567890123456",
        f"{UK}\n",
        f" {UK}",
        f"{UK}\0",
        "+44 7700 900123",
        "+447700\u0669\u0660\u0660123",
        "\uff0b447700900123",
        "+44770090012\u00b3",
        "+999123456789",
        "+15550123",
    ],
    ids=ascii,
)
def test_the_constructor_takes_nothing_but_e164(text: str) -> None:
    with pytest.raises(NumberError):
        PhoneNumber(text)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("07700 900123", None),
        ("112", "GB"),
        ("999", "GB"),
        ("911", "US"),
        ("112", "DE"),
        ("85432", "US"),
        ("32665", "DE"),
        ("116117", "DE"),
        ("5550123", "US"),
        ("INFO", "GB"),
        ("BANK 07700 900123", "GB"),
        ("x2025550123", "US"),
        ("1-202-555-CALL", "US"),
        ("+44 7700 900123 ext 5", None),
        ("tel:+447700900123", None),
        ("+447700900123;phone-context=example", None),
        ("*31#07700900123", "GB"),
        ("0800 111111", "GB"),
        ("0906 555 0123", "GB"),
        ("1" * 65, None),
        ("+44 7700 900123", "??"),
    ],
    ids=str,
)
def test_emergency_numbers_short_codes_names_and_services_are_no_numbers(text: str, region: str | None) -> None:
    if region == "??":
        assert PhoneNumber.parse(text, region=region).e164 == UK
        return
    with pytest.raises(NumberError):
        PhoneNumber.parse(text, region=region)


def test_64_characters_are_read_and_65_are_not() -> None:
    assert PhoneNumber.parse(UK.ljust(64)).e164 == UK
    with pytest.raises(NumberError, match="too long"):
        PhoneNumber.parse(UK.ljust(65))


def test_its_digits_show_only_where_they_are_asked_for() -> None:
    number = PhoneNumber(UK)
    for shown in (repr(number), str(number), f"{number}", f"{[number]}", "%s" % number):  # noqa: UP031  logs do this
        assert "7700" not in shown
    assert number.pretty() == "+44 7700 900123"


@pytest.mark.parametrize("text", ["+4477009001234567", "+44770090012x", f"{UK}\n", "0906 555 0123"])
def test_an_error_never_quotes_what_was_given(text: str) -> None:
    with pytest.raises(NumberError) as caught:
        PhoneNumber.parse(text, region="GB") if "0906" in text else PhoneNumber(text)
    shown = "".join(traceback.format_exception_only(caught.value))
    for error in (caught.value.__cause__, caught.value.__context__):
        shown += str(error)
    assert "7700" not in shown
    assert "0906" not in shown


def test_numbers_are_equal_by_value_and_hashable() -> None:
    assert PhoneNumber(UK) == PhoneNumber(UK)
    assert len({PhoneNumber(UK), PhoneNumber.parse("07700 900123", region="GB"), PhoneNumber(US)}) == 2
    assert PhoneNumber(UK) != UK


@given(st.text(max_size=80), st.sampled_from([None, "GB", "US", "DE", "ZZ", ""]))
def test_any_text_is_a_number_or_a_number_error(text: str, region: str | None) -> None:
    try:
        number = PhoneNumber.parse(text, region=region)
    except NumberError:
        return
    assert PhoneNumber(number.e164) == number


@given(st.integers(0, 999))
def test_what_is_written_prettily_is_read_back(last: int) -> None:
    number = PhoneNumber(f"+447700900{last:03}")
    assert PhoneNumber.parse(number.pretty()) == number
