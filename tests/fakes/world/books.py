"""Address books as phones of several makers write them (vCard 2.1 to 4.0), and what an owner then has of them."""

import quopri
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

Entry = tuple[str, str]
"""A name and a number."""
_FOLD_AT: Final = 30


def _ios(entries: Sequence[Entry]) -> str:
    """Version 3.0, numbers under groups, lines folded, commas escaped."""
    cards = []
    for name, number in entries:
        given, _, family = name.partition(" ")
        lines = ["VERSION:3.0", f"N:{family};{given};;;", f"FN:{name}", f"item1.TEL;type=CELL;type=pref:{number}"]
        cards.append("\r\n".join(_folded(line) for line in ["BEGIN:VCARD", *lines, "NOTE:a\\, b", "END:VCARD"]))
    return "\r\n".join(cards) + "\r\n"


def _old_android(entries: Sequence[Entry]) -> str:
    """Version 2.1, names in quoted-printable, long ones continued; no formatted name."""
    cards = []
    for name, number in entries:
        given, _, family = name.partition(" ")
        coded = ";".join(quopri.encodestring(part.encode()).decode().replace("=\n", "") for part in (family, given))
        name_line = f"N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{coded[:20]}=\r\n{coded[20:]};;;"
        cards.append("\r\n".join(["BEGIN:VCARD", "VERSION:2.1", name_line, f"TEL;CELL:{number}", "END:VCARD", ""]))
    return "".join(cards)


def _standard(entries: Sequence[Entry]) -> str:
    """Version 4.0: numbers as addresses, a home number that is none, empty values, lines that say nothing."""
    cards = []
    for name, number in entries:
        lines = ["VERSION:4.0", "FN:", f"FN:{name}", "TEL:", f"TEL;VALUE=uri:tel:{number};ext=1", "no colon here"]
        cards.append("\n".join(["BEGIN:VCARD", *lines, f"TEL:{'9' * 80}", "END:VCARD"]))
    return "\n".join(["", *cards, "BEGIN:VCARD", "END:VCARD", "FN:nobody's", "END:VCARD"])


def _company(entries: Sequence[Entry]) -> str:
    """Names of companies only; and nobody's number."""
    cards = [f"BEGIN:VCARD\nORG:{name}\nTEL:{number}\nEND:VCARD\n" for name, number in entries]
    return (
        "".join(cards) + "BEGIN:VCARD\nFN:No number\nEND:VCARD\nBEGIN:VCARD\nFN:Typo\nTEL:+44 not a number\nEND:VCARD\n"
    )


_MAKERS: Final[tuple[Callable[[Sequence[Entry]], str], ...]] = (_ios, _old_android, _standard, _company)
_NAMES: Final = ("Zoë Ångström", "Bob Builder", "Carol Ōe", "Nobody Special")


def book(numbers: Sequence[str], random: Random) -> tuple[str, dict[str, str]]:
    """Write an address book with some of these numbers; returns the file, and the names that are in it by number."""
    chosen = random.sample(numbers, random.randint(0, len(numbers)))
    entries = [(random.choice(_NAMES), number) for number in chosen]
    written = random.choice(_MAKERS)(entries)
    if random.random() < 0.2:
        # Numbers that nobody has named are named by themselves.
        nameless = random.choice(numbers)
        return f"{written}\nBEGIN:VCARD\nTEL:{nameless}\nEND:VCARD\n", dict(_swapped(entries)) | {nameless: nameless}
    return written, dict(_swapped(entries))


def torn(written: str, random: Random) -> str:
    """The file, as an export leaves it that broke off."""
    return written[: random.randrange(len(written) + 1)]


def _swapped(entries: Sequence[Entry]) -> list[Entry]:
    return [(number, name) for name, number in entries]


def _folded(line: str) -> str:
    return "\r\n ".join(line[at : at + _FOLD_AT] for at in range(0, len(line), _FOLD_AT))
