"""Hostile SMS, as libraries hand them on: headers, MMS notices, JSON of Termux and of the Gammu process, D-Bus values.

A first byte chooses the reader. Each has one family of errors, and never loses a part.
"""

import contextlib
import json

from sayso.phone.core.gammu import GammuError, read_look
from sayso.phone.core.modem_manager import sms_of, stamp, view_of
from sayso.phone.core.sms.assembly import PATIENCE_S, Part, assemble
from sayso.phone.core.sms.header import PartOf, read_header
from sayso.phone.core.sms.incoming import meaning
from sayso.phone.core.sms.mms import read_mms_notice
from sayso.phone.core.termux import TermuxError, read_device_info, read_inbox
from sayso.phone.errors import SmsFormatError

_READERS = 6
_MOST_PARTS = 12


def fuzz_one(data: bytes) -> None:
    """Give `data` to one reader."""
    if not data:
        return
    (_header, _notice, _termux, _gammu, _dbus, _parts)[data[0] % _READERS](data[1:])


def _header(data: bytes) -> None:
    try:
        part = read_header(data).part
    except SmsFormatError:
        return
    if part is not None and not 1 <= part.number <= part.total:
        raise AssertionError("a part that cannot be")


def _notice(data: bytes) -> None:
    meaning(sender="", text="", data=data)  # never raises: what is no notice is data
    try:
        notice = read_mms_notice(data)
    except SmsFormatError:
        return
    if not (notice.sender + notice.subject).isprintable():
        raise AssertionError("what a terminal would obey")


def _termux(data: bytes) -> None:
    with contextlib.suppress(TermuxError):
        read_device_info(data)
    with contextlib.suppress(TermuxError):
        for sms in read_inbox(data, None):
            (sms.sender + sms.text).encode()


def _gammu(data: bytes) -> None:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(answer, dict):
        with contextlib.suppress(GammuError):
            read_look(answer)


def _dbus(data: bytes) -> None:
    words = data.decode("latin-1")
    number = int.from_bytes(data[:8], "big", signed=True)
    values: list[object] = [words, data, number, [words], {"x": number}, None, True]
    chosen = iter(data)
    names = (
        "State",
        "PduType",
        "Text",
        "Data",
        "Class",
        "Timestamp",
        "MessageReference",
        "DeliveryState",
        "Number",
        "Sim",
    )
    properties = {name: values[next(chosen, 0) % len(values)] for name in names}
    sms_of(properties)
    view_of(properties)
    stamp(words)


def _parts(data: bytes) -> None:
    """Sets of parts under few references: every place is in one whole, once."""
    parts = []
    for place, at in enumerate(range(0, min(len(data), _MOST_PARTS * 4) - 3, 4)):
        reference, total, number, sent_at = data[at : at + 4]
        total = total % 4 + 1
        of = PartOf(reference % 2, wide=False, total=total, number=number % total + 1)
        parts.append(Part(place=place, sender="", sent_at=float(sent_at), seen_at=0.0, of=of, text=chr(number)))
    places = [place for whole in assemble(parts, now=PATIENCE_S) for place in whole.places]
    if sorted(places) != list(range(len(parts))):
        raise AssertionError("a part was lost, or used twice")


def seeds() -> list[bytes]:
    """Return one or more valid inputs for each reader."""
    inbox = [{"_id": 1, "type": "inbox", "number": "+447700900003", "received": "2027-01-15 08:00:00", "body": "hello"}]
    sms = {
        "location": 1, "report": False, "number": "+447700900003", "text": "hello", "gsm7": True, "data": "0006",
        "header": "050003d40201", "sms_class": -1, "at": 1.0, "reference": 0, "status": 0,
    }  # fmt: skip
    return [
        b"\x00" + bytes.fromhex("050003d40201"),
        b"\x00" + bytes.fromhex("0b0804abcd0302 25 01 03".replace(" ", "")),
        b"\x01\x2a\x06\x01\xbe\x8c\x82\x98T1\x00\x8d\x92\x89\x19\x80+447700900003/TYPE=PLMN\x00\x96\x05\xeaHi\x00\x8e\x02\x75\x30",
        b"\x02" + json.dumps(inbox).encode(),
        b"\x02" + json.dumps({"sim_state": "ready", "network_operator": "00101"}).encode(),
        b"\x03"
        + json.dumps({"ok": {"security": None, "imsi": "1", "network": {}, "full": False, "sms": [sms]}}).encode(),
        b"\x04" + b"2027-01-15T08:00:00+01",
        b"\x05" + bytes(range(48)),
    ]
