"""The smaller tables."""

from dataclasses import fields, replace

import pytest

from sayso.consent.ports import Attempt
from sayso.phone.adapters.store import Store
from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.lines import Consent
from sayso.phone.adapters.store.peers import Contact
from sayso.phone.core.keys_upkeep import OwnEnvelopeKey
from sayso.phone.core.lines import Device, Line, LineState, Step
from sayso.phone.core.outbox import Parcel
from sayso.phone.core.peers import InCloud, Peer
from sayso.phone.core.sessions import Session
from sayso.phone.core.texts import Text

LINE = Line(id=b"l" * 16, name="sim1")
DEVICE = Device(
    line=LINE.id,
    device=b"d" * 16,
    seed=b"s" * 32,
    ed25519=b"e" * 32,
    curve25519=b"c" * 32,
    account=b"account",
    grant=b"g" * 32,
    salt=b"S" * 32,
    server="http://127.0.0.1:8080",
    server_key=b"k" * 32,
    record_id=b"r" * 16,
    findable="everyone",
)
PEER = Peer(line=LINE.id, number="+447700900102", in_cloud=InCloud.YES, ever_in_cloud=True, token=b"t" * 33)


def store_with_line() -> Store:
    store = Store(None, bytes(32))
    with store.transaction("line-made"):
        store.lines.add(LINE)
    return store


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("line", Line),
        ("device", Device),
        ("consent", Consent),
        ("envelope_key", OwnEnvelopeKey),
        ("peer", Peer),
        ("contact", Contact),
        ("session", Session),
        ("text", Text),
        ("outbox", Parcel),
    ],
)
def test_every_field_is_a_column(table: str, row: type) -> None:
    database = Database(None, bytes(32))
    columns = [str(column[0]) for column in database.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    assert sorted(columns) == sorted(field.name for field in fields(row))


def test_a_line_changes_and_keeps_its_name() -> None:
    store = store_with_line()
    changed = replace(LINE, state=LineState.ON, number="+447700900101", sim=b"x", read_receipts=True, trouble="t")
    with store.transaction("line"):
        store.lines.put(changed)
    assert store.lines.get(LINE.id) == changed
    assert store.lines.named("sim1") == changed
    assert store.lines.named("sim2") is None
    with pytest.raises(LookupError):
        store.lines.get(bytes(16))


def test_a_device_comes_and_goes_with_its_keys() -> None:
    store = store_with_line()
    with store.transaction("device"):
        store.lines.put_device(replace(DEVICE, step=Step.CODE_WANTED, grant_set=True))
        for key_id in (1, 2):
            store.lines.put_envelope_key(OwnEnvelopeKey(line=LINE.id, key_id=key_id, created=1, private=b"p" * 96))
    device = store.lines.device(LINE.id)
    assert device == replace(DEVICE, step=Step.CODE_WANTED, grant_set=True)
    assert [key.key_id for key in store.lines.envelope_keys(LINE.id)] == [2, 1]
    with store.transaction("device"):
        store.lines.destroy_envelope_key(LINE.id, 1)
    assert [key.key_id for key in store.lines.envelope_keys(LINE.id)] == [2]
    with store.transaction("device"):
        store.lines.forget_device(LINE.id)
    assert store.lines.device(LINE.id) is None
    assert store.lines.envelope_keys(LINE.id) == []


def test_consents_stay() -> None:
    store = store_with_line()
    with store.transaction("consent"):
        store.lines.put_consent(Consent(record_id=b"r" * 16, line=LINE.id, given_at=1.0, record="{}"))
        store.lines.note_receipt(b"r" * 16, {"receipt": 1}, statement=b"{}")
        store.lines.note_withdrawal(b"r" * 16, {"withdrawal": 1})
        store.lines.note_withdrawal_receipt(b"r" * 16, {"receipt": 2}, statement=b"[]")
    (consent,) = store.lines.consents(LINE.id)
    assert (consent.receipt, consent.withdrawal, consent.withdrawal_receipt) == (
        '{"receipt": 1}',
        '{"withdrawal": 1}',
        '{"receipt": 2}',
    )
    assert (consent.statement, consent.withdrawal_statement) == ("{}", "[]")
    with pytest.raises(LookupError), store.transaction("consent"):
        store.lines.note_receipt(bytes(16), {}, statement=b"{}")


def test_leaving_forgets_keys_and_grants_of_peers_but_not_that_they_were_in_the_cloud() -> None:
    store = store_with_line()
    session = Session(line=LINE.id, peer_curve25519=b"c" * 32, session_id="s", state=b"x")
    with store.transaction("peer"):
        store.peers.put(replace(PEER, grant=b"g" * 32, envelope_key=b"e", written=True, device=b"d" * 16))
        store.peers.put_session(session)
    assert store.peers.sessions(LINE.id, b"c" * 32) == [session]
    with store.transaction("peer"):
        store.peers.forget_enrolment(LINE.id)
    left = store.peers.get(LINE.id, PEER.number)
    assert (left.ever_in_cloud, left.written, left.device) == (True, True, b"d" * 16)
    assert (left.grant, left.envelope_key, left.token, left.in_cloud) == (b"", None, None, InCloud.NOT_ASKED)
    assert store.peers.sessions(LINE.id, b"c" * 32) == []


def test_a_look_at_an_unknown_peer_stores_nothing() -> None:
    store = store_with_line()
    assert store.peers.get(LINE.id, "+447700900199").in_cloud is InCloud.NOT_ASKED
    assert store.peers.find(LINE.id, "+447700900199") is None
    assert store.peers.of_number("+447700900199") == []


def test_contacts() -> None:
    store = store_with_line()
    with store.transaction("contact"):
        store.peers.put_contact(Contact(number="+447700900102", name="Bob"))
        store.peers.put_contact(Contact(number="+447700900101", name="Alice"))
        store.peers.put_contact(Contact(number="+447700900102", name="Robert"))
    assert [contact.name for contact in store.peers.contacts()] == ["Alice", "Robert"]
    assert store.peers.contact("+447700900103") is None


def test_seen() -> None:
    store = store_with_line()
    seen = store.seen
    with store.transaction("seen"):
        seen.add_envelope(LINE.id, b"1" * 16, at=10.0)
        seen.add_envelope(LINE.id, b"2" * 16, at=20.0, refused=True)
        seen.add_envelope(LINE.id, b"1" * 16, at=30.0, refused=True)
        seen.add_message(LINE.id, "+447700900102", b"m" * 16)
        seen.add_sms(LINE.id, 7, b"digest", at=10.0)
    assert seen.envelope(LINE.id, b"1" * 16) is False
    assert seen.envelope(LINE.id, b"2" * 16) is True
    assert seen.envelope(LINE.id, b"3" * 16) is None
    assert seen.message(LINE.id, "+447700900102", b"m" * 16)
    assert not seen.message(LINE.id, "+447700900103", b"m" * 16)
    assert seen.sms(LINE.id, 7, b"digest")
    assert not seen.sms(LINE.id, 7, b"other")
    with store.transaction("seen"):
        seen.forget_before(LINE.id, envelopes=15.0, sms=15.0)
    assert seen.envelope(LINE.id, b"1" * 16) is None
    assert seen.envelope(LINE.id, b"2" * 16) is True
    assert not seen.sms(LINE.id, 7, b"digest")
    assert seen.message(LINE.id, "+447700900102", b"m" * 16)


def test_the_journal_is_written_before_the_first_packet() -> None:
    store = store_with_line()
    journal = store.journal(LINE.id)
    number = journal.opened(Attempt(at=5.0, host="127.0.0.1", port=80, purpose="enrolment"))
    assert journal.count() == 1
    assert journal.newest(5)[0].sent_bytes is None
    journal.closed(number, sent_bytes=10, received_bytes=20)
    (entry,) = journal.newest(5)
    assert (entry.host, entry.port, entry.purpose, entry.sent_bytes, entry.received_bytes) == (
        "127.0.0.1",
        80,
        "enrolment",
        10,
        20,
    )
    assert store.journal(b"o" * 16).count() == 0


def test_secrets_of_the_phone() -> None:
    store = store_with_line()
    assert store.secret("sim-key") is None
    with store.transaction("secret"):
        store.put_secret("sim-key", b"s")
    assert store.secret("sim-key") == b"s"
