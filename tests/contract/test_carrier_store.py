"""What every CarrierStore does: the one in memory that tests use, and SQLite."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sayso.carrier.adapters.sqlite_store import SqliteStore
from sayso.carrier.core.commands import Forget, Save
from sayso.carrier.core.records import (
    RECORD_TYPES,
    Conditions,
    Counter,
    Message,
    Modem,
    Outgoing,
    Record,
    SentRef,
    Sim,
    StoredSms,
)
from sayso.carrier.ports import CarrierStore
from tests.fakes.carrier_world import MemoryStore

RECORDS: list[Record] = [
    Sim(name="alice", number="+447700900001", imsi="001", iccid="89", modem="alice", locked=True),
    Modem(name="alice", imei="35", coverage=False),
    StoredSms(index=2**53, sim="alice", sender="BANK", text="😀 \x00", sent_at=1, parts=2),
    Outgoing(serial=3, sim="alice", ref=2**63 - 1, to="+447700900002", text="x", due_at=1.5),
    SentRef(serial=4, sim="alice", ref=0, state="pending", wants_report=True),
    Message(
        id=5,
        sender="BANK",
        to="+447700900001",
        text="",
        parts=1,
        accepted_at=1.25,
        due_at=2.5,
        expires_at=3.75,
        origin=("alice", 2**63 - 1),
        twice=True,
    ),
    Conditions(loss=0.25),
    Counter(next=6),
]

Reopen = Callable[[], CarrierStore]


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "carrier.db")
    kept: list[MemoryStore] = []

    def again() -> MemoryStore:
        kept.append(MemoryStore(kept[-1].load() if kept else ()))
        return kept[-1]

    return again


def test_records_of_every_kind_survive(reopen: Reopen) -> None:
    assert {type(record) for record in RECORDS} == set(RECORD_TYPES)
    store = reopen()
    assert store.load() == []
    store.commit([Save(record) for record in RECORDS])
    store.close()
    again = reopen()
    assert sorted(again.load(), key=repr) == sorted(RECORDS, key=repr)
    again.close()


def test_saving_replaces_and_forgetting_erases(reopen: Reopen) -> None:
    store = reopen()
    store.commit([Save(Counter(next=1)), Save(Modem(name="a", imei="1")), Save(Modem(name="b", imei="2"))])
    store.commit([Save(Counter(next=2)), Forget(Modem(name="a", imei="1")), Forget(Modem(name="never", imei="3"))])
    store.close()
    again = reopen()
    assert sorted(again.load(), key=repr) == [Counter(next=2), Modem(name="b", imei="2")]
    again.close()
