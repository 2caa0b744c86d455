"""Who is meant by a number as its owner writes it: E.164, national form, a short code. Pure.

    +44 7700 900123, 0044 7700 900123 ─▶ that number
    07700 900123, on a British line   ─▶ +447700900123
    85258                             ─▶ a short code, which only its own network knows and only SMS reach

Where the line's number is not known, no country is guessed: a text that goes to somebody else cannot be taken back.
"""

import re
from typing import Final

import phonenumbers

from sayso.phone.errors import CommandError
from sayso.protocol.errors import NumberError
from sayso.protocol.numbers import PhoneNumber

_SHORT_CODE: Final = re.compile(r"[0-9]{2,8}", re.ASCII)


def region_of(number: str | None) -> str | None:
    """Return the country of a line's own number (ISO 3166-1 alpha-2), or None where it is not known, or of none."""
    if number is None:
        return None
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    if region is None:  # a range that is not given out; countries that share a code share the national form
        region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return region if region.isalpha() and region != "ZZ" else None


def is_short_code(text: str) -> bool:
    """Whether it is written as networks write their services, and some countries their numbers."""
    return _SHORT_CODE.fullmatch(text) is not None


def read_recipient(text: str, *, region: str | None) -> str:
    """Read a number to write to.

    Args:
        text: as its owner wrote it.
        region: the country whose national form is meant; None: only what is unmistakable.

    Returns:
        E.164, or the digits of a short code.

    Raises:
        CommandError: it is neither.
    """
    compact = text.strip()
    short = is_short_code(compact)
    try:
        # What is as short as a code is a number only where its country has given it out: 8 digits in Denmark.
        if short and (region is None or not _given_out(compact, region)):
            return compact
        if region is not None and not _is_meant_so(compact, region):
            region = None
        return PhoneNumber.parse(compact, region=region).e164
    except NumberError as error:
        if short:
            return compact
        raise CommandError(str(error)) from error


def _is_meant_so(text: str, region: str) -> bool:
    """Whether it has a country code, or the trunk prefix of the country, or is a number that the country gave out.

    Else it may be anything: nine digits of a parcel would be a number in many countries.
    """
    trunk = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or "0"
    abroad = _country(text, region) != phonenumbers.country_code_for_region(region)
    return text.lstrip("( ").startswith(trunk) or abroad or _given_out(text, region)


def _country(text: str, region: str) -> int | None:
    try:
        return phonenumbers.parse(text, region).country_code
    except phonenumbers.NumberParseException:
        return None


def _given_out(digits: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False
