"""The consent to checks for updates: no yes, no gate."""

import json
from pathlib import Path

import pytest

from sayso.consent.errors import ConsentError, GateClosedError
from sayso.consent.ports import Attempt
from sayso.consent.records import read_record, read_withdrawal
from sayso.protocol.statement import Policy
from sayso.update.adapters import consent_file
from sayso.update.adapters.consent_file import ConsentFile, FileJournal
from sayso.update.app import Installation
from sayso.update.errors import HomeError
from tests.fakes.clock import FakeClock
from tests.fakes.update_world import URL, CountedRandom, UpdateWorld

ROOT = b"r" * 32


@pytest.fixture
def consents(tmp_path: Path) -> ConsentFile:
    return ConsentFile(tmp_path, FakeClock(), CountedRandom())


def test_without_a_yes_there_is_no_gate(consents: ConsentFile) -> None:
    assert consents.gate() is None
    assert not consents.withdraw()


def test_a_yes_is_a_signed_record_and_a_no_is_one_too(consents: ConsentFile, tmp_path: Path) -> None:
    given = consents.give(URL, root_sha256=ROOT, method="test")
    assert consents.gate() is not None
    assert given.record.kind == "update-check"
    assert given.record.personal_data == ()
    assert consents.still_given(given)
    assert consents.withdraw()
    assert consents.gate() is None
    assert not consents.still_given(given)
    yes, no = map(json.loads, (tmp_path / "update-consents.jsonl").read_text().splitlines())
    record = read_record(yes).record
    assert read_withdrawal(no, device_key=record.device_key).record_id == record.record_id
    assert not (tmp_path / "update-consent.key").exists()


def test_a_new_yes_is_another_one_with_nothing_in_common(consents: ConsentFile) -> None:
    first = consents.give(URL, root_sha256=ROOT, method="test")
    second = consents.give(URL, root_sha256=ROOT, method="test")
    assert first.record.record_id != second.record.record_id
    assert first.record.device_key != second.record.device_key
    assert not consents.still_given(first)


def test_a_record_that_somebody_changed_opens_nothing(consents: ConsentFile, tmp_path: Path) -> None:
    consents.give(URL, root_sha256=ROOT, method="test")
    file = tmp_path / "update-consent.json"
    file.write_text(file.read_text().replace("updates.example", "evil.example"))
    with pytest.raises(ConsentError):
        consents.gate()
    file.write_text("[]")
    with pytest.raises(HomeError):
        consents.gate()


def test_a_yes_to_another_text_is_no_yes(consents: ConsentFile, monkeypatch: pytest.MonkeyPatch) -> None:
    consents.give(URL, root_sha256=ROOT, method="test")
    monkeypatch.setattr(consent_file, "update_policy", lambda: Policy("update-2", b"n" * 32))
    assert consents.gate() is None


def test_the_journal_says_before_and_after(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "connections.jsonl")
    number = journal.opened(Attempt(at=1.5, host="updates.example", port=443, purpose="updates"))
    journal.closed(number, sent_bytes=10, received_bytes=20)
    opened, closed = map(json.loads, (tmp_path / "connections.jsonl").read_text().splitlines())
    assert opened["host"] == "updates.example"
    assert (closed["number"], closed["sent_bytes"], closed["received_bytes"]) == (number, 10, 20)


def test_an_installation_opens_no_way_to_the_mirror_without_consent(tmp_path: Path) -> None:
    world = UpdateWorld(tmp_path)
    world.install()
    installation = Installation(world.home.path)
    with pytest.raises(GateClosedError, match="sayso update on"), installation.mirror():
        pytest.fail("there was a way")
    installation.consents.give("https://elsewhere.example", root_sha256=ROOT, method="test")
    with pytest.raises(GateClosedError, match="another address"), installation.mirror():
        pytest.fail("there was a way")


def test_the_journal_reads_what_it_has_written_and_passes_over_what_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "connections.jsonl"
    journal = FileJournal(path)
    assert journal.read() == []
    first = Attempt(at=1.5, host="updates.example", port=443, purpose="updates")
    second = Attempt(at=2.5, host="updates.example", port=443, purpose="updates")
    journal.closed(journal.opened(first), sent_bytes=10, received_bytes=20)
    journal.opened(second)
    with path.open("ab") as file:
        file.write(b'not json\n{"number": 7, "sent_bytes": 1}\n{"number": 3, "at": 9')
    assert [(one.attempt, one.sent_bytes, one.received_bytes) for one in journal.read()] == [
        (first, 10, 20),
        (second, None, None),
    ]
