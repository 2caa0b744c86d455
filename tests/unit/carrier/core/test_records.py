"""Records: keys that cannot collide, and no number or text in a repr."""

from sayso.carrier.core.records import RECORD_TYPES, Message, Outgoing, Record, SentRef, Sim, StoredSms

PRIVATE = ("+447700900001", "+447700900002", "secret", "00101", "89999")
RECORDS: list[Record] = [
    Sim(name="a", number=PRIVATE[0], imsi=PRIVATE[3], iccid=PRIVATE[4]),
    StoredSms(index=1, sim="a", sender=PRIVATE[0], text="secret", sent_at=1, parts=1),
    Outgoing(serial=1, sim="a", ref=5, to=PRIVATE[0], text="secret", due_at=1.0),
    Message(
        id=1, sender=PRIVATE[0], to=PRIVATE[1], text="secret", parts=1, accepted_at=1.0, due_at=1.0, expires_at=2.0
    ),
]


def test_no_number_text_or_identifier_in_a_repr() -> None:
    for record in RECORDS:
        assert not any(private in repr(record) for private in PRIVATE)


def test_kinds_differ() -> None:
    assert len({record_type.kind for record_type in RECORD_TYPES}) == len(RECORD_TYPES)


def test_the_same_reference_of_two_sims_is_two_records() -> None:
    keys = {SentRef(serial=1, sim=sim, ref=5, state="sent", wants_report=False).key for sim in ("a", "b")}
    assert len(keys) == 2
