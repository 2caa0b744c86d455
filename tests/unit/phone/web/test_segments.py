"""Segments of an SMS, at the edges that 3GPP TS 23.040 draws."""

import pytest

from sayso.phone.web.segments import count


@pytest.mark.parametrize(
    ("text", "parts", "left"),
    [
        ("", 0, 160),
        ("a" * 160, 1, 0),
        ("a" * 161, 2, 145),
        ("€" * 80, 1, 0),
        ("€" * 81, 3 - 1, 153 - 10),
        ("a" * 152 + "€" + "a" * 10, 2, 153 - 12),
        ("你" * 70, 1, 0),
        ("你" * 71, 2, 63),
        ("🎉" * 35, 1, 0),
        ("🎉" * 36, 2, 67 - 6),
    ],
)
def test_parts_and_what_is_left(text: str, parts: int, left: int) -> None:
    counted = count(text)
    assert (counted.parts, counted.left) == (parts, left)
