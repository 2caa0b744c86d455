"""The process that holds a modem through libGammu: ``python -I worker.py GAMMURC``.

Each line of standard input is a request in JSON, each line of standard output its answer: ``{"ok": ...}``,
``{"sent": ...}`` or ``{"error": "..."}``. An error is the name of Gammu's: its sentence may quote what it was about.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Any, Final

import gammu

_MOST_SMS: Final = 20_000
"""More than any storage has: a modem that never ends its list."""
_NOT_REGISTERED: Final = ("NoNetwork", "RequestingNetwork", "RegistrationDenied")
_RECEIVED: Final = ("UnRead", "Read")


def serve(config: str, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until they end."""
    modem: Any = None
    for line in requests:
        try:
            if modem is None:
                modem = _open(config)
            answer = _answer(modem, json.loads(line))
        except gammu.GSMError as error:
            # A modem that was unplugged stays broken for libGammu: begin anew with the next request.
            modem = None
            answer = {"error": type(error).__name__}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _open(config: str) -> Any:
    modem = gammu.StateMachine()
    modem.ReadConfig(Filename=config)
    modem.Init()
    return modem


def _answer(modem: Any, request: dict[str, Any]) -> dict[str, Any]:
    match request:
        case {"do": "look"}:
            return {"ok": _look(modem)}
        case {"do": "send", "to": str(to), "text": str(text)}:
            return _send(modem, to, text)
        case {"do": "delete", "location": int(location)}:
            return _delete(modem, location)
    return {"error": "ERR_NOTSUPPORTED"}


def _look(modem: Any) -> dict[str, Any]:
    try:
        security = modem.GetSecurityStatus()
    except gammu.ERR_NOSIM:
        security = "NoSIM"
    if security not in {None, "None"}:
        return {"security": str(security)}
    status = modem.GetSMSStatus()
    return {
        "security": None,
        "imsi": _said(modem.GetSIMIMSI),
        "network": _said(modem.GetNetworkInfo, {}),
        "full": 0 < status["SIMSize"] + status["PhoneSize"] <= status["SIMUsed"] + status["PhoneUsed"],
        "sms": list(_all_sms(modem)),
    }


def _said(ask: Any, otherwise: Any = "") -> Any:
    """Ask for what some modems do not know."""
    try:
        return ask()
    except (gammu.ERR_NOTSUPPORTED, gammu.ERR_NOTIMPLEMENTED, gammu.ERR_UNKNOWN, gammu.ERR_EMPTY):
        return otherwise


def _all_sms(modem: Any) -> Iterator[dict[str, Any]]:
    before: dict[str, int] = {"Location": -1}
    for _ in range(_MOST_SMS):
        try:
            found = (
                modem.GetNextSMS(Start=True, Folder=0)
                if before["Location"] < 0
                else modem.GetNextSMS(Location=before["Location"], Folder=0)
            )
        except gammu.ERR_EMPTY:
            return
        before = found[0]
        for one in found:
            if one["State"] in _RECEIVED and one["Type"] in {"Deliver", "Status_Report"}:
                yield _sms(one)


def _sms(one: dict[str, Any]) -> dict[str, Any]:
    raw = one["Coding"] == "8bit"
    text = one["Text"]
    return {
        "location": one["Location"],
        "report": one["Type"] == "Status_Report",
        "number": one["Number"],
        "text": "" if raw else text,
        "gsm7": one["Coding"].startswith("Default"),
        "data": (text.encode("latin-1", "replace") if isinstance(text, str) else text).hex() if raw else "",
        "header": one["UDH"]["Text"].hex(),
        "sms_class": one["Class"],
        "at": _seconds(one["DateTime"]),
        "reference": one["MessageReference"],
        "status": one["DeliveryStatus"],
    }


def _seconds(moment: datetime | None) -> float:
    if moment is None:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _send(modem: Any, to: str, text: str) -> dict[str, Any]:
    """Send all parts. What fails before the first one was given to the network was not sent."""
    if _said(modem.GetNetworkInfo, {}).get("State") in _NOT_REGISTERED:
        return {"error": "ERR_NONETWORK", "maybe": False}
    info = {"Class": -1, "Unicode": True, "Entries": [{"ID": "ConcatenatedAutoTextLong", "Buffer": text}]}
    given = 0
    reference = None
    try:
        for part in gammu.EncodeSMS(info):
            part |= {"Number": to, "SMSC": {"Location": 1}, "Type": "Status_Report"}
            reference = modem.SendSMS(part)
            given += 1
    except gammu.GSMError as error:
        refused = isinstance(error, (gammu.ERR_BUG, gammu.ERR_INVALIDDATA, gammu.ERR_SECURITYERROR, gammu.ERR_NOSIM))
        return {"error": type(error).__name__, "maybe": bool(given) or not refused}
    return {"sent": reference}


def _delete(modem: Any, location: int) -> dict[str, Any]:
    with contextlib.suppress(gammu.ERR_EMPTY, gammu.ERR_INVALIDLOCATION):  # gone already
        modem.DeleteSMS(0, location)
    return {"ok": None}


if __name__ == "__main__":
    serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
