"""Threads: rows come back as they were, in the order in which they were written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.phone.adapters.store import Store
from sayso.phone.core.lines import Line
from sayso.phone.core.outgoing import State
from sayso.phone.core.texts import Channel, Direction, InState, Text, Word

LINE = b"l" * 16
BOB = "+447700900102"


def store_with_line() -> Store:
    store = Store(None, bytes(32))
    with store.transaction("line-made"):
        store.lines.add(Line(id=LINE, name="sim1"))
    return store


def row(number: int, *, counter: int = 0, direction: Direction = Direction.IN, **more: object) -> Text:
    return replace(
        Text(
            line=LINE,
            number=BOB,
            message_id=number.to_bytes(16, "big"),
            direction=direction,
            channel=Channel.CLOUD,
            text=f"text {number}",
            state=InState.NEW if direction is Direction.IN else State.QUEUED,
            at=float(number),
            counter=counter,
        ),
        **more,  # type: ignore[arg-type]  # fields by name
    )


def add(store: Store, *texts: Text) -> list[Text]:
    with store.transaction("texts"):
        return [store.texts.add(text) for text in texts]


def shown(store: Store) -> list[str]:
    return [text.text for text in store.texts.newest(line=LINE, number=BOB, limit=1000)]


@pytest.mark.parametrize("text", ["", "null", "1", "true", "😀", "\u202eRTL", "a\x00b", "x" * 50_000])
def test_a_row_comes_back_as_it_was(text: str) -> None:
    store = store_with_line()
    (added,) = add(store, row(1, raw=b"\x00", sms_ref=2**63 - 1, sms_sim=b"s", reason="null", text=text))
    assert store.texts.get(added.id) == added


def test_the_newest_come_oldest_first() -> None:
    store = store_with_line()
    add(store, *(row(n) for n in range(10)))
    assert [t.text for t in store.texts.newest(line=None, number=None, limit=3)] == ["text 7", "text 8", "text 9"]


@given(st.permutations(range(1, 9)))
def test_counters_put_late_ones_in_their_place(order: list[int]) -> None:
    store = store_with_line()
    add(store, row(100, direction=Direction.OUT))
    add(store, *(row(n, counter=n) for n in order))
    assert shown(store) == ["text 100", *(f"text {n}" for n in range(1, 9))]


def test_another_phone_under_the_same_number_counts_from_one_again() -> None:
    store = store_with_line()
    changed = row(3, direction=Direction.SYSTEM, state=InState.NEW, reason=Word.KEY_CHANGED)
    add(store, row(1, counter=1), row(2, counter=2), changed, row(5, counter=2), row(4, counter=1))
    assert shown(store) == ["text 1", "text 2", "text 3", "text 4", "text 5"]


def test_the_same_message_twice_is_refused_by_the_table_itself() -> None:
    store = store_with_line()
    add(store, row(1))
    with pytest.raises(Exception, match="UNIQUE"):
        add(store, row(1))


def test_a_text_of_ours_is_found_in_its_own_thread_only() -> None:
    store = store_with_line()
    (mine,) = add(store, row(1, direction=Direction.OUT))
    add(store, row(2))
    assert store.texts.outgoing(LINE, BOB, mine.message_id) == mine
    assert store.texts.outgoing(LINE, "+447700900103", mine.message_id) is None
    assert store.texts.outgoing(b"o" * 16, BOB, mine.message_id) is None
    assert store.texts.outgoing(LINE, BOB, (2).to_bytes(16, "big")) is None
    assert store.texts.by_message_id(mine.message_id) == mine


def test_lists_by_state() -> None:
    store = store_with_line()
    states = [*State]
    add(store, *(row(n, direction=Direction.OUT, state=state, sms_ref=n + 1) for n, state in enumerate(states)))
    assert [t.state for t in store.texts.queued(LINE)] == [State.QUEUED]
    under_way = [State.DEPOSITED, State.ACCEPTED, State.RECALLING, State.IN_DOUBT]
    assert [t.state for t in store.texts.under_way(LINE)] == under_way
    assert [t.state for t in store.texts.waiting(LINE)] == [State.QUEUED, *under_way]
    assert [t.state for t in store.texts.recalling(LINE)] == [State.RECALLING]
    assert [t.state for t in store.texts.recalled(LINE)] == [State.RECALLING, State.IN_DOUBT]
    assert {t.state for t in store.texts.with_modem(LINE)} == {
        State.SMS_SENDING,
        State.SMS_SENT,
        State.SMS_UNKNOWN,
    }
    assert store.texts.without_outcome(LINE) == 7
    found = store.texts.by_sms_ref(1)
    assert found is not None
    assert found.state == State.QUEUED


def test_unread() -> None:
    store = store_with_line()
    add(store, row(1), row(2, state=InState.READ), row(3, direction=Direction.OUT), row(4, direction=Direction.SYSTEM))
    with store.transaction("texts"):
        store.texts.add(row(5, direction=Direction.SYSTEM, state=InState.NEW))
    assert [t.text for t in store.texts.unread(LINE, BOB)] == ["text 1", "text 5"]
