"""Hostile bytes as harmless text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audit.report import visible


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain", "plain"),
        ("Grüße 日本", "Grüße 日本"),
        ("a\u202eb", "a\\u202eb"),
        ("a\x00\x1b", "a\\x00\\x1b"),
        ("\U000e0041", "\\U000e0041"),
        ("e\u0301", "e\\u0301"),
    ],
)
def test_what_is_shown(given_text: str, shown: str) -> None:
    assert visible.text(given_text) == shown


def test_length_is_bounded() -> None:
    assert visible.text("x" * 600) == "x" * 500 + "..."


def test_bytes_that_are_no_text() -> None:
    assert visible.octets(b"a\xff\x00") == "a\\xff\\x00"


@given(st.binary(max_size=100))
def test_everything_shown_is_printable(data: bytes) -> None:
    assert visible.octets(data).isprintable()
