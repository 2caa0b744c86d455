"""How many bytes, as people write it. Pure."""

from typing import Final

from babel.units import format_unit

from sayso.phone.web.languages import Language

_THOUSAND: Final = 1000
_UNITS: Final = ("digital-byte", "digital-kilobyte", "digital-megabyte", "digital-gigabyte")


def size(count: int, language: Language) -> str:
    """Write a number of bytes with its unit, to one digit after the point."""
    value, place = float(count), 0
    while value >= _THOUSAND and place < len(_UNITS) - 1:
        value, place = value / _THOUSAND, place + 1
    return str(format_unit(value, _UNITS[place], length="short", format="#,##0.#", locale=language.locale))
