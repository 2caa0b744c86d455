"""Entries."""

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.server.core.model import StoredOutcome, Waiting
from sayso.server.core.relay.entries import Entry, Place, Question, Sender
from tests.fakes.link import RecordingLink

WAITING = Waiting(
    seq=4,
    device=DeviceId(b"d" * 16),
    envelope_id=EnvelopeId(b"e" * 16),
    handle_hash=HandleHash(b"h" * 32),
    deposited=1.5,
    expires=9.5,
    size=2048,
    granted=True,
    handed=True,
)


def test_an_entry_found_in_the_store_is_what_was_stored() -> None:
    entry = Entry.of(WAITING)
    assert entry.waiting() == WAITING
    assert entry.place is Place.STORED
    assert entry.envelope is None
    assert entry.tickets is None


def test_its_outcome_carries_what_a_stranger_must_not_know_too_early() -> None:
    assert Entry.of(WAITING).outcome(OutcomeState.EXPIRED, 7.0) == StoredOutcome(
        handle_hash=WAITING.handle_hash, state=OutcomeState.EXPIRED, granted=True, deposited=1.5, at=7.0
    )


def test_entries_and_questions_show_no_secret() -> None:
    entry = Entry.of(WAITING)
    entry.envelope = b"secret"
    sender = Sender(RecordingLink())
    question = Question(sender=sender, ref=1, handle_hash=WAITING.handle_hash, recall=True)
    shown = repr(entry) + repr(question)
    assert "secret" not in shown
    assert "hhhh" not in shown
    assert "dddd" not in shown


def test_two_entries_are_never_equal() -> None:
    assert Entry.of(WAITING) != Entry.of(WAITING)
