"""One connection, without I/O."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.smpp.pdus import Command, Framer, Pdu, Receipt, ReceiptState, Status, encode
from sayso.server.adapters.smpp.session import (
    Bound,
    Closed,
    Event,
    InDoubt,
    Login,
    Receipted,
    Rejected,
    Session,
    State,
    Taken,
    Throttled,
    Timing,
)

NUMBER = PhoneNumber("+447700900123")
TIMING = Timing(answer_s=10.0, enquire_s=30.0, window=3)


class Smsc:
    """The other end, by hand: a session, and what it wrote."""

    def __init__(self, *, bound: bool = True) -> None:
        self.now = 1000.0
        self.session = Session(Login(system_id="sayso", password="secret"), TIMING, now=self.now)
        [self.bind] = self.written()
        if bound:
            assert self.says(Command.BIND_TRANSCEIVER_RESP, self.bind.sequence, body=b"smsc\0") == [Bound()]

    def written(self) -> list[Pdu]:
        """What the session wrote since the last look."""
        return Framer().feed(self.session.data_to_send())

    def says(self, command: int, sequence: int, *, status: int = 0, body: bytes = b"") -> list[Event]:
        """Let the session read one PDU."""
        return self.session.receive(encode(command, sequence, status, body), now=self.now)

    def submit(self) -> int:
        return self.session.submit(NUMBER, "code: 1", sender="Sayso", validity_s=60, now=self.now)

    def passes(self, seconds: float) -> list[Event]:
        self.now += seconds
        return self.session.tick(now=self.now)


def test_it_begins_with_a_bind_and_submits_nothing_before_the_answer() -> None:
    smsc = Smsc(bound=False)
    assert smsc.bind.command == Command.BIND_TRANSCEIVER
    assert not smsc.session.has_room()
    smsc.says(Command.BIND_TRANSCEIVER_RESP, smsc.bind.sequence, body=b"smsc\0")
    assert smsc.session.has_room()


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (Command.BIND_TRANSCEIVER_RESP, 0x0D),
        (Command.BIND_TRANSCEIVER_RESP, 0x05),
        (Command.GENERIC_NACK, Status.RINVCMDID),
        (Command.SUBMIT_SM_RESP, 0),
    ],
)
def test_a_refused_bind(command: int, status: int) -> None:
    smsc = Smsc(bound=False)
    [closed] = smsc.says(command, smsc.bind.sequence, status=status)
    assert isinstance(closed, Closed)
    assert closed.refused
    assert smsc.session.state is State.CLOSED


def test_a_bind_that_is_never_answered() -> None:
    smsc = Smsc(bound=False)
    assert smsc.session.wake_at() == smsc.now + 10
    assert smsc.passes(9.9) == []
    assert smsc.passes(0.1) == [Closed("the SMSC does not answer")]
    assert smsc.says(Command.BIND_TRANSCEIVER_RESP, smsc.bind.sequence) == []


def test_before_the_bind_nothing_can_be_delivered() -> None:
    smsc = Smsc(bound=False)
    assert smsc.says(Command.DELIVER_SM, 5) == []
    assert [(pdu.command, pdu.status) for pdu in smsc.written()] == [(Command.GENERIC_NACK, Status.RINVCMDID)]


def test_answers_in_any_order() -> None:
    smsc = Smsc()
    submits = [smsc.submit() for _ in range(3)]
    assert not smsc.session.has_room()
    assert smsc.says(Command.SUBMIT_SM_RESP, submits[2], body=b"c\0") == [Taken(submits[2], "c")]
    assert smsc.session.has_room()
    assert smsc.says(Command.SUBMIT_SM_RESP, submits[0], status=Status.RTHROTTLED) == [Throttled(submits[0])]
    assert smsc.says(Command.SUBMIT_SM_RESP, submits[1], status=0x0B) == [Rejected(submits[1], 0x0B)]
    assert smsc.says(Command.SUBMIT_SM_RESP, submits[1], body=b"again\0") == []
    assert smsc.says(Command.SUBMIT_SM_RESP, 77, body=b"x\0") == []
    assert smsc.session.state is State.BOUND


def test_a_nack_is_a_rejection_whatever_it_says() -> None:
    smsc = Smsc()
    submit = smsc.submit()
    assert smsc.says(Command.GENERIC_NACK, submit, status=0) == [Rejected(submit, 0)]


def test_an_answer_that_does_not_come_leaves_it_in_doubt() -> None:
    smsc = Smsc()
    first = smsc.submit()
    smsc.now += 5
    second = smsc.submit()
    assert smsc.passes(5) == [InDoubt(first)]
    assert smsc.says(Command.SUBMIT_SM_RESP, first, body=b"late\0") == []
    assert smsc.says(Command.SUBMIT_SM_RESP, second, body=b"b\0") == [Taken(second, "b")]


def test_silence_is_asked_about_and_then_over() -> None:
    smsc = Smsc()
    smsc.written()
    assert smsc.session.wake_at() == smsc.now + 30
    assert smsc.passes(30) == []
    [asked] = smsc.written()
    assert asked.command == Command.ENQUIRE_LINK
    assert smsc.says(Command.ENQUIRE_LINK_RESP, asked.sequence) == []
    smsc.passes(30)
    assert len(smsc.written()) == 1
    submit = smsc.submit()
    assert smsc.passes(10) == [InDoubt(submit), Closed("the SMSC does not answer")]


def test_whoever_talks_is_not_asked() -> None:
    smsc = Smsc()
    for _ in range(5):
        smsc.written()
        smsc.passes(29)
        smsc.says(Command.ENQUIRE_LINK, 1)
    assert [pdu.command for pdu in smsc.written()] == [Command.ENQUIRE_LINK_RESP]


def test_the_smsc_says_goodbye() -> None:
    smsc = Smsc()
    submit = smsc.submit()
    smsc.written()
    assert smsc.says(Command.UNBIND, 8) == [InDoubt(submit), Closed("the SMSC said goodbye")]
    assert [(pdu.command, pdu.sequence) for pdu in smsc.written()] == [(Command.UNBIND_RESP, 8)]


def test_we_say_goodbye() -> None:
    smsc = Smsc()
    smsc.written()
    smsc.session.unbind(now=smsc.now)
    smsc.session.unbind(now=smsc.now)
    [unbind] = smsc.written()
    assert not smsc.session.has_room()
    assert smsc.says(Command.UNBIND_RESP, unbind.sequence) == [Closed("unbound")]


def test_a_malformed_delivery_is_rejected_for_good_and_the_connection_goes_on() -> None:
    smsc = Smsc()
    smsc.written()
    assert smsc.says(Command.DELIVER_SM, 9, body=b"\0\1") == []
    assert [(pdu.command, pdu.status, pdu.sequence) for pdu in smsc.written()] == [
        (Command.DELIVER_SM_RESP, Status.RX_P_APPN, 9)
    ]
    assert smsc.session.state is State.BOUND


def test_a_receipt_is_told_and_answered() -> None:
    smsc = Smsc()
    smsc.written()
    text = b"id:77 stat:DELIVRD"
    body = b"\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\0" + bytes([len(text)]) + text
    assert smsc.says(Command.DELIVER_SM, 3, body=body) == [Receipted(Receipt("77", ReceiptState.DELIVERED))]
    assert [(pdu.command, pdu.status, pdu.body) for pdu in smsc.written()] == [(Command.DELIVER_SM_RESP, 0, b"\0")]


def test_a_malformed_answer_ends_it() -> None:
    smsc = Smsc()
    submit = smsc.submit()
    events = smsc.says(Command.SUBMIT_SM_RESP, submit, body=b"endless")
    assert [type(event) for event in events] == [InDoubt, Closed]


def test_a_length_that_lies_ends_it_with_a_word() -> None:
    smsc = Smsc()
    smsc.written()
    [closed] = smsc.session.receive(struct.pack(">IIII", 5, 0, 0, 0), now=smsc.now)
    assert isinstance(closed, Closed)
    assert [(pdu.command, pdu.status) for pdu in smsc.written()] == [(Command.GENERIC_NACK, Status.RINVCMDLEN)]
    assert smsc.session.receive(b"more", now=smsc.now) == []
    assert smsc.passes(1000) == []
    assert smsc.session.lost() == []


def test_its_login_shows_no_password() -> None:
    assert "secret" not in repr(Login(system_id="sayso", password="secret"))


class TestAnySmsc:
    """Whatever an SMSC says and when: each SMS gets one outcome, and the window holds."""

    @given(
        st.lists(
            st.one_of(
                st.tuples(
                    st.sampled_from([*Command, 0x103, 0x80000103]),
                    st.integers(0, 12),
                    st.sampled_from([0, 0x58, 0x0B]),
                    st.sampled_from([b"", b"id\0", b"endless"]),
                ),
                st.floats(0, 40),
                st.just("submit"),
                st.just("unbind"),
            ),
            max_size=60,
        )
    )
    def test_one_outcome_for_each(self, steps: list[tuple[Command, int, int, bytes] | float | str]) -> None:
        smsc = Smsc()
        submitted: list[int] = []
        events: list[Event] = []
        for step in steps:
            match step:
                case "submit":
                    if smsc.session.has_room():
                        submitted.append(smsc.submit())
                case "unbind":
                    smsc.session.unbind(now=smsc.now)
                case float(seconds):
                    events += smsc.passes(seconds)
                case (command, sequence, status, body):
                    events += smsc.says(command, sequence, status=status, body=body)
            assert len(smsc.session._submits) <= TIMING.window
        events += smsc.session.lost()
        outcomes = [event.submit for event in events if isinstance(event, Taken | Throttled | Rejected | InDoubt)]
        assert sorted(outcomes) == sorted(submitted)
        assert sum(isinstance(event, Closed) for event in events) == 1
