"""One device's envelopes: window, room, catch-up."""

import pytest
from msgspec.structs import replace

from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.protocol.limits import LIMITS
from sayso.server.core.model import Doubt, Waiting
from sayso.server.core.relay.entries import Entry, Place
from sayso.server.core.relay.mailbox import STRANGER_BYTES, Mailbox
from tests.fakes.link import RecordingLink
from tests.unit.server.core.relay.test_ledger import doubt

DEVICE = DeviceId(b"d" * 16)


def stored(seq: int, *, size: int = 2048, granted: bool = True, place: Place = Place.STORED) -> Entry:
    name = seq.to_bytes(16, "big")
    waiting = Waiting(
        seq=seq,
        device=DEVICE,
        envelope_id=EnvelopeId(name),
        handle_hash=HandleHash(name * 2),
        deposited=0,
        expires=9,
        size=size,
        granted=granted,
        handed=False,
    )
    entry = Entry.of(replace(waiting))
    entry.place = place
    entry.envelope = b"e"
    return entry


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox(DEVICE)


@pytest.fixture
def link() -> RecordingLink:
    return RecordingLink()


def test_live_needs_a_connection_that_has_caught_up_reads_and_owes_less_than_a_window(
    mailbox: Mailbox, link: RecordingLink
) -> None:
    assert not mailbox.takes_live()
    mailbox.connect(link)
    assert not mailbox.takes_live()
    mailbox.caught_up = True
    assert mailbox.takes_live()
    link.congested = True
    assert not mailbox.takes_live()
    link.congested = False
    mailbox.in_flight = LIMITS.unacknowledged_envelopes
    assert not mailbox.takes_live()
    mailbox.in_flight -= 1
    mailbox.add_waiting(stored(1))
    assert not mailbox.takes_live()


def test_a_mailbox_is_full_by_count(mailbox: Mailbox) -> None:
    for seq in range(LIMITS.mailbox_envelopes):
        assert not mailbox.is_full(1, granted=True)
        mailbox.add_waiting(stored(seq, size=1))
    assert mailbox.is_full(1, granted=True)


def test_a_mailbox_is_full_by_bytes(mailbox: Mailbox) -> None:
    mailbox.add_waiting(stored(1, size=LIMITS.mailbox_bytes - 100))
    assert not mailbox.is_full(100, granted=True)
    assert mailbox.is_full(101, granted=True)


def test_strangers_have_a_third_of_the_count_and_of_the_bytes(mailbox: Mailbox) -> None:
    for seq in range(LIMITS.mailbox_stranger_envelopes):
        mailbox.add_waiting(stored(seq, size=1, granted=False))
    assert mailbox.is_full(1, granted=False)
    assert not mailbox.is_full(1, granted=True)
    assert LIMITS.mailbox_bytes >= STRANGER_BYTES * 3


def test_strangers_cannot_fill_the_bytes_of_contacts(mailbox: Mailbox) -> None:
    seq = 0
    while not mailbox.is_full(LIMITS.envelope_bytes, granted=False):
        mailbox.add_waiting(stored(seq, size=LIMITS.envelope_bytes, granted=False))
        seq += 1
    assert mailbox.bytes_from_strangers <= STRANGER_BYTES
    assert not mailbox.is_full(LIMITS.mailbox_bytes - STRANGER_BYTES, granted=True)


def test_dropping_frees_bytes_and_the_window_but_not_a_strangers_share(mailbox: Mailbox, link: RecordingLink) -> None:
    mailbox.connect(link)
    entry = stored(1, granted=False)
    mailbox.add_live(entry, link)
    assert (mailbox.in_flight, mailbox.bytes_held, mailbox.from_strangers) == (1, 2048, 1)
    mailbox.drop(entry)
    assert (mailbox.in_flight, mailbox.bytes_held, mailbox.from_strangers) == (0, 0, 1)
    assert (entry.place, entry.envelope) == (Place.GONE, None)
    mailbox.free_share(entry)
    assert (mailbox.from_strangers, mailbox.bytes_from_strangers) == (0, 0)


def test_what_is_not_here_cannot_be_dropped(mailbox: Mailbox) -> None:
    with pytest.raises(KeyError):
        mailbox.drop(stored(1))


def test_an_envelope_of_an_older_connection_does_not_count_in_the_window(mailbox: Mailbox, link: RecordingLink) -> None:
    mailbox.connect(link)
    entry = stored(1)
    mailbox.add_live(entry, link)
    mailbox.spill(entry)
    mailbox.connect(RecordingLink())
    mailbox.drop(entry)
    assert mailbox.in_flight == 0


def test_a_connection_is_behind_all_that_waits_and_waits_for_what_is_not_written(
    mailbox: Mailbox, link: RecordingLink
) -> None:
    for entry in (stored(3), stored(1), stored(2, place=Place.WRITING), stored(4, place=Place.HELD)):
        mailbox.add_waiting(entry)
    mailbox.connect(link)
    assert len(mailbox.behind) == 4
    assert [entry.seq for entry in mailbox.unsent] == [1, 3]
    assert sorted(mailbox.unwritten) == [(2).to_bytes(16, "big"), (4).to_bytes(16, "big")]


