"""ModemManager's properties, and whatever else stands in their place."""

from dataclasses import replace

import pytest

from sayso.phone.core.modem_manager import ModemView, refused, sms_of, stamp, storage_full, view_of

SIM = "/org/freedesktop/ModemManager1/SIM/0"
ON = {"State": 8, "Sim": SIM, "UnlockRequired": 1, "StateFailedReason": 0}
VIEW = ModemView(known=True, present=True, locked=False, enabled=True, registered=True, sim_path=SIM)
ERROR = "org.freedesktop.ModemManager1.Error."


@pytest.mark.parametrize(
    ("changes", "view"),
    [
        ({}, VIEW),
        ({"State": 11}, VIEW),
        ({"State": 7}, replace(VIEW, registered=False)),
        ({"State": 3}, replace(VIEW, enabled=False, registered=False)),
        ({"State": 2, "UnlockRequired": 2}, replace(VIEW, locked=True, registered=False)),
        ({"UnlockRequired": 3}, VIEW),  # the second PIN keeps nobody from texting
        ({"State": 1, "Sim": "/"}, replace(VIEW, known=False, present=False, registered=False, sim_path="/")),
        ({"State": 0}, replace(VIEW, known=False, registered=False)),
        ({"State": -1, "Sim": "/"}, replace(VIEW, known=False, present=False, registered=False, sim_path="/")),
        (
            {"State": -1, "Sim": "/", "StateFailedReason": 2},
            replace(VIEW, present=False, registered=False, sim_path="/"),
        ),
        ({"State": -1, "StateFailedReason": 5}, replace(VIEW, present=False, registered=False)),
        ({"State": 8, "Sim": "/"}, replace(VIEW, present=False, sim_path="/")),
        (
            {"State": "8", "Sim": 7, "UnlockRequired": None},
            replace(VIEW, known=False, present=False, registered=False, sim_path="/"),
        ),
    ],
)
def test_modems(changes: dict[str, object], view: ModemView) -> None:
    assert view_of(ON | changes) == view


def test_nothing_said_is_nothing_known() -> None:
    assert not view_of({}).known
    sms = sms_of({})
    assert (sms.incoming, sms.report, sms.number, sms.text, sms.data, sms.flash, sms.sent_at) == (
        False, False, "", "", b"", False, 0.0,
    )  # fmt: skip
    assert sms_of({"Text": 7, "Data": "x", "Class": "0", "Number": None, "Timestamp": 1}).text == ""


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (0, "delivered"),
        (2, "delivered"),
        (0x20, None),
        (0x3F, None),
        (0x40, "failed"),
        (0x65, "failed"),
        (0x100, None),
        (-5, None),
    ],
)
def test_reports(state: int, outcome: str | None) -> None:
    report = sms_of({"PduType": 3, "DeliveryState": state})
    assert (report.report, report.outcome) == (True, outcome)


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2027-01-15T08:00:00+01", 1_799_996_400.0),
        ("2027-01-15T08:00:00+01:00", 1_799_996_400.0),
        ("2027-01-15T07:00:00Z", 1_799_996_400.0),
        ("2027-01-15T07:00:00", 1_799_996_400.0),
        ("270115080000+04", 1_799_996_400.0),
        ("270115020000-20", 1_799_996_400.0),
        ("", 0.0),
        ("yesterday", 0.0),
        ("271315080000+04", 0.0),
        ("\u0662\u0667\u0660\u0661\u0661\u0665\u0660\u0668\u0660\u0660\u0660\u0660+04", 0.0),
    ],
)
def test_stamps(written: str, at: float) -> None:
    assert stamp(written) == at


@pytest.mark.parametrize(
    ("name", "sure"),
    [
        (f"{ERROR}Message.NetworkNotAllowed", True),
        (f"{ERROR}MobileEquipment.SimNotInserted", True),
        (f"{ERROR}Core.WrongState", True),
        (f"{ERROR}Message.NetworkTimeout", False),
        (f"{ERROR}Message.Unknown", False),
        (f"{ERROR}Core.Timeout", False),
        (f"{ERROR}Core.Aborted", False),
        (f"{ERROR}Serial.ResponseTimeout", False),
        ("org.freedesktop.DBus.Error.NoReply", False),
        (f"{ERROR}Message.NetworkNotAllowed\n", False),
        ("", False),
    ],
)
def test_an_error_that_leaves_it_open_is_no_refusal(name: str, sure: bool) -> None:  # noqa: FBT001  a column
    assert refused(name) is sure


def test_no_room() -> None:
    assert storage_full(f"{ERROR}Message.MemoryFull")
    assert not storage_full(f"{ERROR}Message.NetworkTimeout")
