"""What an SMS is, and when it was sent."""

import pytest

from sayso.phone.core.sms.incoming import AHEAD_S, EARLIEST, Meaning, SmsKind, meaning, shown_at

NOW = 1_800_000_000.0
MMS = b"\x2a\x06\x01\xbe\x8c\x82\x89\x19\x80+447700900003/TYPE=PLMN\x00\x96Holiday\x00"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"text": "hi"}, Meaning(SmsKind.TEXT, "Bob", "hi")),
        ({"text": ""}, Meaning(SmsKind.TEXT, "Bob", "")),
        ({"text": "hi", "flash": True}, Meaning(SmsKind.FLASH, "Bob", "hi")),
        ({"text": "", "data": MMS}, Meaning(SmsKind.MMS, "+447700900003", "Holiday")),
        ({"text": "", "data": MMS, "port": 2948}, Meaning(SmsKind.MMS, "+447700900003", "Holiday")),
        ({"text": "", "data": MMS, "port": 9200}, Meaning(SmsKind.BINARY, "Bob", "")),
        ({"text": "", "data": MMS[:6]}, Meaning(SmsKind.MMS, "Bob", "")),
        ({"text": "", "data": MMS[:9]}, Meaning(SmsKind.BINARY, "Bob", "")),
        ({"text": "a…", "missing": 1, "flash": True}, Meaning(SmsKind.INCOMPLETE, "Bob", "a…")),
        ({"text": "", "data": MMS, "missing": 1}, Meaning(SmsKind.INCOMPLETE, "Bob", "")),
    ],
)
def test_meanings(given: dict[str, object], what: Meaning) -> None:
    assert meaning(sender="Bob", **given) == what  # type: ignore[arg-type]  # arguments by name


@pytest.mark.parametrize(
    ("sent_at", "shown"),
    [
        (NOW - 5.0, NOW - 5.0),
        (NOW - 30 * 86400.0, NOW - 30 * 86400.0),
        (NOW + AHEAD_S, NOW + AHEAD_S),
        (NOW + AHEAD_S + 1, NOW),
        (0.0, NOW),
        (EARLIEST - 1, NOW),
        (-1e300, NOW),
        (float("inf"), NOW),
        (float("nan"), NOW),
    ],
)
def test_wrong_clocks(sent_at: float, shown: float) -> None:
    assert shown_at(sent_at, now=NOW) == shown
