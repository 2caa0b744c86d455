"""Which encoding a text needs, and in how many parts it travels.

3GPP TS 23.038 §6.2.1 (GSM 7-bit default alphabet and its extension table), Annex A (national language tables),
TS 23.040 §9.2.3.24 (an SMS carries 140 octets; a header takes its share of them). The tables are `gsmcodecs`'
(docs/adr/0020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import gsmcodecs  # noqa: F401  registers the codecs

from sayso.phone.errors import SmsFormatError

MAX_PARTS: Final = 255
"""The count of a concatenated SMS is one octet (3GPP TS 23.040 §9.2.3.24.1)."""
NATIONAL: Final = range(1, 14)
"""The national languages of 3GPP TS 23.038 §6.2.1.2.4: 1 Turkish, 2 Spanish, 3 Portuguese, 4 Bengali to 13 Urdu."""
_OCTETS: Final = 140
_HEADER_LENGTH: Final = 1
_CONCATENATED: Final = 5
"""Octets of the element that says which part of what this is, with a reference of one octet."""
_SHIFT: Final = 3
"""Octets of the element that names a national table."""
_SPANISH: Final = 2
"""Has a single shift table, and no locking one."""
_MOST_SIGNS: Final = MAX_PARTS * 153
"""No text of more signs fits: 153 septets beside a header that says which part it is."""
_FEWEST_SIGNS: Final = MAX_PARTS * 33
"""Every text of no more signs fits: 67 units of 16 bits beside that header, two for a sign, and none is cut in two."""
_SURROGATES: Final = ("\ud800", "\udfff")
_ESCAPE_SHOWN: Final = "\u00b9"
"""How Gammu shows an escape to a character that its own table lacks (found by giving it one)."""


@dataclass(frozen=True, slots=True)
class Tables:
    """A pair of 7-bit tables by national language; 0 is the default one."""

    locking: int = 0
    single: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """How a text travels."""

    alphabet: str
    """`gsm-7` or `ucs-2`."""
    tables: Tables
    parts: int
    units: int
    """Septets, or 16-bit units, of the text itself."""
    left: int
    """How many more fit before one more part is needed."""


def segments(text: str, *, languages: Sequence[int] = ()) -> Segments:
    """Tell how a text travels.

    Args:
        text: any valid Unicode; an empty one is one empty SMS.
        languages: national tables that the sending modem would use (`NATIONAL`); most use none.

    Raises:
        SmsFormatError: more than 255 parts, not valid Unicode, or no such language.
    """
    if any(_SURROGATES[0] <= sign <= _SURROGATES[1] for sign in text):
        raise SmsFormatError("this text is not valid Unicode")
    if not set(languages) <= set(NATIONAL):
        raise SmsFormatError("there are national tables for the languages 1 to 13 only")
    if _widths(text, Tables()) is not None:
        fits = [Tables()]
    else:
        fits = [tables for tables in _pairs(languages) if _widths(text, tables) is not None]
    found = [_septets(text, tables) for tables in fits] or [_ucs2(text)]
    best = min([*found, *([_ucs2(text)] if fits != [Tables()] else [])], key=lambda one: one.parts)
    if best.parts > MAX_PARTS:
        raise SmsFormatError(f"this text is too long for an SMS, which has at most {MAX_PARTS} parts")
    return best


def sms_parts(text: str) -> int | None:
    """Return in how many SMS a text of valid Unicode travels by the default tables; None: in more than there can be."""
    if len(text) > _MOST_SIGNS:
        return None
    try:
        return segments(text).parts
    except SmsFormatError:
        return None


def fits_sms(text: str) -> bool:
    """Whether a text of valid Unicode can go by SMS at all; read only where its length alone does not tell."""
    return len(text) <= _FEWEST_SIGNS or sms_parts(text) is not None


def reread(text: str, tables: Tables) -> str:
    """Read a text again by national tables, after Gammu read its septets by the default ones.

    A text that cannot have come from septets, or that the tables do not know, is returned as it is.
    """
    septets = bytearray()
    try:
        for sign in text:
            septets += b"\x1b" if sign == _ESCAPE_SHOWN else sign.encode(_codec(Tables()))
        return bytes(septets).decode(_codec(tables))
    except (UnicodeError, LookupError):
        return text


def _pairs(languages: Sequence[int]) -> list[Tables]:
    """Return the table pairs to try: with a national single shift, which costs less of each part, first."""
    singles = [Tables(0, language) for language in languages]
    lockings = [Tables(language, 0) for language in languages if language != _SPANISH]
    both = [Tables(language, language) for language in languages if language != _SPANISH]
    return [*singles, *lockings, *both]


def _septets(text: str, tables: Tables) -> Segments:
    widths = _widths(text, tables)
    if widths is None:
        raise SmsFormatError("these tables do not have every sign of the text")
    shifts = _SHIFT * ((tables.locking > 0) + (tables.single > 0))
    single = _septets_beside(shifts)
    return _cut(widths, single, _septets_beside(shifts + _CONCATENATED), "gsm-7", tables)


def _ucs2(text: str) -> Segments:
    widths = [2 if sign > "\uffff" else 1 for sign in text]
    part = (_OCTETS - _HEADER_LENGTH - _CONCATENATED) // 2
    return _cut(widths, _OCTETS // 2, part, "ucs-2", Tables())


def _cut(widths: Sequence[int], single: int, part: int, alphabet: str, tables: Tables) -> Segments:
    """Lay signs into parts; an escaped or surrogate pair is never cut in two."""
    units = sum(widths)
    if units <= single:
        return Segments(alphabet=alphabet, tables=tables, parts=1, units=units, left=single - units)
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return Segments(alphabet=alphabet, tables=tables, parts=parts, units=units, left=part - used)


def _septets_beside(elements: int) -> int:
    """Return how many septets fit beside a header with so many octets of elements."""
    if not elements:
        return _OCTETS * 8 // 7
    header_bits = 8 * (_HEADER_LENGTH + elements)
    return _OCTETS * 8 // 7 - -(-header_bits // 7)


def _widths(text: str, tables: Tables) -> list[int] | None:
    """Return each sign's septets; None if one is in neither table."""
    widths = {sign: _width(sign, tables) for sign in set(text)}
    if 0 in widths.values():
        return None
    return [widths[sign] for sign in text]


@lru_cache(maxsize=4096)
def _width(sign: str, tables: Tables) -> int:
    try:
        return len(sign.encode(_codec(tables)))
    except UnicodeEncodeError:
        return 0


def _codec(tables: Tables) -> str:
    return f"gsm23.038-{tables.locking}-{tables.single}"
