"""What ModemManager's properties mean: names and numbers of its D-Bus interface (version 1.x), as values of ours.

Whatever is missing or of another type than the interface says is read as "not said": the daemon on the bus is trusted,
what a modem or the network put into it is not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final, TypeAlias

SERVICE: Final = "org.freedesktop.ModemManager1"
ROOT: Final = "/org/freedesktop/ModemManager1"
MODEM: Final = f"{SERVICE}.Modem"
MODEM_3GPP: Final = f"{MODEM}.Modem3gpp"
MESSAGING: Final = f"{MODEM}.Messaging"
SIM: Final = f"{SERVICE}.Sim"
SMS: Final = f"{SERVICE}.Sms"
NO_OBJECT: Final = "/"

Properties: TypeAlias = Mapping[str, object]

_ERROR: Final = f"{SERVICE}.Error."
_REFUSED: Final = re.compile(
    re.escape(_ERROR) + r"(Message\.\w+|MobileEquipment\.\w+|Core\.(WrongState|Unauthorized|NotFound|Unsupported|"
    r"InvalidArgs|Failed\.NotSent))",
    re.ASCII,
)
"""The network or the modem said no: nothing was sent."""
_MAYBE_SENT: Final = frozenset(
    {
        f"{_ERROR}Message.NetworkTimeout",
        f"{_ERROR}Message.Unknown",
        f"{_ERROR}MobileEquipment.NetworkTimeout",
        f"{_ERROR}MobileEquipment.Unknown",
    }
)
_FULL: Final = frozenset(
    {f"{_ERROR}Message.MemoryFull", f"{_ERROR}Message.SimFull", f"{_ERROR}MobileEquipment.MemoryFull"}
)
_OLD_STAMP: Final = re.compile(r"(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})([+-]\d{2})?", re.ASCII)
_HOURS_ONLY: Final = re.compile(r"(.*T.*[+-]\d{2})", re.ASCII)


class ModemState(IntEnum):
    """`MMModemState`, as far as it matters."""

    FAILED = -1
    UNKNOWN = 0
    INITIALIZING = 1
    LOCKED = 2
    DISABLED = 3
    DISABLING = 4
    ENABLING = 5
    ENABLED = 6
    SEARCHING = 7
    REGISTERED = 8


_SIM_MISSING: Final = 2
_NO_PROFILE: Final = 5
"""An eSIM on which no profile is: to a line the same as no SIM."""
_PIN_OR_PUK: Final = frozenset({2, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17})
"""`MMModemLock` but for none and the second PIN and PUK, which keep nobody from texting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemView:
    """A modem, without its SIM's identifiers."""

    known: bool
    """False while the modem is being set up, or failed for a reason that says nothing of the SIM."""
    present: bool
    locked: bool
    enabled: bool
    registered: bool
    sim_path: str


def view_of(modem: Properties) -> ModemView:
    """Read a modem's properties (interface `MODEM`)."""
    state = number(modem.get("State"), ModemState.UNKNOWN)
    failed = state == ModemState.FAILED
    no_sim = failed and number(modem.get("StateFailedReason")) in {_SIM_MISSING, _NO_PROFILE}
    sim_path = text(modem.get("Sim"), NO_OBJECT)
    there = not no_sim and sim_path != NO_OBJECT
    set_up = state not in {ModemState.UNKNOWN, ModemState.INITIALIZING}
    locked = state == ModemState.LOCKED or number(modem.get("UnlockRequired")) in _PIN_OR_PUK
    return ModemView(
        known=no_sim or (set_up and not failed),
        present=there,
        locked=there and locked,
        enabled=state not in {ModemState.DISABLED, ModemState.DISABLING},
        registered=state >= ModemState.REGISTERED,
        sim_path=sim_path,
    )


class SmsState(IntEnum):
    """`MMSmsState`."""

    UNKNOWN = 0
    STORED = 1
    RECEIVING = 2
    RECEIVED = 3
    SENDING = 4
    SENT = 5


class PduType(IntEnum):
    """`MMSmsPduType`, as far as it matters."""

    DELIVER = 1
    STATUS_REPORT = 3
    CDMA_DELIVER = 32


_INCOMING: Final = frozenset({PduType.DELIVER, PduType.CDMA_DELIVER})
_FLASH: Final = 0
_NOT_SAID: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StoredSms:
    """An SMS object."""

    state: int
    incoming: bool
    report: bool
    number: str
    text: str
    data: bytes
    flash: bool
    sent_at: float
    """Unix seconds; 0 where it does not say, or cannot be read."""
    network_ref: int
    outcome: str | None
    """Of a report: `delivered`, `failed`, or None while the network still tries."""


def sms_of(sms: Properties) -> StoredSms:
    """Read an SMS object's properties (interface `SMS`)."""
    kind = number(sms.get("PduType"))
    data = sms.get("Data")
    return StoredSms(
        state=number(sms.get("State")),
        incoming=kind in _INCOMING,
        report=kind == PduType.STATUS_REPORT,
        number=text(sms.get("Number")),
        text=text(sms.get("Text")),
        data=bytes(data) if isinstance(data, bytes | bytearray) else b"",
        flash=number(sms.get("Class"), _NOT_SAID) == _FLASH,
        sent_at=stamp(text(sms.get("Timestamp"))),
        network_ref=number(sms.get("MessageReference")),
        outcome=_outcome(number(sms.get("DeliveryState"), _REPORT_UNKNOWN)),
    )


_DELIVERED: Final = range(0x03)
"""TP-Status: received, forwarded, replaced (3GPP TS 23.040 §9.2.3.15)."""
_TRYING: Final = range(0x20, 0x40)
_REPORT_UNKNOWN: Final = 0x100


def _outcome(state: int) -> str | None:
    if state in _DELIVERED:
        return "delivered"
    if state in _TRYING or state >= _REPORT_UNKNOWN or state < 0:
        return None
    return "failed"


def refused(error: str) -> bool:
    """Whether a D-Bus error of `Send` says that nothing was sent; every other one leaves it open."""
    return _REFUSED.fullmatch(error) is not None and error not in _MAYBE_SENT


def storage_full(error: str) -> bool:
    """Whether a D-Bus error says that the modem has no room."""
    return error in _FULL


def stamp(written: str) -> float:
    """Read a time stamp, ISO 8601 or the older form ``YYMMDDHHMMSS+ZZ``; 0 for one that is none."""
    old = _OLD_STAMP.fullmatch(written)
    try:
        if old is not None:
            quarters = int(old[7] or 0)
            moment = datetime(2000 + int(old[1]), *(int(part) for part in old.groups()[1:6]), tzinfo=UTC)  # type: ignore[arg-type,misc]
            return moment.timestamp() - quarters * 15 * 60
        moment = datetime.fromisoformat(f"{written}:00" if _HOURS_ONLY.fullmatch(written) else written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def number(value: object, default: int = 0) -> int:
    """Return a property that should be a number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def text(value: object, default: str = "") -> str:
    """Return a property that should be a text."""
    return value if isinstance(value, str) else default
