"""ModemManager in memory: what its daemon answers and signals for one modem, without a bus.

Passes tests/contract/modem.py under `ModemManagerModem`, as python-dbusmock's does
(tests/integration/delivery/test_modem_manager.py), whose words it speaks.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sayso.phone.adapters.modem_manager.bus import CALL_S, OBJECT_MANAGER, PROPERTIES, BusRefusal, Signal
from sayso.phone.core.modem_manager import MESSAGING, MODEM, NO_OBJECT, ROOT, SERVICE, SIM, SMS, ModemState, SmsState
from sayso.phone.errors import ModemGoneError

_DELIVER, _SUBMIT, _REPORT = 1, 2, 3
_NO_LOCK, _SIM_PIN = 1, 2
_SIM_MISSING = 2
_NOT_THERE = "org.freedesktop.DBus.Error.UnknownObject"
_NO_NETWORK = f"{SERVICE}.Error.MobileEquipment.NoNetwork"
_NO_ROOM = f"{SERVICE}.Error.Message.MemoryFull"
_NOBODY_SAYS = f"{SERVICE}.Error.MobileEquipment.Unknown"


class FakeModemManager:
    """The daemon, with one modem and one SIM."""

    def __init__(self, number: str, imsi: str, send: Callable[[str, str], int]) -> None:
        """Take a SIM; `send` gives an SMS to the network and returns its reference."""
        self.number = number
        self.imsi = imsi
        self.present, self.locked, self.covered, self.gone = True, False, True, False
        self.full = False
        """Whether there is no room for an SMS that is to be sent."""
        self.breaks_off = False
        """Whether the next SMS is sent and then an error comes."""
        self.sms: dict[str, dict[str, object]] = {}
        """By object, what lies with the daemon."""
        self._send = send
        self._buses: list[FakeBus] = []
        self._run, self._modem, self._last_sms = 1, 1, 0
        self._stamps = 0

    @property
    def owner(self) -> str:
        """The unique name of the daemon's process."""
        return f":1.{self._run}"

    @property
    def readable(self) -> bool:
        """Whether the SIM can be used."""
        return self.present and not self.locked

    @asynccontextmanager
    async def open(self, address: str | None = None) -> AsyncIterator["FakeBus"]:
        """Connect, as `open_bus` does."""
        del address
        bus = FakeBus(self)
        self._buses.append(bus)
        try:
            yield bus
        finally:
            self._buses.remove(bus)

    # ---- the world's end ----

    def changed(self) -> None:
        """Tell of the modem as it is now."""
        if not self.gone:
            self._tell(self._modem_path, PROPERTIES, "PropertiesChanged", MODEM, self._properties(), [])

    def vanish(self) -> None:
        """Let the modem be unplugged. What lies on its SIM stays."""
        if not self.gone:
            self.gone = True
            self._tell(ROOT, OBJECT_MANAGER, "InterfacesRemoved", self._modem_path, [MODEM])

    def come_back(self) -> None:
        """Plug it in again: it is another object now."""
        if self.gone:
            self.gone = False
            self._modem += 1

    def restart(self) -> None:
        """Begin the process anew: what lies on the SIM gets other objects, what was being sent is forgotten."""
        old, self.sms, self._last_sms = self.sms, {}, 0
        self._run += 1
        for kept in [one for one in old.values() if one["PduType"] != _SUBMIT]:
            self.sms[self._new_path()] = kept
        self._tell("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", SERVICE, "", self.owner)

    def receive(
        self, sender: str, text: str, at: float, *, data: bytes = b"", sms_class: int = -1, whole: bool = True
    ) -> str:
        """Take an SMS from the network, or its first part; returns its object."""
        path = self._new_path()
        self.sms[path] = {
            "State": SmsState.RECEIVED if whole else SmsState.RECEIVING,
            "PduType": _DELIVER,
            "Number": sender,
            "Text": text,
            "Data": data,
            "Class": sms_class,
            "Timestamp": self._stamp(at),
        }
        self._tell(self._modem_path, MESSAGING, "Added", path, True)
        return path

    def complete(self, path: str, text: str) -> None:
        """Take the last missing part of an SMS."""
        self.sms[path] |= {"Text": text, "State": SmsState.RECEIVED}
        self._tell(path, PROPERTIES, "PropertiesChanged", SMS, {"State": SmsState.RECEIVED}, [])

    def report(self, reference: int, to: str, *, delivered: bool) -> None:
        """Take a delivery report from the network."""
        path = self._new_path()
        self.sms[path] = {
            "State": SmsState.RECEIVED,
            "PduType": _REPORT,
            "Number": to,
            "MessageReference": reference,
            "DeliveryState": 0 if delivered else 0x46,
        }
        self._tell(self._modem_path, MESSAGING, "Added", path, True)

    # ---- the phone's end ----

    async def call(self, path: str, interface: str, member: str, body: tuple[Any, ...]) -> Any:
        """Answer a call."""
        match interface, member, body:
            case "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", ():
                return {} if self.gone else {self._modem_path: {MODEM: self._properties()}}
            case "org.freedesktop.DBus.Properties", "GetAll", (of,):
                return dict(self._object(path, of))
        self._object(path, SMS if interface == SMS else MODEM)
        match member, body:
            case "List", ():
                return list(self.sms)
            case "Create", (values,):
                return self._create({name: one.value for name, one in values.items()})
            case "Delete", (sms,):
                self._object(sms, SMS)
                del self.sms[sms]
                return None
            case "Send", ():
                return self._send_off(path)
        raise AssertionError(f"{interface} has no {member}")

    def _object(self, path: str, interface: str) -> dict[str, object]:
        if not self.gone:
            if path == self._modem_path and interface == MODEM:
                return self._properties()
            if path == self._sim_path and interface == SIM and self.present:
                return {
                    "Imsi": "" if self.locked else self.imsi,
                    "SimIdentifier": f"89{self.imsi}",
                    "OperatorName": "F",
                }
            if path in self.sms and interface == SMS:
                return self.sms[path]
        raise BusRefusal(_NOT_THERE)

    def _create(self, values: dict[str, object]) -> str:
        if self.full:
            raise BusRefusal(_NO_ROOM)
        path = self._new_path()
        self.sms[path] = {
            "State": SmsState.UNKNOWN,
            "PduType": _SUBMIT,
            "Number": values["number"],
            "Text": values["text"],
        }
        return path

    def _send_off(self, path: str) -> None:
        if not (self.readable and self.covered):
            raise BusRefusal(_NO_NETWORK)
        sms = self.sms[path]
        sms["MessageReference"] = self._send(str(sms["Number"]), str(sms["Text"]))
        sms["State"] = SmsState.SENT
        if self.breaks_off:
            self.breaks_off = False
            raise BusRefusal(_NOBODY_SAYS)

    # ---- inside ----

    @property
    def _modem_path(self) -> str:
        return f"{ROOT}/Modem/{self._modem}"

    @property
    def _sim_path(self) -> str:
        return f"{ROOT}/SIM/{self._modem}"

    def _new_path(self) -> str:
        self._last_sms += 1
        return f"{ROOT}/SMS/{self._last_sms}"

    def _properties(self) -> dict[str, object]:
        state = ModemState.REGISTERED if self.covered else ModemState.SEARCHING
        if self.locked:
            state = ModemState.LOCKED
        return {
            "State": state if self.present else ModemState.FAILED,
            "StateFailedReason": 0 if self.present else _SIM_MISSING,
            "Sim": self._sim_path if self.present else NO_OBJECT,
            "UnlockRequired": _SIM_PIN if self.locked else _NO_LOCK,
            "OwnNumbers": [self.number] if self.readable else [],
            "Device": "/sys/devices/usb1",
            "Model": "Fiction 1",
        }

    def _stamp(self, at: float) -> str:
        """Write a time as one version of ModemManager after the other does."""
        self._stamps += 1
        moment = datetime.fromtimestamp(at, UTC)
        return moment.strftime(("%Y-%m-%dT%H:%M:%S+00", "%y%m%d%H%M%S+00", "%Y-%m-%dT%H:%M:%S")[self._stamps % 3])

    def _tell(self, path: str, interface: str, member: str, *body: object) -> None:
        for bus in self._buses:
            bus.signals.put_nowait(Signal(path, interface, member, body))


class FakeBus:
    """The Bus."""

    run = "fake-bus"

    def __init__(self, daemon: FakeModemManager) -> None:
        self.owner = daemon.owner
        self.signals: asyncio.Queue[Signal | None] = asyncio.Queue()
        self._daemon = daemon

    @property
    def connected(self) -> bool:
        return True

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: object, within_s: float = CALL_S
    ) -> Any:
        del signature, within_s
        await asyncio.sleep(0)
        if self.owner != self._daemon.owner:
            raise ModemGoneError("this ModemManager is gone")
        return await self._daemon.call(path, interface, member, body)
