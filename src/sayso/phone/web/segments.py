"""How many SMS a text is: the port, and a count by the alphabets that every modem has."""

from dataclasses import dataclass
from typing import Final, Protocol


class Segments(Protocol):
    """What a text is as SMS."""

    @property
    def parts(self) -> int:
        """How many SMS."""
        ...

    @property
    def left(self) -> int:
        """How many more signs the last part holds, of the kind that the text is written in."""
        ...


class SegmentCounter(Protocol):
    """Counts, with the alphabets of 3GPP TS 23.038."""

    def __call__(self, text: str) -> Segments:
        """Count the parts of a text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was counted; see `Segments`."""

    parts: int
    left: int


_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
_SEPTETS: Final = (160, 153)
_UNITS: Final = (70, 67)
"""What one SMS holds, and what each part of several does (3GPP TS 23.040 §9.2.3.24.1)."""


def count(text: str) -> Count:
    """Count the parts of a text by the default alphabet, its extension table, and UCS-2."""
    if all(sign in _BASIC or sign in _EXTENSION for sign in text):
        widths, (single, part) = [2 if sign in _EXTENSION else 1 for sign in text], _SEPTETS
    else:
        widths, (single, part) = [2 if sign > "\uffff" else 1 for sign in text], _UNITS
    if sum(widths) <= single:
        return Count(parts=1 if text else 0, left=single - sum(widths))
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return Count(parts=parts, left=part - used)
