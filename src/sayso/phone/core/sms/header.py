"""The user data header of an SMS (3GPP TS 23.040 §9.2.3.24), as a modem's library hands it on: hostile bytes.

    header    = length ‖ element*            length counts what follows it
    element   = identifier ‖ length ‖ value

One family of errors: SmsFormatError.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from sayso.phone.core.sms.alphabet import NATIONAL, Tables
from sayso.phone.errors import SmsFormatError

_CONCATENATED_8: Final = 0x00
_PORTS_8: Final = 0x04
_PORTS_16: Final = 0x05
_CONCATENATED_16: Final = 0x08
_SINGLE_SHIFT: Final = 0x24
_LOCKING_SHIFT: Final = 0x25
_LENGTHS: Final = {
    _CONCATENATED_8: 3,
    _PORTS_8: 2,
    _PORTS_16: 4,
    _CONCATENATED_16: 4,
    _SINGLE_SHIFT: 1,
    _LOCKING_SHIFT: 1,
}

_DEFAULT: Final = Tables()

WAP_PUSH_PORT: Final = 2948
"""Where the notices of picture messages go (WAP-235)."""


@dataclass(frozen=True, slots=True)
class PartOf:
    """Which part of which set an SMS is."""

    reference: int
    wide: bool
    """Whether the reference is one of two octets: sets of 8 and 16 bits are never the same."""
    total: int
    number: int
    """1 to `total`."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says, as far as it matters here."""

    part: PartOf | None = None
    port: int | None = None
    """The application that the SMS is for."""
    tables: Tables = _DEFAULT


def read_header(data: bytes) -> Header:
    """Read a header. Of an element that comes twice the last one counts; unknown ones are passed over (§9.2.3.24).

    Args:
        data: the header with its length octet; empty for an SMS without one.

    Raises:
        SmsFormatError: a length is wrong.
    """
    header = Header()
    for identifier, value in _elements(data):
        if _LENGTHS.get(identifier, len(value)) != len(value):
            raise SmsFormatError("an element of an SMS's header has another length than its kind has")
        match identifier:
            case 0x00:
                header = replace(header, part=_part(value[0], value[1:], wide=False))
            case 0x08:
                header = replace(header, part=_part(int.from_bytes(value[:2], "big"), value[2:], wide=True))
            case 0x04:
                header = replace(header, port=value[0])
            case 0x05:
                header = replace(header, port=int.from_bytes(value[:2], "big"))
            case 0x24 if value[0] in NATIONAL:
                header = replace(header, tables=Tables(header.tables.locking, value[0]))
            case 0x25 if value[0] in NATIONAL:
                header = replace(header, tables=Tables(value[0], header.tables.single))
            case _:
                pass
    return header


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    if not data:
        return
    if data[0] != len(data) - 1:
        raise SmsFormatError("an SMS's header has another length than it says")
    at = 1
    while at < len(data):
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise SmsFormatError("an element of an SMS's header ends behind the header")
        yield data[at], data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]


def _part(reference: int, counts: bytes, *, wide: bool) -> PartOf | None:
    """Read total and number; an impossible pair means that the SMS stands for itself (§9.2.3.24.1)."""
    total, number = counts
    if not 1 <= number <= total:
        return None
    return PartOf(reference=reference, wide=wide, total=total, number=number)
