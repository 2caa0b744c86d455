"""Termux:API's programs, recorded from their sources: what they print for a phone whose SIM is a `Radio`.

Never run beside a real phone; whoever has one can compare `DEVICE_INFO` and `INBOX_ROW` with what it prints.
"""

import json
from datetime import datetime

from sayso.phone.errors import ModemGoneError
from tests.fakes.radio import Radio

DEVICE_INFO: dict[str, object] = {
    "data_enabled": "true",
    "data_activity": "none",
    "data_state": "connected",
    "device_id": None,
    "device_software_version": "00",
    "phone_count": 2,
    "phone_type": "gsm",
    "network_operator": "00101",
    "network_operator_name": "Fiction Mobile",
    "network_country_iso": "gb",
    "network_type": "lte",
    "network_roaming": False,
    "sim_country_iso": "gb",
    "sim_operator": "00101",
    "sim_operator_name": "Fiction Mobile",
    "sim_serial_number": None,
    "sim_subscriber_id": None,
    "sim_state": "ready",
}
INBOX_ROW: dict[str, object] = {
    "threadid": 1,
    "type": "inbox",
    "read": True,
    "address": "+447700900003",
    "number": "+447700900003",
    "received": "2027-01-15 08:00:00",
    "body": "hello",
    "_id": 1,
}


class FakeTermux:
    """The Programs port."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self.refuses = b""
        """What `termux-sms-send` prints in place of sending."""
        self.breaks_off = False
        """Whether `termux-sms-send` dies after it has sent."""
        self.babbles = False
        """Whether the programs print something else than they should: another JSON, or none."""
        self.extra: list[object] = []
        """What stands in the list beside the inbox's rows."""

    async def run(self, name: str, *arguments: str, given: bytes = b"") -> bytes:
        if self._radio.gone:
            raise ModemGoneError("gone")
        if self.babbles and name != "termux-sms-send":
            return b"[]" if name == "termux-telephony-deviceinfo" else b"{}"
        match name, arguments:
            case "termux-telephony-deviceinfo", ():
                return self._info()
            case "termux-sms-list", ("-t", "inbox", "-l", limit, "-o", offset):
                return self._list(int(limit), int(offset))
            case "termux-sms-send", ("-n", to, *_):
                return self._send(to, given.decode())
        raise AssertionError(f"{name} takes no such arguments")

    def _info(self) -> bytes:
        state = "ready" if self._radio.readable else "pin_required" if self._radio.present else "absent"
        info = DEVICE_INFO | {"sim_state": state, "sim_operator": self._radio.operator_code}
        if not self._radio.covered:
            info |= {"network_operator": "", "network_operator_name": ""}
        return json.dumps(info).encode()

    def _list(self, limit: int, offset: int) -> bytes:
        """Newest page first, oldest first within it, as the program does."""
        rows = [
            INBOX_ROW
            | {
                "address": sms.sender,
                "number": sms.sender,
                "body": sms.text,
                "_id": place,
                "received": datetime.fromtimestamp(sms.at).strftime("%Y-%m-%d %H:%M:%S"),  # noqa: DTZ006  as it does
            }
            for place, sms in self._radio.stored.items()
            if sms.report_of is None
        ]
        newest_first = rows[::-1][offset : offset + limit]
        return json.dumps([*self.extra, *newest_first[::-1]]).encode()

    def _send(self, to: str, text: str) -> bytes:
        if self.refuses:
            return self.refuses
        self._radio.send(to, text)
        if self.breaks_off:
            raise ModemGoneError("broke off")
        return b""
