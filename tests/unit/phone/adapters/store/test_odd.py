"""Statement digests of peers that have still to be judged."""

from dataclasses import replace

from sayso.phone.adapters.store import Store
from sayso.phone.core.lines import Line
from sayso.phone.core.statements import OddStatement

LINE = Line(id=b"l" * 16, name="sim1")
ODD = OddStatement(line=LINE.id, number="+447700900101", digest=b"o" * 32, met_at=100.0, sent_at=90.0)


def test_that_it_was_met_before_stays_known() -> None:
    store = Store(None, bytes(32))
    with store.transaction("test"):
        store.lines.add(LINE)
        store.odd.note(ODD)
        store.odd.note(replace(ODD, met_at=200.0, sent_at=190.0))
    assert store.odd.of_line(LINE.id) == [replace(ODD, sent_at=190.0)]
    with store.transaction("test"):
        store.odd.note(replace(ODD, digest=b"p" * 32, met_at=300.0))
    assert [(one.digest, one.met_at) for one in store.odd.of_line(LINE.id)] == [(b"p" * 32, 300.0)]


def test_it_is_forgotten_with_its_conversation_or_its_line() -> None:
    store = Store(None, bytes(32))
    other = replace(ODD, number="+447700900102")
    with store.transaction("test"):
        store.lines.add(LINE)
        store.odd.note(ODD)
        store.odd.note(other)
        store.odd.drop(LINE.id, ODD.number)
    assert store.odd.of_line(LINE.id) == [other]
    with store.transaction("test"):
        store.odd.forget_line(LINE.id)
    assert store.odd.of_line(LINE.id) == []
