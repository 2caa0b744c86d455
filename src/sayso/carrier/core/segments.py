"""How many SMS parts a text takes.

3GPP TS 23.038 §6.2.1 (the GSM 7-bit default alphabet and its extension table) and TS 23.040 §9.2.3.24.1
(concatenation with an 8-bit reference: 153 septets or 67 UCS-2 units a part).
"""

from typing import Final

from sayso.carrier.errors import BadValueError
from sayso.protocol.modem import MAX_PARTS

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
_GSM7: Final = _BASIC | _EXTENSION

GSM7_SINGLE, GSM7_PART = 160, 153
UCS2_SINGLE, UCS2_PART = 70, 67


def is_gsm7(text: str) -> bool:
    """Whether every character is in the GSM 7-bit alphabet or its extension table."""
    return _GSM7.issuperset(text)


def to_gsm7(text: str) -> str:
    """Replace what the GSM 7-bit alphabet lacks by `?`, as gateways do when told to use it."""
    return "".join(char if char in _GSM7 else "?" for char in text)


def count_parts(text: str) -> int:
    """Return in how many parts a text travels; an escaped or surrogate pair is never cut in two.

    Raises:
        BadValueError: More than 255 parts, or not valid Unicode.
    """
    if is_gsm7(text):
        widths = [2 if char in _EXTENSION else 1 for char in text]
        single, part = GSM7_SINGLE, GSM7_PART
    else:
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise BadValueError("the text is not valid Unicode")
        widths = [2 if char > "\uffff" else 1 for char in text]
        single, part = UCS2_SINGLE, UCS2_PART
    if sum(widths) <= single:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    if parts > MAX_PARTS:
        raise BadValueError(f"the text is too long: an SMS has at most {MAX_PARTS} parts")
    return parts
