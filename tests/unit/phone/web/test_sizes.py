"""Bytes as people write them, in each language."""

import pytest

from sayso.phone.web.sizes import size
from tests.fakes.web_app import LANGUAGES


@pytest.mark.parametrize(
    ("count", "language", "words"),
    [
        (0, "en", "0 byte"),
        (999, "zh_Hans", "999 B"),
        (1000, "en", "1 kB"),
        (1149, "de", "1,1 kB"),
        (20_400_000, "en", "20.4 MB"),
        (5 * 10**12, "en", "5,000 GB"),
    ],
)
def test_a_size(count: int, language: str, words: str) -> None:
    assert size(count, LANGUAGES[language]) == words
