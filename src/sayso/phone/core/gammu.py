"""What the Gammu process answers: JSON of ours around texts, headers and data from the network.

One family of errors: GammuError. An SMS whose header lies is no error: it is shown by itself, as what could be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sayso.phone.core.sms.alphabet import Tables, reread
from sayso.phone.core.sms.header import Header, PartOf, read_header
from sayso.phone.errors import PhoneError, SmsFormatError

_NO_SIM: Final = "NoSIM"
_FLASH: Final = 0
_DELIVERED: Final = range(0x03)
_TRYING: Final = range(0x20, 0x40)
"""TP-Status (3GPP TS 23.040 §9.2.3.15)."""


class GammuError(PhoneError):
    """The process answered that the modem cannot be used, or what it never answers."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GammuSms:
    """One SMS, part of one, or delivery report."""

    place: int
    number: str
    text: str
    data: bytes
    sent_at: float
    flash: bool
    port: int | None
    part: PartOf | None
    report: bool
    network_ref: int
    outcome: str | None
    """Of a report: `delivered`, `failed`, or None while the network still tries."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GammuLook:
    """One look at the modem."""

    present: bool
    locked: bool
    imsi: str
    operator: str
    full: bool
    sms: tuple[GammuSms, ...]


class _Sms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    location: Annotated[int, Meta(ge=0, le=2**53)]
    report: bool
    number: str
    text: str
    gsm7: bool
    data: str
    header: str
    sms_class: int
    at: float
    reference: int
    status: int


class _Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    security: str | None
    imsi: str = ""
    network: dict[str, str] = {}
    full: bool = False
    sms: list[_Sms] = []


def read_look(answer: Mapping[str, object]) -> GammuLook:
    """Read the answer to a look.

    Raises:
        GammuError: it is an error, or none of ours.
    """
    if "error" in answer:
        raise GammuError("Gammu cannot use the modem; `gammu identify` may say why")
    try:
        look = msgspec.convert(answer.get("ok"), _Look)
        sms = tuple(_read(one) for one in look.sms)
    except (msgspec.MsgspecError, ValueError) as error:
        raise GammuError("the process that serves the modem answered something else than it was asked") from error
    return GammuLook(
        present=look.security != _NO_SIM,
        locked=look.security not in {None, _NO_SIM},
        imsi=look.imsi,
        operator=look.network.get("NetworkName", ""),
        full=look.full,
        sms=sms,
    )


def _read(one: _Sms) -> GammuSms:
    data = bytes.fromhex(one.data)
    try:
        header = read_header(bytes.fromhex(one.header))
    except SmsFormatError:
        header = Header()
    return GammuSms(
        place=one.location,
        number=one.number,
        text=reread(one.text, header.tables) if one.gsm7 and header.tables != Tables() else one.text,
        data=data,
        sent_at=one.at,
        flash=one.sms_class == _FLASH,
        port=header.port,
        part=header.part,
        report=one.report,
        network_ref=one.reference,
        outcome=_outcome(one.status),
    )


def _outcome(status: int) -> str | None:
    if status in _DELIVERED:
        return "delivered"
    return None if status in _TRYING else "failed"
