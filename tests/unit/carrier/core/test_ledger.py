"""The ledger: its indexes follow every change, and what it drains rebuilds it."""

import pytest

from sayso.carrier.core.commands import Forget, Save
from sayso.carrier.core.ledger import Ledger
from sayso.carrier.core.records import Conditions, Counter, Modem, SentRef, Sim, StoredSms

ALICE = Sim(name="alice", number="+447700900001", imsi="1", iccid="2", modem="one")


def stored(index: int, text: str = "text") -> StoredSms:
    return StoredSms(index=index, sim="alice", sender="BANK", text=text, sent_at=1, parts=1)


def test_changes_are_drained_once_per_key_and_once() -> None:
    ledger = Ledger()
    ledger.put(stored(1))
    ledger.put(stored(2))
    ledger.drop(stored(2))
    assert ledger.drain() == [Save(stored(1)), Forget(stored(2))]
    assert ledger.drain() == []


def test_indexes_follow_a_sim_that_moves() -> None:
    ledger = Ledger([ALICE])
    assert (ledger.sim_of_number, ledger.sim_in_modem) == ({ALICE.number: "alice"}, {"one": "alice"})
    moved = Sim(name="alice", number="+447700900002", imsi="1", iccid="2", modem="two")
    ledger.put(moved)
    assert (ledger.sim_of_number, ledger.sim_in_modem) == ({moved.number: "alice"}, {"two": "alice"})
    ledger.drop(moved)
    assert (ledger.sims, ledger.sim_of_number, ledger.sim_in_modem) == ({}, {}, {})


def test_bytes_are_counted_as_utf8() -> None:
    ledger = Ledger([stored(1, "é"), stored(2, "abc")])
    assert ledger.stored_bytes["alice"] == 5
    ledger.drop(stored(1, "é"))
    assert ledger.stored_bytes["alice"] == 3


def test_records_are_oldest_first_whatever_order_they_are_loaded_in() -> None:
    refs = [SentRef(serial=n, sim="alice", ref=100 - n, state="sent", wants_report=False) for n in (1, 2, 10)]
    ledger = Ledger([stored(12), stored(3), *reversed(refs), ALICE, Modem(name="one", imei="3")])
    assert list(ledger.stored["alice"]) == [3, 12]
    assert list(ledger.refs["alice"]) == [99, 98, 90]


def test_a_serial_never_comes_twice() -> None:
    ledger = Ledger()
    first = ledger.serial()
    (change,) = ledger.drain()
    assert Ledger([change.record]).serial() == first + 1


@pytest.mark.parametrize("record", [Conditions(), Counter()])
def test_what_there_is_always_one_of_is_not_dropped(record: Conditions | Counter) -> None:
    with pytest.raises(TypeError):
        Ledger().drop(record)
