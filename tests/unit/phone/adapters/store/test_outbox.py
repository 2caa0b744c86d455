"""Parcels in order, receipts once."""

from dataclasses import replace

from sayso.phone.adapters.store import Store
from sayso.phone.core.lines import Line
from sayso.phone.core.outbox import Parcel, Stage

LINE = b"l" * 16
BOB, CAROL = "+447700900102", "+447700900103"


def store_with_line() -> Store:
    store = Store(None, bytes(32))
    with store.transaction("line-made"):
        store.lines.add(Line(id=LINE, name="sim1"))
    return store


def parcel(n: int, number: str = BOB, *, kind: int = 1) -> Parcel:
    return Parcel(line=LINE, number=number, kind=kind, message_id=n.to_bytes(16, "big"), body=b"b")


def test_parcels_keep_their_order_by_conversation() -> None:
    store = store_with_line()
    with store.transaction("outbox"):
        ids = [store.outbox.add(parcel(n, BOB if n % 2 else CAROL)) for n in range(6)]
    assert store.outbox.numbers_to_send_to(LINE) == [CAROL, BOB]
    first = store.outbox.next_to_send(LINE, BOB, beside=set())
    assert first is not None
    assert first.id == ids[1]
    second = store.outbox.next_to_send(LINE, BOB, beside={ids[1]})
    assert second is not None
    assert second.id == ids[3]
    assert store.outbox.next_to_send(LINE, BOB, beside=set(ids)) is None
    assert store.outbox.in_conversation(LINE, BOB, {ids[0], ids[1], ids[3]}) == 2
    assert store.outbox.in_conversation(LINE, BOB, set()) == 0


def test_stages() -> None:
    store = store_with_line()
    with store.transaction("outbox"):
        first = store.outbox.add(parcel(1))
        store.outbox.add(parcel(2))
        sealed = replace(parcel(1), id=first, stage=Stage.SEALED, handle_hash=b"H" * 32, envelope=b"e", counter=4)
        store.outbox.put(sealed)
    assert store.outbox.get(first) == sealed
    assert store.outbox.by_handle(LINE, b"H" * 32) == sealed
    assert store.outbox.by_handle(b"o" * 16, b"H" * 32) is None
    assert [one.message_id for one in store.outbox.ready(LINE, BOB)] == [(2).to_bytes(16, "big")]
    with store.transaction("outbox"):
        store.outbox.put(replace(sealed, stage=Stage.ACCEPTED))
    assert [one.id for one in store.outbox.accepted(LINE)] == [first]
    with store.transaction("outbox"):
        store.outbox.drop(first)
    assert store.outbox.accepted(LINE) == []


def test_receipts_are_owed_once_and_taken_once() -> None:
    store = store_with_line()
    with store.transaction("receipts"):
        for n in (1, 2, 2, 3):
            store.outbox.owe_receipt(LINE, BOB, 2, n.to_bytes(16, "big"))
    assert store.outbox.receipts_due(LINE) == [(BOB, 2)]
    with store.transaction("receipts"):
        assert len(store.outbox.take_receipts(LINE, BOB, 2, 2)) == 2
        assert len(store.outbox.take_receipts(LINE, BOB, 2, 2)) == 1
    assert store.outbox.receipts_due(LINE) == []


def test_receipts_wait_while_one_of_their_kind_is_sending() -> None:
    store = store_with_line()
    with store.transaction("outbox"):
        sent = store.outbox.add(parcel(1, kind=2))
    assert store.outbox.is_sending(LINE, BOB, 2)
    assert not store.outbox.is_sending(LINE, BOB, 3)
    with store.transaction("outbox"):
        store.outbox.put(replace(parcel(1, kind=2), id=sent, stage=Stage.ACCEPTED))
    assert not store.outbox.is_sending(LINE, BOB, 2)


def test_a_line_that_is_off_keeps_nothing() -> None:
    store = store_with_line()
    with store.transaction("outbox"):
        store.outbox.add(parcel(1))
        store.outbox.owe_receipt(LINE, BOB, 2, bytes(16))
        store.outbox.empty(LINE)
    assert store.outbox.numbers_to_send_to(LINE) == []
    assert store.outbox.receipts_due(LINE) == []
