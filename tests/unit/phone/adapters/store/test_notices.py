"""Notices that came, and what they were joined to."""

from dataclasses import replace

from sayso.phone.core.notices import Notice
from tests.unit.phone.adapters.store.test_texts import BOB, LINE, store_with_line


def test_open_until_joined() -> None:
    store = store_with_line()
    notices = [
        Notice(line=LINE, number=BOB, message_id=bytes([n]) * 16, sha256=bytes(32), parts=1, at=10.0 - n)
        for n in range(2)
    ]
    with store.transaction("test"):
        for notice in notices:
            store.notices.put(notice)
    assert store.notices.open(LINE, BOB) == notices[::-1]
    assert store.notices.get(LINE, BOB, notices[0].message_id) == notices[0]
    assert store.notices.get(LINE, "+447700900103", notices[0].message_id) is None
    with store.transaction("test"):
        store.notices.put(replace(notices[1], joined=7))
    assert store.notices.open(LINE, BOB) == [notices[0]]
    assert store.notices.joined_to(LINE, BOB) == {7}
