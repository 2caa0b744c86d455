"""How other numbers are called and drawn. Pure, but for the address book that is given."""

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Final

from sayso.protocol.errors import NumberError
from sayso.protocol.numbers import PhoneNumber

HUES: Final = 12
"""How many colours avatars have; each is a class in the style sheet."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Person:
    """Somebody, as the screen shows them."""

    number: str
    """E.164, a short code, or letters."""
    name: str
    """From the address book; the number as people write it, where it is not in there."""
    pretty: str
    """The number as people write it."""
    initials: str
    """One or two signs; empty where there is no name."""
    hue: int
    known: bool
    """Whether the name comes from the address book."""


def person(number: str, name: str | None) -> Person:
    """Return how a number is shown, with the name that the address book has for it."""
    pretty = pretty_number(number)
    return Person(
        number=number,
        name=name or pretty,
        pretty=pretty,
        initials=initials(name) if name else "",
        hue=hashlib.sha256(number.encode()).digest()[0] % HUES,
        known=name is not None,
    )


def pretty_number(number: str) -> str:
    """Write a number as people write it; what is none stays as it is."""
    try:
        return PhoneNumber(number).pretty()
    except NumberError:
        return number


def initials(name: str) -> str:
    """Return one or two letters for a name; one sign for a name in a script without spaces."""
    words = [word for word in name.split() if any(unicodedata.category(sign)[0] in "LN" for sign in word)]
    firsts = [next(sign for sign in word if unicodedata.category(sign)[0] in "LN") for word in words]
    if not firsts:
        return ""
    if len(firsts) == 1 or not (firsts[0].isascii() or firsts[0].upper() != firsts[0].lower()):
        return firsts[0].upper()
    return (firsts[0] + firsts[-1]).upper()
