"""What Termux:API's programs print, and what else may stand there."""

import json
from datetime import UTC, timedelta, timezone

import pytest

from sayso.phone.core.termux import TermuxError, read_device_info, read_inbox
from tests.fakes.termux import DEVICE_INFO, INBOX_ROW


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("ready", "ready"),
        ("absent", "absent"),
        ("pin_required", "locked"),
        ("puk_required", "locked"),
        ("network_locked", "locked"),
        ("unknown", "unknown"),
        ("8", "unknown"),
        (None, "unknown"),
    ],
)
def test_sim_states(said: str | None, state: str) -> None:
    info = read_device_info(json.dumps(DEVICE_INFO | {"sim_state": said}).encode())
    assert (info.state, info.operator, info.operator_code, info.imsi) == (state, "Fiction Mobile", "00101", "")
    assert info.registered
    assert not read_device_info(b"{}").registered


@pytest.mark.parametrize("printed", [b"", b"[]", b"null", b"Please install Termux:API", b"\xff", b"[" * 100_000])
def test_no_device_info(printed: bytes) -> None:
    with pytest.raises(TermuxError):
        read_device_info(printed)


def test_an_inbox() -> None:
    rows = [
        INBOX_ROW | {"received": "2027-01-15 08:00:00"},
        INBOX_ROW | {"_id": 2, "number": None, "address": "Fiction", "body": "", "received": "soon"},
        INBOX_ROW | {"_id": 3, "type": "sent"},
        INBOX_ROW | {"_id": None},
        INBOX_ROW | {"_id": True},
        INBOX_ROW | {"_id": -1},
        INBOX_ROW | {"_id": 2**60},
        "no row",
        {"_id": 4, "body": "lone \ud800 surrogate"},
    ]
    found = read_inbox(json.dumps(rows).encode(), timezone(timedelta(hours=1)))
    assert [(one.place, one.sender, one.text, one.received_at) for one in found] == [
        (1, "+447700900003", "hello", 1_799_996_400.0),
        (2, "Fiction", "", 0.0),
        (4, "", "lone ? surrogate", 0.0),
    ]


@pytest.mark.parametrize("printed", [b"", b"{}", b'"x"', b"error: permission", b"{" * 5000])
def test_no_inbox(printed: bytes) -> None:
    with pytest.raises(TermuxError):
        read_inbox(printed, UTC)
