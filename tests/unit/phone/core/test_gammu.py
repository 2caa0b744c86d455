"""What the Gammu process answers."""

from typing import Any

import pytest

from sayso.phone.core.gammu import GammuError, GammuSms, read_look
from sayso.phone.core.sms.header import PartOf
from tests.fakes.gammu import SMS


def look(**sms: object) -> GammuSms:
    (found,) = read_look({"ok": {"security": None, "sms": [SMS | sms]}}).sms
    return found


@pytest.mark.parametrize(
    ("security", "present", "locked"),
    [(None, True, False), ("Pin", True, True), ("Puk", True, True), ("NoSIM", False, False)],
)
def test_sims(security: str | None, present: bool, locked: bool) -> None:  # noqa: FBT001  columns
    found = read_look({"ok": {"security": security}})
    assert (found.present, found.locked) == (present, locked)


def test_parts_flash_and_data() -> None:
    assert look(header="050003d40201").part == PartOf(0xD4, wide=False, total=2, number=1)
    assert look(sms_class=0).flash
    found = look(text="", data="0006", header="0605040b8423f0", gsm7=False)
    assert (found.data, found.port, found.text) == (b"\x00\x06", 2948, "")


def test_national_tables_are_read_again_if_it_came_in_septets() -> None:
    assert look(text="\u00b9s\u00b9i", header="03240101").text == "şı"
    assert look(text="\u00b9s", header="03240101", gsm7=False).text == "\u00b9s"


def test_a_lying_header_is_no_reason_to_lose_the_text() -> None:
    found = look(header="ff0003d40201")
    assert (found.text, found.part) == ("hello", None)


@pytest.mark.parametrize(("status", "outcome"), [(0, "delivered"), (0x21, None), (0x46, "failed"), (-1, "failed")])
def test_reports(status: int, outcome: str | None) -> None:
    assert look(report=True, status=status).outcome == outcome


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"error": "ERR_TIMEOUT"},
        {"ok": None},
        {"ok": {"security": 7}},
        {"ok": {"security": None, "sms": [{}]}},
        {"ok": {"security": None, "sms": [SMS | {"location": -1}]}},
        {"ok": {"security": None, "sms": [SMS | {"header": "zz"}]}},
        {"ok": {"security": None, "sms": [SMS | {"data": "0"}]}},
        {"ok": {"security": None, "sms": [SMS | {"more": 1}]}},
    ],
)
def test_no_answer_of_ours(answer: dict[str, Any]) -> None:
    with pytest.raises(GammuError):
        read_look(answer)
