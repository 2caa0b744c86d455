"""Forms of names, texts, addresses, network names and anything else that people write."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from sayso.audit.core.forms.form import (
    Edge,
    Form,
    backwards,
    byte_form,
    cases,
    integers,
    part_form,
    text_bits,
    text_form,
    utf16,
)
from sayso.audit.core.seed_types import Seed

PREVIEW_CHARS = 18
"""The shortest preview of a text that is told from chance."""
SURE_BITS = 40.0
"""A text as surprising as this needs no word boundary: it is not part of another by chance."""


def _edge(text: str) -> Edge:
    return Edge.NONE if text_bits(text) >= SURE_BITS else Edge.WORD


def _unicode(text: str, bits: float) -> Iterator[Form]:
    """Other bytes of the same signs, where there are signs beyond ASCII."""
    if text.isascii():
        return
    normals: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    for normal in normals:
        for case in (text, text.lower(), text.upper(), text.casefold()):
            yield text_form("plain", unicodedata.normalize(normal, case), Edge.NONE, bits=bits, hashed=1)
    try:
        yield byte_form("latin-1", text.encode("latin-1"), bits)
    except UnicodeEncodeError:
        return


def _spaces(text: str) -> Iterator[Form]:
    """What stands for a space where spaces are forbidden."""
    words = text.split()
    if len(words) < 2:  # noqa: PLR2004  no space
        return
    for name, separator in (("plus", "+"), ("underscored", "_"), ("dashed", "-"), ("dotted", "."), ("joined", "")):
        yield text_form(name, separator.join(words), _edge(text), bits=text_bits(text), hashed=1)


def email(seed: Seed) -> Iterator[Form]:
    """Cases, the canonical spelling of Gmail, the local part."""
    value = seed.value
    local, _, domain = value.partition("@")
    bits = text_bits(local) + 12
    edge = Edge.NONE if text_bits(local) >= SURE_BITS / 2 else Edge.WORD
    yield from cases(value, edge, bits=bits)
    if domain.lower() in {"gmail.com", "googlemail.com"}:
        plain = local.partition("+")[0].replace(".", "").lower()
        for name in ("gmail.com", "googlemail.com"):
            yield text_form("gmail", f"{plain}@{name}", Edge.WORD, bits=bits, hashed=2)
    elif "+" in local:
        yield text_form("untagged", f"{local.partition('+')[0]}@{domain}".lower(), Edge.WORD, bits=bits, hashed=1)
    yield text_form("at-spelled", f"{local} at {domain}", Edge.WORD, bits=bits)
    yield from utf16(value, bits)
    yield backwards(value, edge)
    yield text_form("local-part", local, Edge.LOCAL, hashed=1, wrapped=False)
    yield part_form("domain", domain, Edge.WORD, group="email", part="domain")
    yield part_form("local-part", local, Edge.WORD, group="email", part="local")


def contact_name(seed: Seed) -> Iterator[Form]:
    """Whole, in other orders and with other separators, and its words together in one exchange."""
    value = " ".join(seed.value.split())
    bits = text_bits(value)
    yield from cases(value, _edge(value), bits=bits)
    yield from utf16(value, bits)
    yield from _unicode(value, bits)
    yield from _spaces(value)
    yield backwards(value, Edge.WORD)
    words = value.split()
    if len(words) > 1:
        turned = [words[-1], *words[:-1]]
        yield text_form("turned", f"{words[-1]}, {' '.join(words[:-1])}", _edge(value), bits=bits, hashed=1)
        yield text_form("turned", " ".join(turned), _edge(value), bits=bits, hashed=1)
        for number, word in enumerate(words):
            yield part_form("word", word, Edge.WORD, group="name", part=str(number))


def sms_text(seed: Seed) -> Iterator[Form]:
    """Whole, packed in seven bits, and cut as notifications cut it."""
    value = seed.value
    bits = text_bits(value)
    yield from cases(value, _edge(value), bits=bits)
    yield from utf16(value, bits)
    yield from _unicode(value, bits)
    yield from _spaces(value)
    if value.isascii() and not set(value) & set("@$_[]^{}\\|~`"):  # their GSM codes differ from ASCII
        yield byte_form("gsm-7", _seven_bits(value.encode()), bits)
    yield backwards(value, _edge(value))
    beginning = value[:PREVIEW_CHARS]
    if len(value) > PREVIEW_CHARS + 4:
        form = text_form("beginning", beginning, Edge.BEGINNING, wrapped=False)
        yield replace(form, whole=value.encode())


def _seven_bits(text: bytes) -> bytes:
    """Septets packed into octets (3GPP TS 23.038, 6.1.2.1)."""
    number = sum(byte << 7 * at for at, byte in enumerate(text))
    # The last byte is left out unless it is full: what pads it differs.
    return number.to_bytes((7 * len(text) + 7) // 8, "little")[: 7 * len(text) // 8]


def ssid(seed: Seed) -> Iterator[Form]:
    """As it is; Android writes it in quotes, which changes its digest."""
    yield from cases(seed.value, _edge(seed.value))
    yield text_form("quoted", f'"{seed.value}"', Edge.NONE, hashed=1)
    yield backwards(seed.value, _edge(seed.value))
    yield from utf16(seed.value, text_bits(seed.value))
    yield from _unicode(seed.value, text_bits(seed.value))
    yield from _spaces(seed.value)


def free(seed: Seed) -> Iterator[Form]:
    """As it is, without separators, from its end, as an integer or bytes where it is one."""
    value = seed.value.strip()
    bits = text_bits(value)
    digits_only = value.isascii() and value.isdigit()
    edge = Edge.DIGIT if digits_only else _edge(value)
    yield from cases(value, edge, bits=bits)
    yield from utf16(value, bits)
    yield from _unicode(value, bits)
    yield from _spaces(value)
    bare = re.sub(r"[^0-9A-Za-z]", "", value)
    if bare != value and len(bare) >= 6:  # noqa: PLR2004  shorter ones are met by chance
        yield text_form("bare", bare, Edge.WORD, hashed=1)
    yield backwards(value, edge)
    if digits_only and len(value) >= 10 and int(value) < 1 << 64:  # noqa: PLR2004  shorter ones are met by chance
        yield from integers(int(value))
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){6,64}", bare) and not digits_only:
        yield byte_form("bytes", bytes.fromhex(bare))
