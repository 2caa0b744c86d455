"""Names and numbers out of vCard files, versions 2.1 to 4.0 (RFC 6350): what phones and address books export. Pure.

Only FN, N and TEL are read. Whatever else stands in there (pictures, addresses, notes) is passed over.
"""

import quopri
import re
from collections.abc import Iterator
from typing import Final

CONTACTS_AT_ONCE: Final = 10_000
_NAME_SIGNS: Final = 200
_NUMBER_SIGNS: Final = 64
_ESCAPED: Final = re.compile(r"\\([\\,;nN])")
_FOLD: Final = re.compile(r"\r?\n[ \t]")


def read_vcards(content: str) -> list[tuple[str, str]]:
    """Return (name, number) for each number in a file, as they stand there; 10,000 at most. Never raises."""
    found: list[tuple[str, str]] = []
    for card in _cards(content):
        name = _name(card)
        for number in _numbers(card):
            if len(found) == CONTACTS_AT_ONCE:
                return found
            found.append((name or number, number))
    return found


def _cards(content: str) -> Iterator[list[tuple[str, str, str]]]:
    """Yield the properties of each card: name, parameters, value."""
    card: list[tuple[str, str, str]] | None = None
    for line in _lines(content):
        head, colon, value = line.partition(":")
        if not colon:
            continue
        name, _, parameters = head.partition(";")
        name = name.rpartition(".")[2].strip().upper()  # item1.TEL
        match name, value.strip().upper():
            case "BEGIN", "VCARD":
                card = []
            case "END", "VCARD":
                if card:
                    yield card
                card = None
            case _ if card is not None:
                card.append((name, parameters.upper(), value))


def _lines(content: str) -> Iterator[str]:
    """Yield whole lines: folded ones joined (RFC 6350 §3.2), and those that quoted-printable continues with `=`."""
    joined = ""
    for line in _FOLD.sub("", content).splitlines():
        joined += line
        if joined.endswith("=") and "QUOTED-PRINTABLE" in joined.partition(":")[0].upper():
            joined = joined[:-1]
            continue
        yield joined
        joined = ""
    if joined:
        yield joined


def _name(card: list[tuple[str, str, str]]) -> str:
    for wanted in ("FN", "N", "ORG"):
        for name, parameters, value in card:
            if name != wanted:
                continue
            text = _decoded(parameters, value)
            if wanted == "N":
                family, given, *_ = [*re.split(r"(?<!\\);", text), ""]
                text = f"{given} {family}"
            text = " ".join(_ESCAPED.sub(_unescaped, text).replace(";", " ").split())
            if text:
                return text[:_NAME_SIGNS]
    return ""


def _numbers(card: list[tuple[str, str, str]]) -> Iterator[str]:
    for name, parameters, value in card:
        if name == "TEL":
            number = _decoded(parameters, value).strip()
            if number.lower().startswith("tel:"):
                number = number[4:].partition(";")[0]
            if 0 < len(number) <= _NUMBER_SIGNS:
                yield number


def _decoded(parameters: str, value: str) -> str:
    if "QUOTED-PRINTABLE" not in parameters:
        return value
    return quopri.decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")


def _unescaped(found: re.Match[str]) -> str:
    return " " if found.group(1) in "nN" else found.group(1)