def test_what_becomes_durable_late_is_lined_up_where_it_belongs(mailbox: Mailbox, link: RecordingLink) -> None:
    mailbox.connect(link)
    for seq in (2, 5, 3, 9, 1):
        entry = stored(seq)
        mailbox.add_waiting(entry)
        mailbox.to_send(entry)
    assert [entry.seq for entry in mailbox.unsent] == [1, 2, 3, 5, 9]


def test_a_window_has_at_most_256_envelopes_less_those_under_way(mailbox: Mailbox, link: RecordingLink) -> None:
    for seq in range(300):
        mailbox.add_waiting(stored(seq, size=1))
    mailbox.connect(link)
    mailbox.in_flight = 6
    assert [entry.seq for entry in mailbox.next_window(max_bytes=10**9)] == list(range(250))
    mailbox.in_flight = 256
    assert mailbox.next_window(max_bytes=10**9) == []


def test_a_window_is_refilled_when_half_of_it_is_free_or_enough_for_all(mailbox: Mailbox, link: RecordingLink) -> None:
    for seq in range(200):
        mailbox.add_waiting(stored(seq, size=1))
    mailbox.connect(link)
    mailbox.in_flight = 129
    assert mailbox.next_window(max_bytes=10**9) == []
    mailbox.in_flight = 128
    assert len(mailbox.next_window(max_bytes=10**9)) == 128
    mailbox.in_flight = 256 - 71
    assert mailbox.next_window(max_bytes=10**9) == []
    assert len(mailbox.next_window(max_bytes=10**9, eager=True)) == 71
    mailbox.in_flight = 256 - 1
    assert len(mailbox.next_window(max_bytes=10**9)) == 1


def test_a_window_has_at_most_so_many_bytes_or_one_envelope(mailbox: Mailbox, link: RecordingLink) -> None:
    for seq in range(5):
        mailbox.add_waiting(stored(seq, size=1000))
    mailbox.connect(link)
    assert len(mailbox.next_window(max_bytes=2000)) == 2
    assert len(mailbox.next_window(max_bytes=1)) == 1


def test_a_window_passes_over_what_is_gone(mailbox: Mailbox, link: RecordingLink) -> None:
    one, two = stored(1), stored(2)
    mailbox.add_waiting(one)
    mailbox.add_waiting(two)
    mailbox.connect(link)
    mailbox.drop(one)
    assert mailbox.next_window(max_bytes=10**9) == [two]


def test_a_device_that_does_not_acknowledge_costs_no_memory_beyond_its_window(
    mailbox: Mailbox, link: RecordingLink
) -> None:
    mailbox.connect(link)
    mailbox.in_flight = LIMITS.unacknowledged_envelopes - 1
    one, two = stored(1), stored(2)
    mailbox.to_send(one)
    mailbox.to_send(two)
    assert one.envelope is not None
    assert two.envelope is None
    mailbox.disconnect()
    assert one.envelope is None


def test_a_congested_device_costs_no_memory(mailbox: Mailbox, link: RecordingLink) -> None:
    mailbox.connect(link)
    link.congested = True
    one = stored(1)
    mailbox.to_send(one)
    assert one.envelope is None


def test_known_is_what_is_here_or_must_seem_to_be(mailbox: Mailbox, link: RecordingLink) -> None:
    mailbox.connect(link)
    live, waiting, echo = stored(1), stored(2), stored(3)
    mailbox.add_live(live, link)
    mailbox.add_waiting(waiting)
    mailbox.echoes[echo.envelope_id] = echo
    assert [mailbox.known(one.envelope_id) for one in (live, waiting, echo)] == [live, waiting, echo]
    assert [mailbox.find(one.envelope_id) for one in (live, waiting, echo)] == [live, waiting, None]


def test_a_mailbox_is_idle_only_with_nothing_in_it(mailbox: Mailbox, link: RecordingLink) -> None:
    assert mailbox.is_idle()
    mailbox.connect(link)
    assert not mailbox.is_idle()
    mailbox.disconnect()
    held: Doubt = doubt(1)
    mailbox.doubts[held.envelope_id] = held
    assert not mailbox.is_idle()
    mailbox.doubts.clear()
    echo = stored(1)
    mailbox.echoes[echo.envelope_id] = echo
    assert not mailbox.is_idle()


def test_held_envelopes_wait_like_others(mailbox: Mailbox, link: RecordingLink) -> None:
    entry = stored(1, granted=False)
    mailbox.add_waiting(entry)
    mailbox.hold(entry)
    assert entry.place is Place.HELD
    mailbox.connect(link)
    assert mailbox.unwritten == {entry.envelope_id}
    mailbox.drop(entry)
    assert mailbox.held == {}
    assert not mailbox.unwritten
    assert not mailbox.behind
