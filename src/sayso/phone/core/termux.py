"""What Termux:API's programs print: JSON, whose texts and names come from the network and from other apps.

One family of errors: TermuxError.
"""

import json
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from sayso.phone.errors import PhoneError

_LOCKED: Final = frozenset({"pin_required", "puk_required", "network_locked"})
_ABSENT: Final = "absent"
_READY: Final = "ready"
_TIME_FORM: Final = "%Y-%m-%d %H:%M:%S"
_LARGEST_PLACE: Final = 2**53


class TermuxError(PhoneError):
    """What was printed is not what Termux:API prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """What `termux-telephony-deviceinfo` says."""

    state: str
    """`absent`, `locked`, `ready`, or `unknown` while Android itself does not know."""
    operator: str
    operator_code: str
    imsi: str
    """Empty where Android hides it: everywhere since Android 10."""
    iccid: str
    """The same."""
    registered: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class InboxSms:
    """One SMS of Android's inbox."""

    place: int
    sender: str
    text: str
    received_at: float
    """Unix seconds; 0 where it cannot be read."""


def read_device_info(printed: bytes) -> DeviceInfo:
    """Read what `termux-telephony-deviceinfo` printed.

    Raises:
        TermuxError: no JSON object.
    """
    found = _json(printed)
    if not isinstance(found, dict):
        raise TermuxError("termux-telephony-deviceinfo printed no JSON object")
    state = _text(found.get("sim_state"))
    if state in _LOCKED:
        state = "locked"
    return DeviceInfo(
        state=state if state in {_ABSENT, _READY, "locked"} else "unknown",
        operator=_text(found.get("sim_operator_name")),
        operator_code=_text(found.get("sim_operator")),
        imsi=_text(found.get("sim_subscriber_id")),
        iccid=_text(found.get("sim_serial_number")),
        registered=_text(found.get("network_operator")) != "",
    )


def read_inbox(printed: bytes, zone: tzinfo | None) -> list[InboxSms]:
    """Read what `termux-sms-list -t inbox` printed. What has no id is left out: it could not be known again.

    Args:
        printed: the program's output.
        zone: the phone's time zone, in which the program writes; None for the system's.

    Raises:
        TermuxError: no JSON array.
    """
    found = _json(printed)
    if not isinstance(found, list):
        raise TermuxError("termux-sms-list printed no JSON array")
    inbox = []
    for one in found:
        if not isinstance(one, dict) or one.get("type") not in {"inbox", None}:
            continue
        place = one.get("_id")
        if isinstance(place, int) and not isinstance(place, bool) and 0 <= place <= _LARGEST_PLACE:
            inbox.append(
                InboxSms(
                    place=place,
                    sender=_text(one.get("number")) or _text(one.get("address")),
                    text=_text(one.get("body")),
                    received_at=_time(_text(one.get("received")), zone),
                )
            )
    return inbox


def _json(printed: bytes) -> object:
    try:
        found: object = json.loads(printed)
    except (ValueError, RecursionError) as error:
        raise TermuxError("a program of Termux:API printed no JSON; is the app Termux:API installed?") from error
    return found


def _text(value: object) -> str:
    """Return a text without lone surrogates, which JSON can write and a store cannot keep."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _time(written: str, zone: tzinfo | None) -> float:
    try:
        return datetime.strptime(written, _TIME_FORM).replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
