"""Names, initials and colours."""

import pytest

from sayso.phone.web.people import HUES, initials, person


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Bob Okafor", "BO"),
        ("bob", "B"),
        ("李小龙", "李"),
        ("نور الهدى", "ن"),
        ("Zoë  von Ångström", "ZÅ"),
        ("🎉 Party", "P"),
        ("🎉", ""),
        ("\u202e\u200b", ""),
        ("1 Taxi", "1T"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_somebody_without_a_name_is_their_number() -> None:
    bob = person("+447700900102", None)
    assert (bob.name, bob.pretty, bob.initials, bob.known) == ("+44 7700 900102", "+44 7700 900102", "", False)
    assert 0 <= bob.hue < HUES
    assert person("POST", None).name == "POST"
    assert "900102" not in repr(bob)
