"""Forms of telephone numbers, IMEI, IMSI and ICCID."""

from collections.abc import Iterator

import phonenumbers
from phonenumbers import PhoneNumberFormat

from sayso.audit.core.forms.form import (
    DIGIT_BITS,
    Edge,
    Form,
    backwards,
    bcd,
    byte_form,
    grouped,
    integers,
    part_form,
    scientific,
    text_form,
    utf16,
)
from sayso.audit.core.seed_types import Seed, digits, luhn_digit
from sayso.audit.errors import SeedError

SEPARATORS = {"dashed": "-", "spaced": " ", "dotted": "."}
LAST_DIGITS = (9, 8, 7)


def phone(seed: Seed) -> Iterator[Form]:
    """E.164, national, 00-prefixed, without the plus, with separators, the last digits, packed and as integers.

    Raises:
        SeedError: not a number of any country.
    """
    try:
        parsed = phonenumbers.parse(seed.value, seed.region or None)
    except phonenumbers.NumberParseException:
        raise SeedError(f"seed {seed.id!r}: write the number with +COUNTRY, or give its region") from None
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    bare, nsn = e164[1:], phonenumbers.national_significant_number(parsed)
    national = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    bits = DIGIT_BITS * len(nsn)
    edge = Edge.DIGIT
    spelled = [
        ("e164", e164, 2),
        ("no-plus", bare, 2),
        ("double-zero", "00" + bare, 1),
        ("us-exit", "011" + bare, 1),
        ("national", digits(national), 2),
        ("nsn", nsn, 2),
        ("national.formatted", national, 1),
        ("international.formatted", phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL), 1),
        ("rfc3966", phonenumbers.format_number(parsed, PhoneNumberFormat.RFC3966), 1),
        ("e164.split", f"+{parsed.country_code} {nsn}", 1),
        ("e164.dashed", f"+{parsed.country_code}-{nsn}", 1),
        ("e164.trunk", f"+{parsed.country_code}(0){nsn}", 1),
        ("plain", seed.value.strip(), 2),
    ]
    if digits(national) == f"0{nsn}":
        spaced = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL).replace(" ", " (0)", 1)
        spelled.append(("international.trunk", spaced, 0))
    for name, text, hashed in spelled:
        yield text_form(name, text, edge, bits=bits, hashed=hashed)
    pieces = [piece for piece in "".join(sign if sign.isdigit() else " " for sign in national).split() if piece]
    for name, separator in SEPARATORS.items():
        yield text_form(f"national.{name}", separator.join(pieces), edge, bits=bits, hashed=1)
    international = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    yield text_form("international.dotted", international.replace(" ", "."), edge, bits=bits, hashed=1)
    yield text_form("international.dashed", international.replace(" ", "-"), edge, bits=bits, hashed=1)
    for text in (e164, bare, digits(national)):
        yield from utf16(text, bits)
        yield backwards(text, edge)
    for text in (bare, digits(national), nsn):
        yield from bcd(text, bits)
    for number in {int(bare), int(nsn)}:
        yield from integers(number)
    yield from scientific(bare)
    for count in LAST_DIGITS:
        if count < len(nsn):
            yield text_form(f"last-{count}", nsn[-count:], edge, bits=DIGIT_BITS * count, hashed=0, wrapped=False)


def imei(seed: Seed) -> Iterator[Form]:
    """14, 15 and 16 digits, with separators, packed, as integers, and its two parts."""
    given = digits(seed.value)
    bare = given[:14]
    from_14 = bare + luhn_digit(bare)
    whole = given if len(given) == 15 else from_14  # noqa: PLR2004  area, serial and check digit
    bits = DIGIT_BITS * 14
    yield text_form("plain", given, Edge.DIGIT, bits=bits, hashed=2)
    yield text_form("15-digit", whole, Edge.DIGIT, bits=bits, hashed=2)
    yield text_form("14-digit", bare, Edge.DIGIT, bits=bits, hashed=2)
    yield text_form("16-digit", bare, Edge.SV, bits=bits, wrapped=False)
    yield text_form("16-digit", bare + "00", Edge.DIGIT, bits=bits, hashed=1)
    yield text_form("16-digit", bare + "01", Edge.DIGIT, bits=bits, hashed=1)
    for name, separator in SEPARATORS.items():
        for sizes in ((2, 6, 6, 1), (6, 2, 6, 1), (8, 6, 1), (4, 4, 4, 3)):
            yield text_form(name, separator.join(grouped(whole, *sizes)), Edge.DIGIT, bits=bits, hashed=1)
    yield from _packed(whole, bits)
    yield from scientific(whole)
    # No BCD of 14 digits: what follows it would be a digit of the same byte, and nobody could see the end.
    yield backwards(bare, Edge.DIGIT)
    yield from utf16(bare, bits)
    yield from integers(int(bare))
    yield part_form("tac", bare[:8], Edge.DIGIT, group="imei", part="tac")
    yield part_form("serial", bare[8:], Edge.DIGIT, group="imei", part="serial")
    yield part_form("serial", whole[8:], Edge.DIGIT, group="imei", part="serial")


def imsi(seed: Seed) -> Iterator[Form]:
    """15 digits, cut into country, network and subscriber, packed, as integers."""
    bits = DIGIT_BITS * (len(seed.value) - 5)
    yield text_form("plain", seed.value, Edge.DIGIT, bits=bits, hashed=2)
    for name, separator in SEPARATORS.items():
        for network in (2, 3):
            yield text_form(name, separator.join(grouped(seed.value, 3, network, 9)), Edge.DIGIT, bits=bits, hashed=1)
    yield from scientific(seed.value)
    yield text_form("nai", "0" + seed.value + "@", Edge.NONE, bits=bits, hashed=0)
    yield from _packed(seed.value, bits)
    for network in (2, 3):
        yield text_form("msin", seed.value[3 + network :], Edge.DIGIT, bits=bits, hashed=1, wrapped=False)


def iccid(seed: Seed) -> Iterator[Form]:
    """With and without the check digit, padded, spaced, packed as on the card."""
    value = seed.value
    bits = DIGIT_BITS * (len(value) - 6)
    yield text_form("plain", value, Edge.DIGIT, bits=bits, hashed=2)
    yield text_form("no-check-digit", value[:-1], Edge.DIGIT, bits=bits, hashed=2)
    yield text_form("padded", value + "F", Edge.NONE, bits=bits, hashed=1)
    for name, separator in SEPARATORS.items():
        pieces = [value[at : at + 4] for at in range(0, len(value), 4)]
        yield text_form(name, separator.join(pieces), Edge.DIGIT, bits=bits, hashed=1)
    yield from _packed(value, bits)
    padded = value + "f" * (len(value) % 2)
    yield text_form(
        "swapped", "".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2)), Edge.HEX, bits=bits
    )


def _packed(value: str, bits: float) -> Iterator[Form]:
    yield backwards(value, Edge.DIGIT)
    yield from utf16(value, bits)
    yield from bcd(value, bits)
    number = int(value)
    if number < 1 << 64:
        yield from integers(number)
    yield text_form("hex-number", f"{number:x}", Edge.HEX, bits=bits, hashed=1, wrapped=False)
    yield byte_form("digits", bytes(int(sign) for sign in value), bits)
