"""ModemManager as python-dbusmock's own template has it, with what it lacks: SIM, registration, Messaging, a network.

Run by `python -m dbusmock --system --template template.py` in the environment beside it. Methods of `NETWORK` play the
world: what anybody sends, what becomes of the SIM. An SMS to the SIM's own number comes back to it; one to a number in
`silent` waits for ever; one to any other fails, and a report says so.
"""

# The system's Python runs this, and python-dbusmock calls it: untyped, by D-Bus' names.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ARG001, N802, PLW0603

import dbus
from dbusmock import mockobject
from dbusmock.templates import modemmanager as base

BUS_NAME = base.BUS_NAME
MAIN_OBJ = base.MAIN_OBJ
MAIN_IFACE = base.MAIN_IFACE
SYSTEM_BUS = True
IS_OBJECT_MANAGER = False

NETWORK = "org.sayso.Network"
MESSAGING = "org.freedesktop.ModemManager1.Modem.Messaging"
SMS = "org.freedesktop.ModemManager1.Sms"
SMS_ROOT = "/org/freedesktop/ModemManager1/SMS"
ERROR = "org.freedesktop.ModemManager1.Error."
DELIVER, SUBMIT, REPORT = 1, 2, 3
RECEIVING, RECEIVED, SENDING, SENT = 2, 3, 4, 5
LOCKED, REGISTERED, SEARCHING, FAILED = 2, 8, 7, -1
SIM_PIN, SIM_MISSING = 2, 2
STAMP = "2027-01-15T08:00:00+01"


class Network:
    """What is beyond the modem, and what the modem remembers."""

    def __init__(self, parameters) -> None:
        self.number = parameters["number"]
        self.silent = parameters["silent"]
        self.accepted = []
        self.covered = True
        self.fails = ""
        self.hangs = False
        self.next_sms = 0
        self.modem_path = base.SIMPLE_MODEM_PATH
        self.sim_path = ""

    @property
    def modem(self):
        return mockobject.objects[self.modem_path]

    def messages(self):
        return [dbus.ObjectPath(path) for path in mockobject.objects if path.startswith(f"{SMS_ROOT}/")]

    def add(self, kind, state, number, text, data=b"", sms_class=-1, reference=0, delivery=256, stamp=STAMP):
        path = f"{SMS_ROOT}/{self.next_sms}"
        self.next_sms += 1
        properties = {
            "State": dbus.UInt32(state),
            "PduType": dbus.UInt32(kind),
            "Number": number,
            "Text": text,
            "Data": dbus.ByteArray(data),
            "SMSC": "",
            "Class": dbus.Int32(sms_class),
            "DeliveryReportRequest": dbus.Boolean(kind == SUBMIT),
            "MessageReference": dbus.UInt32(reference),
            "Timestamp": stamp if kind == DELIVER else "",
            "DischargeTimestamp": "",
            "DeliveryState": dbus.UInt32(delivery),
            "Storage": dbus.UInt32(2),
        }
        self.modem.AddObject(path, SMS, properties, [("Send", "", "", send), ("Store", "u", "", "")])
        self.changed()
        self.modem.EmitSignal(MESSAGING, "Added", "ob", [dbus.ObjectPath(path), kind != SUBMIT])
        return path

    def changed(self):
        self.modem.UpdateProperties(MESSAGING, {"Messages": dbus.Array(self.messages(), signature="o")})

    def set_modem(self, changes):
        # Not by UpdateProperties, which cannot wrap object paths (0.38.1).
        self.modem.props[base.MODEM_IFACE].update(changes)
        body = [base.MODEM_IFACE, dbus.Dictionary(changes, signature="sv"), dbus.Array([], signature="s")]
        self.modem.EmitSignal("org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", body)

    def state(self):
        return dbus.Int32(REGISTERED if self.covered else SEARCHING)


NET = None


def create(self, properties):
    return NET.add(SUBMIT, 0, properties["number"], properties["text"])


def list_sms(self):
    return dbus.Array(NET.messages(), signature="o")


def delete(self, path):
    if path not in mockobject.objects:
        raise dbus.exceptions.DBusException("no such SMS", name=f"{ERROR}Core.NotFound")
    self.RemoveObject(path)
    NET.changed()
    self.EmitSignal(MESSAGING, "Deleted", "o", [dbus.ObjectPath(path)])


def send(self):
    if NET.fails:
        raise dbus.exceptions.DBusException("the network said no", name=NET.fails)
    if NET.hangs:
        self.UpdateProperties(SMS, {"State": dbus.UInt32(SENDING)})
        return
    number, text = str(self.Get(SMS, "Number")), str(self.Get(SMS, "Text"))
    NET.accepted.append((number, text))
    reference = len(NET.accepted) % 256
    self.UpdateProperties(SMS, {"State": dbus.UInt32(SENT), "MessageReference": dbus.UInt32(reference)})
    if number == NET.number:
        NET.add(DELIVER, RECEIVED, number, text)
    if number not in NET.silent:
        delivery = 0 if number == NET.number else 0x46
        NET.add(REPORT, RECEIVED, number, "", reference=reference, delivery=delivery)


