"""Search: every word, any script, short words too; nothing that is typed is an operator."""

from collections.abc import Iterator

import pytest

from sayso.phone.adapters.store import Store
from sayso.phone.core.lines import Line
from sayso.phone.core.texts import Channel, Direction, Text

LINE = b"l" * 16
TEXTS = [
    "Lunch on Friday?",
    "friday it is",
    "周五晚上吃火锅吗",
    "مرحبا يا أليس",
    'a "quoted" NEAR(word) OR AND NOT *',
    "100% of snake_case",
    "Grüße aus Köln 🎉",
    "back\\slash",
]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    opened = Store(None, bytes(32))
    with opened.transaction("texts"):
        opened.lines.add(Line(id=LINE, name="sim1"))
        for place, text in enumerate(TEXTS):
            opened.texts.add(
                Text(
                    line=LINE,
                    number="+447700900102",
                    message_id=place.to_bytes(16, "big"),
                    direction=Direction.IN,
                    channel=Channel.SMS,
                    text=text,
                    state="new",
                    at=float(place),
                )
            )
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("FRIDAY", [1, 0]),
        ("lunch friday", [0]),
        ("火锅", [2]),
        ("火", [2]),
        ("吃火锅", [2]),
        ("أليس", [3]),
        ("grüße köln", [6]),
        ("🎉", [6]),
        ('"quoted"', [4]),
        ("NEAR(word)", [4]),
        ("or and not *", [4]),
        ("%", [5]),
        ("0%", [5]),
        ("e_c", [5]),
        ("_", [5]),
        ("\\", [7]),
        ("k\\s", [7]),
        ("lunch nowhere", []),
        ("   ", []),
        ("", []),
        ("\0\0\0", []),
    ],
)
def test_what_is_found(store: Store, words: str, found: list[int]) -> None:
    assert [int(text.at) for text in store.search.texts(words, 10)] == found


@pytest.mark.parametrize(
    "words", ['"', '""', "'", "*", "a*b", "-friday", "text:friday", "^friday", "(", "NEAR/2", "{a}"]
)
def test_nothing_typed_is_an_error(store: Store, words: str) -> None:
    store.search.texts(words, 10)


def test_the_newest_come_first_and_no_more_than_asked_for(store: Store) -> None:
    assert [int(text.at) for text in store.search.texts("i", 1)] == [1]
