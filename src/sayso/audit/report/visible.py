"""Hostile bytes as harmless text: nothing invisible, nothing that turns the reading direction."""

import unicodedata


def sign(one: str) -> str:
    """A sign as it is, or its escape where it could not be seen or does something."""
    if one.isascii():
        return one if one.isprintable() else f"\\x{ord(one):02x}"
    # C: control, format (bidi overrides, zero width), surrogates, private use, unassigned; Z: odd spaces and line ends;
    # M: marks, which pile up on the sign before.
    if unicodedata.category(one)[0] in "CZM":
        return f"\\u{ord(one):04x}" if ord(one) <= 0xFFFF else f"\\U{ord(one):08x}"  # noqa: PLR2004  the basic plane
    return one


def text(value: str, limit: int = 500) -> str:
    """A name or an address out of traffic."""
    cut = value[:limit]
    shown = cut if cut.isascii() and cut.isprintable() else "".join(sign(one) for one in cut)
    return shown if len(value) <= limit else f"{shown}..."


def octets(value: bytes) -> str:
    r"""Bytes: UTF-8 where it is, `\xNN` where it is not."""
    return text(value.decode("utf-8", "backslashreplace"), limit=2_000)