def load(mock, parameters):
    global NET
    NET = Network(parameters)
    base.load(mock, parameters)
    mockobject.objects[MAIN_OBJ] = mock  # as it is once the template is loaded
    NET.modem_path, NET.sim_path = (str(path) for path in base.AddSimpleModem(mock))
    NET.modem.AddProperties(
        MESSAGING,
        {
            "Messages": dbus.Array([], signature="o"),
            "SupportedStorages": dbus.Array([dbus.UInt32(2)], signature="u"),
            "DefaultStorage": dbus.UInt32(2),
        },
    )
    NET.modem.AddMethods(
        MESSAGING, [("List", "", "ao", list_sms), ("Create", "a{sv}", "o", create), ("Delete", "o", "", delete)]
    )
    NET.modem.AddProperties(
        base.MODEM_IFACE,
        {
            "Device": "/sys/devices/fiction/usb1",
            "OwnNumbers": dbus.Array([NET.number], signature="s"),
            "StateFailedReason": dbus.UInt32(0),
        },
    )
    NET.set_modem({"State": NET.state()})
    sim = mockobject.objects[NET.sim_path]
    sim.AddProperties(base.SIM_IFACE, {"SimIdentifier": "8999101000000000001", "OperatorName": "Fiction Mobile"})
    sim.UpdateProperties(base.SIM_IFACE, {"Imsi": "001010000000001"})


@dbus.service.method(NETWORK, in_signature="ssusiay", out_signature="s")
def Inject(self, number, text, state, stamp, sms_class, data):
    """Let anybody send an SMS; `state` is 3, or 2 for one that waits for parts."""
    return NET.add(DELIVER, state, number, text, bytes(data), sms_class, stamp=stamp)


@dbus.service.method(NETWORK, in_signature="", out_signature="a(ss)")
def Accepted(self):
    return dbus.Array(NET.accepted, signature="(ss)")


@dbus.service.method(NETWORK, in_signature="s", out_signature="")
def Sim(self, what):
    """`in`, `out`, `locked`, `disabled`, `probing`."""
    here = dbus.ObjectPath(NET.sim_path)
    changes = {
        "in": {
            "State": NET.state(),
            "Sim": here,
            "UnlockRequired": dbus.UInt32(1),
            "StateFailedReason": dbus.UInt32(0),
        },
        "out": {
            "State": dbus.Int32(FAILED),
            "Sim": dbus.ObjectPath("/"),
            "StateFailedReason": dbus.UInt32(SIM_MISSING),
        },
        "locked": {"State": dbus.Int32(LOCKED), "Sim": here, "UnlockRequired": dbus.UInt32(SIM_PIN)},
        "disabled": {"State": dbus.Int32(3), "Sim": here},
        "probing": {"State": dbus.Int32(1), "Sim": dbus.ObjectPath("/")},
    }
    NET.set_modem(changes[what])


@dbus.service.method(NETWORK, in_signature="b", out_signature="")
def Cover(self, on):
    NET.covered = bool(on)
    NET.set_modem({"State": NET.state()})


@dbus.service.method(NETWORK, in_signature="sb", out_signature="")
def Trouble(self, error, hangs):
    """Let `Send` fail with an error, or begin and not end."""
    NET.fails, NET.hangs = str(error), bool(hangs)


@dbus.service.method(NETWORK, in_signature="s", out_signature="")
def Finish(self, path):
    """Let an SMS whose `Send` did not end be sent after all."""
    NET.accepted.append((str(mockobject.objects[path].Get(SMS, "Number")), ""))
    mockobject.objects[path].UpdateProperties(SMS, {"State": dbus.UInt32(SENT), "MessageReference": dbus.UInt32(77)})


@dbus.service.method(NETWORK, in_signature="s", out_signature="")
def Complete(self, path):
    """Let the missing parts of an SMS come."""
    mockobject.objects[path].UpdateProperties(SMS, {"State": dbus.UInt32(RECEIVED), "Text": "all of it"})


@dbus.service.method(NETWORK, in_signature="", out_signature="")
def Unplug(self):
    """Let the modem go, as a reset or a change of SIM does; the daemon stays."""
    manager = mockobject.objects[MAIN_OBJ]
    manager.RemoveObject(NET.modem_path)
    manager.EmitSignal(
        "org.freedesktop.DBus.ObjectManager",
        "InterfacesRemoved",
        "oas",
        [dbus.ObjectPath(NET.modem_path), dbus.Array([base.MODEM_IFACE, MESSAGING], signature="s")],
    )
