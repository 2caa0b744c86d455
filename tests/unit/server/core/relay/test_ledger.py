"""Batches: what goes into which, and what happens when one lands or does not."""

import pytest

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.server.core.model import Doubt, StoredOutcome
from sayso.server.core.relay.entries import Entry, Place
from sayso.server.core.relay.ledger import (
    MAX_COLLECTED,
    MAX_PUT_BYTES,
    MAX_PUTS,
    MAX_QUEUED,
    MAX_QUEUED_BYTES,
    NO_SPACE_S,
    Ledger,
)

DEVICE = DeviceId(b"d" * 16)


def entry(seq: int, size: int = 10) -> Entry:
    """Make an envelope of so many bytes, which only the ledger's bounds look at."""
    name = seq.to_bytes(16, "big")
    return Entry(
        seq=seq,
        device=DEVICE,
        envelope_id=EnvelopeId(name),
        handle_hash=HandleHash(name * 2),
        deposited=1.0,
        expires=100.0,
        size=size,
        granted=True,
        envelope=b"",
        place=Place.LIVE,
    )


def outcome(number: int, state: OutcomeState = OutcomeState.DELIVERED) -> StoredOutcome:
    return StoredOutcome(
        handle_hash=HandleHash(number.to_bytes(32, "big")), state=state, granted=True, deposited=1, at=2
    )


def doubt(number: int) -> Doubt:
    return Doubt(
        device=DEVICE,
        envelope_id=EnvelopeId(number.to_bytes(16, "big")),
        handle_hash=HandleHash(number.to_bytes(32, "big")),
        granted=True,
        deposited=1,
        expires=9,
        refused_means=OutcomeState.RECALLED,
    )


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(lambda: None)


def test_work_is_announced() -> None:
    pokes: list[int] = []
    ledger = Ledger(lambda: pokes.append(1))
    ledger.queue(entry(1))
    ledger.then(lambda _now: None)
    ledger.mark_handed(DEVICE, 3)
    ledger.remember(outcome(1))
    ledger.poke()
    assert len(pokes) == 5


def test_nothing_to_do_makes_no_batch(ledger: Ledger) -> None:
    assert ledger.take() is None
    assert not ledger.has_work


def test_one_batch_is_away_and_the_next_one_grows(ledger: Ledger) -> None:
    ledger.queue(entry(1))
    first = ledger.take()
    ledger.queue(entry(2))
    ledger.remember(outcome(2))
    assert first is not None
    assert [put.waiting.seq for put in first.put] == [1]
    assert ledger.take() is None
    ledger.committed()
    second = ledger.take()
    assert second is not None
    assert [put.waiting.seq for put in second.put] == [2]
    assert second.outcomes == [outcome(2)]


def test_an_envelope_moves_from_queued_to_writing_to_stored(ledger: Ledger) -> None:
    one = entry(1)
    ledger.queue(one)
    places = [one.place]
    ledger.take()
    places.append(one.place)
    assert ledger.committed() == ([one], [])
    assert [*places, one.place] == [Place.QUEUED, Place.WRITING, Place.STORED]


def test_an_envelope_that_was_settled_while_it_was_queued_is_not_written(ledger: Ledger) -> None:
    one, two = entry(1), entry(2)
    ledger.queue(one)
    ledger.queue(two)
    one.place = Place.GONE
    batch = ledger.take()
    assert batch is not None
    assert [put.waiting.seq for put in batch.put] == [2]


def test_actions_run_with_the_batch_that_took_their_changes(ledger: Ledger) -> None:
    ran: list[float] = []
    ledger.queue(entry(1))
    ledger.take()
    ledger.remember(outcome(1))
    ledger.then(ran.append)
    assert ledger.committed()[1] == []
    ledger.take()
    (action,) = ledger.committed()[1]
    action(7.0)
    assert ran == [7.0]


def test_actions_alone_make_an_empty_batch(ledger: Ledger) -> None:
    ledger.then(lambda _now: None)
    batch = ledger.take()
    assert batch is not None
    assert not batch


def test_actions_do_not_wait_for_a_queue_that_never_empties(ledger: Ledger) -> None:
    """Catch-up, recall and opt-out wait for their own change, not for every deposit that others keep queueing."""
    ran: list[float] = []
    for seq in range(1, MAX_PUTS + 10):
        ledger.queue(entry(seq))
    ledger.mark_handed(DEVICE, 1)
    ledger.then(ran.append)
    batch = ledger.take()
    assert batch is not None
    assert len(batch.put) == MAX_PUTS
    for action in ledger.committed()[1]:
        action(1.0)
    assert ran == [1.0]


