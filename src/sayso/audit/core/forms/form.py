"""What a form is, and the spellings that several types share."""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class Edge(enum.Enum):
    """What may not stand beside a match, so that a part of a longer value is no finding."""

    NONE = "none"
    DIGIT = "digit"
    """No digit before or after."""
    HEX = "hex"
    """No hex digit before or after."""
    WORD = "word"
    """No letter, digit or byte of a longer UTF-8 sign before or after."""
    LOCAL = "local"
    """As WORD, and no @ after: the local part of another address is somebody else."""
    BEGINNING = "beginning"
    """Agrees with `Form.whole` up to a cut, and no text goes on there: a preview, no other text that begins alike."""
    SV = "sv"
    """No digit before; exactly two after: the software version that makes 16 digits of a 14-digit IMEI."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a seed is written."""

    name: str
    """Stands at the end of a chain: lower case, `plain` for the value as the seeds file has it."""
    data: bytes = field(repr=False)
    edge: Edge
    bits: float
    """How unlikely a match by chance is: -log2 of the odds at one place."""
    binary: bool = False
    """Compared byte by byte; text is compared without regard to the case of ASCII letters."""
    hashed: int = 0
    """0: digests of it are not looked for; 1: digests; 2: digests of digests too."""
    part: str = ""
    """Alone it proves nothing; all forms of one `group` with different `part` in one exchange do."""
    group: str = ""
    wrapped: bool = True
    """Whether base64 and the like of this very form are looked for at every alignment."""
    whole: bytes = field(default=b"", repr=False)
    """Of a beginning: all of the text."""


DIGIT_BITS = 3.32
HEX_BITS = 4.0
TEXT_BITS = 3.0
"""Of a letter of a natural text; a random one has 4.7."""


def text_bits(text: str) -> float:
    """A careful guess at how surprising a text is: letters of words count less than digits among them."""
    return sum(DIGIT_BITS if sign.isdigit() else TEXT_BITS for sign in text if sign.isalnum())


def text_form(name: str, text: str, edge: Edge, *, bits: float = 0, hashed: int = 0, wrapped: bool = True) -> Form:
    """A form of letters and digits."""
    return Form(name, text.encode(), edge, bits or text_bits(text), hashed=hashed, wrapped=wrapped)


def part_form(name: str, text: str, edge: Edge, *, group: str, part: str) -> Form:
    """A piece that counts only together with the other pieces."""
    return Form(name, text.encode(), edge, text_bits(text), part=part, group=group, wrapped=False)


def byte_form(name: str, data: bytes, bits: float = 0) -> Form:
    """A form of bytes; zeros at the ends prove nothing and count nothing."""
    return Form(name, data, Edge.NONE, bits or 8.0 * len(data.strip(b"\x00")), binary=True, wrapped=False)


def cases(value: str, edge: Edge, *, bits: float = 0) -> Iterator[Form]:
    """The value as it is, and the cases in which it is hashed; matching itself knows no case."""
    bits = bits or text_bits(value)
    yield text_form("plain", value, edge, bits=bits, hashed=2)
    yield text_form("lower", value.lower(), edge, bits=bits, hashed=2)
    yield text_form("upper", value.upper(), edge, bits=bits, hashed=2)


def utf16(value: str, bits: float) -> Iterator[Form]:
    """UTF-16 in both orders, in the cases that occur."""
    for case in dict.fromkeys((value, value.lower(), value.upper())):
        yield byte_form("utf-16le", case.encode("utf-16-le"), bits)
        yield byte_form("utf-16be", case.encode("utf-16-be"), bits)


def backwards(value: str, edge: Edge) -> Form:
    """The value from its end to its start."""
    return text_form("reversed", value[::-1], edge, hashed=1)


def varint(number: int) -> bytes:
    """Base-128 varint, least group first (protobuf encoding, "Base 128 Varints")."""
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004  seven bits each
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def integers(number: int, *, signed: bool = False) -> Iterator[Form]:
    """An integer as programs store it: 32 and 64 bits in both orders, and as a varint."""
    bits = float(number.bit_length())
    widths = [width for width in (4, 8) if number.bit_length() <= 8 * width]
    for width in widths:
        for order in ("little", "big"):
            yield byte_form(
                f"int{8 * width}{order[0]}e", number.to_bytes(width, "little" if order == "little" else "big"), bits
            )
    yield byte_form("varint", varint(number), bits)
    if signed and number >= 1 << 63:
        yield text_form("signed", str(number - (1 << 64)), Edge.DIGIT, bits=64, hashed=1)


def scientific(value: str) -> Iterator[Form]:
    """A number that went through a double and came out with an exponent, as of Java's and JavaScript's JSON."""
    mantissa = f"{value[0]}.{value[1:].rstrip('0') or '0'}"
    for exponent in ("e", "e+"):
        yield text_form("scientific", f"{mantissa}{exponent}{len(value) - 1}", Edge.DIGIT, wrapped=False)


def bcd(value: str, bits: float) -> Iterator[Form]:
    """Two digits in a byte: as written, and with the nibbles swapped as on a SIM (3GPP TS 31.102, 4.2.2)."""
    padded = value + "f" * (len(value) % 2)
    yield byte_form("bcd", bytes.fromhex(padded), bits)
    if len(value) % 2:
        yield byte_form("bcd", bytes.fromhex("0" + value), bits)
        # An identity's first digit shares its byte with the type and the odd mark (3GPP TS 24.008, 10.5.1.4).
        for kind in ("9", "a"):
            yield byte_form("bcd.swapped", swapped(kind + value), bits)
    yield byte_form("bcd.swapped", swapped(padded), bits)


def swapped(value: str) -> bytes:
    """Pairs of digits with their order turned."""
    return bytes.fromhex("".join(value[at + 1] + value[at] for at in range(0, len(value) - 1, 2)))


def grouped(value: str, *sizes: int) -> list[str]:
    """Cut into pieces of these sizes; the last takes the rest."""
    pieces, at = [], 0
    for size in sizes[:-1]:
        pieces.append(value[at : at + size])
        at += size
    return [*pieces, value[at:]]


def unique(forms: Iterable[Form]) -> tuple[Form, ...]:
    """The first form of each spelling; a later one may ask for more digests, and gets them."""
    seen: dict[tuple[bytes, bool, str, Edge], Form] = {}
    for form in forms:
        if form.data:
            seen.setdefault((form.data, form.binary, form.part, form.edge), form)
    return tuple(seen.values())
