"""The Gammu process, recorded from the real one with its dummy driver: what it answers for a SIM that is a `Radio`.

tests/integration/delivery/test_gammu.py shows that the real one answers in the same form.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from sayso.phone.errors import ModemGoneError
from tests.fakes.radio import Radio, Stored

SMS: dict[str, object] = {
    "location": 10001,
    "report": False,
    "number": "+447700900003",
    "text": "hello",
    "gsm7": True,
    "data": "",
    "header": "",
    "sms_class": -1,
    "at": 1_800_000_000.0,
    "reference": 0,
    "status": 0,
}


class FakeGammu:
    """The Link port of GammuSource."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self.breaks_off = False
        """Whether an SMS is sent and then an error comes."""
        self.unplugged = False
        """Whether the process runs, and its modem does not answer it."""
        self.extra: list[dict[str, object]] = []
        """What lies in the storage beside the radio's."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator["FakeGammu"]:
        if self._radio.gone:
            raise ModemGoneError("gone")
        yield self

    async def ask(self, request: Mapping[str, object], *, within_s: float) -> dict[str, object]:
        if self._radio.gone:
            raise ModemGoneError("gone")
        if self.unplugged:
            return {"error": "ERR_DEVICENOTEXIST"}
        match request:
            case {"do": "look"}:
                return {"ok": self._look()}
            case {"do": "send", "to": str(to), "text": str(text)}:
                return self._send(to, text)
            case {"do": "delete", "location": int(location)}:
                self._radio.stored.pop(location - 10_000, None)
                self.extra = [one for one in self.extra if one["location"] != location]
                return {"ok": None}
        raise AssertionError(f"no such request, within {within_s} s")

    def _look(self) -> dict[str, object]:
        if not self._radio.present:
            return {"security": "NoSIM"}
        if self._radio.locked:
            return {"security": "Pin"}
        return {
            "security": None,
            "imsi": self._radio.imsi,
            "network": {"NetworkName": "Fiction Mobile", "State": "HomeNetwork"},
            "full": self._radio.full,
            "sms": [*(_sms(place, sms) for place, sms in self._radio.stored.items()), *self.extra],
        }

    def _send(self, to: str, text: str) -> dict[str, object]:
        if not self._radio.covered:
            return {"error": "ERR_NONETWORK", "maybe": False}
        reference = self._radio.send(to, text)
        if self.breaks_off:
            return {"error": "ERR_TIMEOUT", "maybe": True}
        return {"sent": reference}


def _sms(place: int, sms: Stored) -> dict[str, object]:
    report = sms.report_of is not None
    return SMS | {
        "location": 10_000 + place,
        "report": report,
        "number": sms.sender,
        "text": sms.text,
        "gsm7": sms.gsm7,
        "data": sms.data.hex(),
        "header": sms.header.hex(),
        "sms_class": sms.sms_class,
        "at": sms.at,
        "reference": sms.report_of or 0,
        "status": 0 if sms.delivered else 0x46,
    }