def test_a_batch_has_bounds_in_bytes(ledger: Ledger) -> None:
    for seq in range(1, 6):
        ledger.queue(entry(seq, size=MAX_PUT_BYTES * 2 // 5))
    taken = []
    while (batch := ledger.take()) is not None:
        taken.append([put.waiting.seq for put in batch.put])
        ledger.committed()
    assert taken == [[1, 2, 3], [4, 5]]


def test_a_ledger_is_full_by_count_or_by_bytes_until_its_batch_is_taken(ledger: Ledger) -> None:
    full = []
    ledger.queue(entry(1))
    full.append(ledger.is_full)
    ledger.queue(entry(2, size=MAX_QUEUED_BYTES - 10))
    full.append(ledger.is_full)
    ledger.take()
    full.append(ledger.is_full)
    for seq in range(3, 3 + MAX_QUEUED):
        ledger.queue(entry(seq))
    full.append(ledger.is_full)
    assert full == [False, True, False, True]


def test_a_batch_that_found_no_space_gives_its_envelopes_back_and_keeps_the_rest(ledger: Ledger) -> None:
    ran: list[str] = []
    one = entry(1)
    ledger.queue(one)
    ledger.settle(entry(8), outcome(8))
    ledger.doubt(entry(9), doubt(9))
    ledger.resolve(DEVICE, EnvelopeId(b"r" * 16), outcome(7))
    ledger.remember(outcome(6))
    ledger.collect(HandleHash(b"c" * 32))
    ledger.forget_before(5.0)
    ledger.mark_handed(DEVICE, 4)
    ledger.then(lambda _now: ran.append("first"))
    ledger.take()
    ledger.settle(entry(10), outcome(10))
    ledger.doubt(entry(11), doubt(11))
    ledger.resolve(DEVICE, EnvelopeId(b"s" * 16), outcome(12))
    ledger.remember(outcome(13))
    ledger.collect(HandleHash(b"d" * 32))
    ledger.mark_handed(DEVICE, 3)
    ledger.forget_before(6.0)
    ledger.then(lambda _now: ran.append("second"))
    assert ledger.failed(now=50.0) == [one]
    assert ledger.no_space_until == 50.0 + NO_SPACE_S
    batch = ledger.take()
    assert batch is not None
    assert batch.put == []
    assert [seq for seq, _ in batch.settled] == [8, 10]
    assert batch.doubted == [(9, doubt(9)), (11, doubt(11))]
    assert batch.resolved == [(DEVICE, b"r" * 16, outcome(7)), (DEVICE, b"s" * 16, outcome(12))]
    assert batch.outcomes == [outcome(6), outcome(13)]
    assert batch.collected == [b"c" * 32, b"d" * 32]
    assert batch.forget_before == 6.0
    assert batch.handed == {DEVICE: 4}
    for action in ledger.committed()[1]:
        action(0.0)
    assert ran == ["first", "second"]
    assert ledger.no_space_until == 0.0


def test_what_is_tried_again_goes_before_what_came_meanwhile(ledger: Ledger) -> None:
    one, two = entry(1), entry(2)
    ledger.queue(one)
    ledger.queue(two)
    ledger.take()
    ledger.queue(entry(3))
    ledger.requeue(ledger.failed(now=0))
    batch = ledger.take()
    assert batch is not None
    assert [put.waiting.seq for put in batch.put] == [1, 2, 3]


def test_the_highest_watermark_wins(ledger: Ledger) -> None:
    ledger.mark_handed(DEVICE, 5)
    ledger.mark_handed(DEVICE, 2)
    batch = ledger.take()
    assert batch is not None
    assert batch.handed == {DEVICE: 5}


def test_an_outcome_is_known_from_its_beginning_until_the_store_shows_it(ledger: Ledger) -> None:
    fresh = outcome(1)
    ledger.remember(fresh)
    assert ledger.fresh_outcome(fresh.handle_hash) is fresh
    ledger.take()
    assert ledger.fresh_outcome(fresh.handle_hash) is fresh
    ledger.committed()
    assert ledger.fresh_outcome(fresh.handle_hash) is None


def test_a_newer_outcome_is_not_forgotten_with_the_older_one(ledger: Ledger) -> None:
    older, newer = outcome(1), outcome(1, OutcomeState.RECALLED)
    ledger.remember(older)
    ledger.take()
    ledger.remember(newer)
    ledger.committed()
    assert ledger.fresh_outcome(older.handle_hash) is newer


def test_what_lands_during_a_look_up_is_known_to_it(ledger: Ledger) -> None:
    """The look-up may have read the store before the commit; without this it would answer `unknown`."""
    fresh = outcome(1)
    ledger.remember(fresh)
    ledger.take()
    ledger.watch()
    ledger.committed()
    assert ledger.fresh_outcome(fresh.handle_hash) is fresh
    ledger.watch()
    assert ledger.fresh_outcome(fresh.handle_hash) is None


def test_what_is_to_be_forgotten_has_a_bound(ledger: Ledger) -> None:
    for number in range(MAX_COLLECTED + 3):
        ledger.collect(HandleHash(number.to_bytes(32, "big")))
    batch = ledger.take()
    assert batch is not None
    assert len(batch.collected) == MAX_COLLECTED


def test_drained_means_that_nothing_is_left_and_nothing_is_away(ledger: Ledger) -> None:
    ran: list[int] = []
    ledger.when_drained(lambda: ran.append(1))
    ledger.queue(entry(1))
    ledger.take()
    assert ledger.take_drained() == []
    ledger.remember(outcome(1))
    ledger.committed()
    assert ledger.take_drained() == []
    ledger.take()
    ledger.committed()
    assert len(ledger.take_drained()) == 1
    assert ledger.take_drained() == []


def test_a_batch_lands_once(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError):
        ledger.committed()
    with pytest.raises(RuntimeError):
        ledger.failed(now=0)
