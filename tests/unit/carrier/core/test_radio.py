"""The radio: frames for phones that are there, none for others."""

from sayso.carrier.core.ledger import Ledger
from sayso.carrier.core.radio import Radio, received
from sayso.carrier.core.records import Modem, SentRef, Sim, StoredSms
from sayso.protocol.modem import Coverage, SmsReport

SIM = Sim(name="alice", number="+447700900001", imsi="1", iccid="2", modem="one")


def test_nothing_is_said_where_nobody_is_attached() -> None:
    radio = Radio(Ledger([SIM, Modem(name="one", imei="3")]))
    radio.announce("one")
    radio.announce(None)
    radio.to_phone(None, Coverage(registered=True))
    assert radio.drain() == []


def test_readable_registered_reachable() -> None:
    for sim, coverage, attached, registered, reachable in (
        (SIM, True, True, True, True),
        (SIM, True, False, True, False),
        (SIM, False, True, False, False),
        (Sim(name="alice", number=SIM.number, imsi="1", iccid="2", modem="one", locked=True), True, True, False, False),
        (Sim(name="alice", number=SIM.number, imsi="1", iccid="2"), True, True, False, False),
    ):
        radio = Radio(Ledger([sim, Modem(name="one", imei="3", coverage=coverage)]))
        if attached:
            radio.attach("one")
        assert (radio.is_registered(sim), radio.is_reachable(sim)) == (registered, reachable)


def test_a_due_report_is_pushed_once_and_noted() -> None:
    ref = SentRef(serial=1, sim="alice", ref=5, state="failed", wants_report=True, report_due=True)
    ledger = Ledger([SIM, Modem(name="one", imei="3"), ref])
    radio = Radio(ledger)
    radio.attach("one")
    radio.announce_coverage("one")
    reports = [sent.frame for sent in radio.drain() if isinstance(sent.frame, SmsReport)]
    assert reports == [SmsReport(5, delivered=False)]
    assert not ledger.refs["alice"][5].report_due


def test_the_frame_of_a_stored_sms_has_all_that_is_stored() -> None:
    frame = received(StoredSms(index=4, sim="alice", sender="BANK", text="hi", sent_at=9, parts=2))
    assert (frame.index, frame.sender, frame.text, frame.sent_at, frame.parts) == (4, "BANK", "hi", 9, 2)
