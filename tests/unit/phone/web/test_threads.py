"""Bubbles: what hangs together, and what is drawn large."""

import pytest

from sayso.phone.web.threads import is_big


@pytest.mark.parametrize("text", ["👍", "🎉🎉", "👩‍👩‍👧", "❤️", "🇩🇪", " 😀 "])
def test_a_few_emoji_are_drawn_large(text: str) -> None:
    assert is_big(text)


@pytest.mark.parametrize("text", ["", " ", "ok 👍", "a", "1", "\u200d", "😀" * 7])
def test_anything_else_is_not(text: str) -> None:
    assert not is_big(text)
