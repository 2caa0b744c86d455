"""Phone numbers: E.164 through `phonenumbers`, and which of them may ever leave by cloud.

Emergency numbers, short codes and alphanumeric senders are never `PhoneNumber`s, so they cannot reach discovery,
an envelope or the registrar: the type is the guard.
"""

import re
from typing import Final, Self

import phonenumbers

from sayso.protocol.errors import NumberError

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_WRITTEN: Final = re.compile(r"[\s+\d().\-/\u2010-\u2015\uff0b\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
"""What people write and paste numbers with: digits of any script, what groups them, marks of direction. No letters:
`phonenumbers` would drop them, and so turn the alphanumeric sender `BANK 07700 900123` into that number."""
_SHORT_DIGITS: Final = 6
"""So many digits without a country code are a short code nearly everywhere."""
_MOBILE_ENOUGH: Final = frozenset(
    {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
        phonenumbers.PhoneNumberType.VOIP,
        phonenumbers.PhoneNumberType.UNKNOWN,
    }
)


class PhoneNumber:
    """An E.164 number that a person can have. Its `repr` is redacted; `.e164` is the one way to the digits."""

    __slots__ = ("e164",)

    def __init__(self, e164: str) -> None:
        """Take a number that is already in E.164 form.

        Raises:
            NumberError: not E.164, impossible, an emergency number, a short code, or one that costs extra.
        """
        if not _E164.fullmatch(e164):
            raise NumberError("a phone number in international form starts with + and has 7 to 15 digits")
        try:
            parsed = phonenumbers.parse(e164, None)
        except phonenumbers.NumberParseException as error:
            raise NumberError("this is not a phone number of any country") from error
        if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
            raise NumberError("a number of this country cannot have so many or so few digits")
        if phonenumbers.number_type(parsed) not in _MOBILE_ENOUGH:
            raise NumberError("service, premium-rate and pager numbers have no cloud messaging")
        self.e164: Final = e164

    @classmethod
    def parse(cls, text: str, *, region: str | None = None) -> Self:
        """Read a number as people write it.

        Args:
            text: with or without spaces; national form needs `region`.
            region: ISO 3166-1 alpha-2 code of the country whose national form is meant, such as "GB".

        Raises:
            NumberError: see the constructor; also when a national form comes without a region.
        """
        if len(text) > 64:  # noqa: PLR2004  longer than any way to write a number
            raise NumberError("this is too long for a phone number")
        if not _WRITTEN.fullmatch(text):
            raise NumberError("a phone number has digits, and no letters or other signs")
        if region and phonenumbers.is_emergency_number(text, region):
            raise NumberError("emergency numbers are never used for cloud messaging")
        try:
            parsed = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException as error:
            raise NumberError("write the number in international form, such as +44 7700 900123") from error
        if region and _is_short_code(text, parsed, region):
            raise NumberError("short codes are never used for cloud messaging")
        return cls(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))

    def __repr__(self) -> str:
        return "PhoneNumber(…)"

    def __str__(self) -> str:
        return "PhoneNumber(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PhoneNumber) and self.e164 == other.e164

    def __hash__(self) -> int:
        return hash(self.e164)

    def pretty(self) -> str:
        """Write the number for its owner's eyes: grouped, international."""
        return phonenumbers.format_number(
            phonenumbers.parse(self.e164, None), phonenumbers.PhoneNumberFormat.INTERNATIONAL
        )


def _is_short_code(text: str, parsed: phonenumbers.PhoneNumber, region: str) -> bool:
    """Whether a number written without a country code is one that only its network knows."""
    if text.lstrip().startswith(("+", "\uff0b")):
        return False
    if phonenumbers.is_valid_short_number_for_region(parsed, region):
        return True
    return sum(sign.isdigit() for sign in text) <= _SHORT_DIGITS and not phonenumbers.is_valid_number(parsed)
