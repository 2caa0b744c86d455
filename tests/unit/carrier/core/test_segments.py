"""Parts of a text: the alphabets, the sizes, and that no pair is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.carrier.core.segments import count_parts, is_gsm7, to_gsm7
from sayso.carrier.errors import BadValueError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),  # two septets each
        ("€" * 81, 2),
        ("€" * 153, 3),  # 76 in a part: an escape is not cut from its character
        ("й" * 70, 1),
        ("й" * 71, 2),
        ("й" * 134, 2),
        ("й" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),  # 33 in a part
        ("a" * 153 * 255, 255),
        ("й" * 67 * 255, 255),
    ],
)
def test_parts(text: str, parts: int) -> None:
    assert count_parts(text) == parts


@pytest.mark.parametrize("text", ["a" * (153 * 255 + 1), "й" * (67 * 255 + 1), "\ud800", "a\udfff"])
def test_what_no_sms_can_carry_is_refused(text: str) -> None:
    with pytest.raises(BadValueError):
        count_parts(text)


def test_the_alphabet_has_128_characters_without_escape_and_ten_behind_it() -> None:
    width_one = [char for char in map(chr, range(0x10000)) if is_gsm7(char) and count_parts(char * 160) == 1]
    width_two = [char for char in map(chr, range(0x10000)) if is_gsm7(char) and count_parts(char * 160) > 1]
    assert (len(width_one), len(width_two)) == (127, 10)  # the 128th is the escape itself


@given(st.text(st.characters(codec="utf-8")))
def test_replaced_text_is_gsm7_of_the_same_length(text: str) -> None:
    replaced = to_gsm7(text)
    assert is_gsm7(replaced)
    assert len(replaced) == len(text)
    assert (replaced == text) == is_gsm7(text)
