"""Threads follow their texts: last, unread, order, pages; and what is deleted is gone from the search as well."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sayso.phone.adapters.store import Store
from sayso.phone.core.lines import Line
from sayso.phone.core.texts import Channel, Direction, InState, Text

LINE = b"l" * 16
BOB, CAROL = "+447700900102", "+447700900103"


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store(None, bytes(32))
    with opened.transaction("line"):
        opened.lines.add(Line(id=LINE, name="sim1"))
    yield opened
    opened.close()


def add(store: Store, text: str, *, number: str = BOB, direction: Direction = Direction.IN, at: float = 1.0) -> Text:
    """Put a text at the end of a thread."""
    with store.transaction("text"):
        count = len(store.texts.newest(line=None, number=None, limit=10_000))
        return store.texts.add(
            Text(
                line=LINE,
                number=number,
                message_id=count.to_bytes(16, "big"),
                direction=direction,
                channel=Channel.SMS,
                text=text,
                state=InState.NEW if direction is Direction.IN else "queued",
                at=at,
            )
        )


def test_a_thread_has_its_last_text_and_its_unread(store: Store) -> None:
    first = add(store, "one", at=10)
    last = add(store, "two", at=20)
    add(store, "other", number=CAROL, at=15)
    (bob, carol) = store.conversations.newest(10)
    assert (bob.number, bob.last, bob.unread, bob.last_at) == (BOB, last.id, 2, 20)
    assert (carol.number, carol.unread) == (CAROL, 1)
    assert store.conversations.unread() == 3
    with store.transaction("read"):
        store.texts.put(replace(first, state=InState.READ))
        store.texts.put(replace(first, state=InState.READ))
    assert store.conversations.get(bob.id) == replace(bob, unread=1)
    assert [one.number for one in store.conversations.newest(10, before=20)] == [CAROL]


def test_what_was_joined_to_another_is_not_the_last_and_not_shown(store: Store) -> None:
    cloud, sms = add(store, "hello"), add(store, "hello again")
    with store.transaction("join"):
        store.texts.put(replace(sms, state="joined"))
    (thread,) = store.conversations.newest(10)
    assert (thread.last, thread.unread) == (cloud.id, 1)
    assert store.conversations.page(thread, 10) == [cloud]
    assert store.search.texts("hello", 10) == [cloud]


def test_pages_go_back_and_around(store: Store) -> None:
    texts = [add(store, f"text {number}") for number in range(25)]
    (thread,) = store.conversations.newest(1)
    page = store.conversations.page(thread, 10)
    assert page == texts[15:]
    assert store.conversations.page(thread, 10, before=page[0].position) == texts[5:15]
    assert store.conversations.page_around(thread, texts[12].position, 10) == texts[7:17]
    assert store.conversations.page(thread, 10, before=texts[0].position) == []


def test_an_empty_thread_is_begun_once_and_not_listed(store: Store) -> None:
    with store.transaction("begin"):
        begun = store.conversations.begin(LINE, BOB)
        assert store.conversations.begin(LINE, BOB) == begun
    assert store.conversations.newest(10) == []
    add(store, "hello")
    assert [one.id for one in store.conversations.newest(10)] == [begun.id]
    assert [one.id for one in store.conversations.with_number(BOB)] == [begun.id]


def test_a_text_or_a_thread_that_is_deleted_is_found_no_more(store: Store) -> None:
    first, last = add(store, "the heron flies"), add(store, "heron again")
    add(store, "a heron elsewhere", number=CAROL)
    with store.transaction("drop"):
        store.texts.drop(last.id)
    thread = store.conversations.of(LINE, BOB)
    assert thread is not None
    assert (thread.last, thread.unread) == (first.id, 1)
    assert [one.number for one in store.search.texts("heron", 10)] == [CAROL, BOB]
    with store.transaction("drop"):
        store.conversations.drop(thread)
    assert store.conversations.of(LINE, BOB) is None
    assert [one.number for one in store.search.texts("heron", 10)] == [CAROL]


def test_blocked_numbers_do_not_count_as_unread(store: Store) -> None:
    add(store, "one")
    with store.transaction("block"):
        store.regard.block(BOB, at=1.0)
    assert store.conversations.unread() == 0
    assert store.regard.blocked() == [BOB]
    with store.transaction("unblock"):
        store.regard.unblock(BOB)
    assert store.conversations.unread() == 1
