"""Mailboxes, handles, doubts, echoes."""

from sayso.protocol.limits import LIMITS
from sayso.server.core.model import Held
from sayso.server.core.relay.books import Books
from tests.unit.server.core.relay.test_ledger import doubt
from tests.unit.server.core.relay.test_mailbox import DEVICE, stored


def test_what_the_store_holds_is_taken_up() -> None:
    one, two, in_doubt = stored(3), stored(5, granted=False), doubt(1)
    books = Books(Held(waiting=[one.waiting(), two.waiting()], doubts=[in_doubt], next_seq=9))
    mailbox = books.mailbox(DEVICE)
    assert [entry.seq for entry in mailbox.waiting.values()] == [3, 5]
    assert set(books.handles) == {one.handle_hash, two.handle_hash}
    assert mailbox.from_strangers == 1
    assert mailbox.doubts == {in_doubt.envelope_id: in_doubt}
    assert books.doubts == {in_doubt.handle_hash: in_doubt}
    assert books.next_seq == 9


def test_a_doubt_goes_from_both_places() -> None:
    books = Books(Held(waiting=[], doubts=[doubt(1)], next_seq=1))
    books.drop_doubt(doubt(1))
    assert books.doubts == {}
    assert books.mailbox(DEVICE).doubts == {}


def test_an_envelope_of_a_contact_is_forgotten_at_once() -> None:
    books = Books(Held(waiting=[stored(1).waiting()], doubts=[], next_seq=2))
    mailbox = books.mailbox(DEVICE)
    (entry,) = mailbox.waiting.values()
    books.forget(mailbox, entry, now=0.0)
    assert books.handles == {}
    assert mailbox.is_idle()
    books.tidy(mailbox)
    assert books.mailboxes == {}


def test_an_envelope_of_a_stranger_leaves_an_echo_for_ten_minutes() -> None:
    books = Books(Held(waiting=[stored(1, granted=False).waiting()], doubts=[], next_seq=2))
    mailbox = books.mailbox(DEVICE)
    (entry,) = mailbox.waiting.values()
    books.forget(mailbox, entry, now=LIMITS.stranger_recall_s - 1)
    assert books.handles == {entry.handle_hash: entry}
    assert mailbox.from_strangers == 1
    books.drop_echoes(mailbox, now=LIMITS.stranger_recall_s - 0.1)
    assert mailbox.echoes
    books.tidy(mailbox)
    assert books.mailboxes
    books.drop_echoes(mailbox, now=LIMITS.stranger_recall_s)
    assert books.handles == {}
    assert (mailbox.from_strangers, mailbox.bytes_from_strangers) == (0, 0)
    assert mailbox.is_idle()


def test_an_old_envelope_of_a_stranger_leaves_none() -> None:
    books = Books(Held(waiting=[stored(1, granted=False).waiting()], doubts=[], next_seq=2))
    mailbox = books.mailbox(DEVICE)
    (entry,) = mailbox.waiting.values()
    books.forget(mailbox, entry, now=LIMITS.stranger_recall_s)
    assert books.handles == {}
    assert mailbox.from_strangers == 0


def test_a_handle_that_names_another_envelope_by_now_is_left_alone() -> None:
    books = Books(Held(waiting=[stored(1).waiting()], doubts=[], next_seq=2))
    mailbox = books.mailbox(DEVICE)
    (entry,) = mailbox.waiting.values()
    other = stored(2)
    books.handles[entry.handle_hash] = other
    books.forget(mailbox, entry, now=0.0)
    assert books.handles == {entry.handle_hash: other}
