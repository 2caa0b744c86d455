"""Spellings that several types share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.core.forms import form
from sayso.audit.core.forms.form import Edge


@pytest.mark.parametrize(
    ("number", "encoded"), [(1, "01"), (150, "9601"), (300, "ac02"), (2**64 - 1, "ffffffffffffffffff01")]
)
def test_varints_of_the_protobuf_documentation(number: int, encoded: str) -> None:
    assert form.varint(number).hex() == encoded


def test_nibbles() -> None:
    assert form.swapped("123f").hex() == "21f3"
    assert [one.data.hex() for one in form.bcd("1234", 10)] == ["1234", "2143"]


@given(st.integers(0, 2**64 - 1))
def test_integers_of_every_width_that_fits(number: int) -> None:
    widths = {len(one.data) for one in form.integers(number) if one.name.startswith("int")}
    assert widths == ({4, 8} if number < 2**32 else {8})


def test_pieces() -> None:
    assert form.grouped("123456789", 3, 2, 9) == ["123", "45", "6789"]


def test_one_form_for_each_spelling() -> None:
    one, other = form.text_form("a", "same", Edge.NONE), form.text_form("b", "same", Edge.NONE)
    assert form.unique([one, other, form.text_form("c", "", Edge.NONE)]) == (one,)


def test_a_form_does_not_show_the_seed() -> None:
    assert "same" not in repr(form.text_form("a", "same", Edge.NONE))
