"""The state machine of a text, driven through every order of events that hypothesis can think of."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sayso.phone.core.outgoing import (
    MAY_GO_BY_SMS,
    UNDER_WAY,
    WITH_MODEM,
    BySms,
    CouldNotBeRead,
    Expired,
    InCustody,
    NoAnswerComes,
    NobodyHasIt,
    Outgoing,
    Reason,
    ReceiptCame,
    RelayDelivered,
    Sealed,
    SimGone,
    SmsState,
    State,
    Waits,
    step,
)
from sayso.protocol.limits import LIMITS

SMS_STATES = {State.SMS_SENDING, State.SMS_SENT, State.SMS_DELIVERED, State.SMS_UNKNOWN}


class Life(RuleBasedStateMachine):
    """A text and a world that knows who really has it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = Outgoing()
        self.cloud_has_it = False
        """The relay or the recipient has it, or may have it."""
        self.sms_has_it = False

    def after(self, event: object) -> None:
        self.text = step(self.text, event)  # type: ignore[arg-type]  # every event of the union

    @precondition(lambda self: self.text.state is State.QUEUED)
    @rule()
    def seal(self) -> None:
        self.after(Sealed())
        self.cloud_has_it = True

    @precondition(lambda self: self.text.state in UNDER_WAY)
    @rule(event=st.sampled_from([InCustody(), RelayDelivered()]))
    def relay_has_it(self, event: object) -> None:
        self.after(event)

    @precondition(lambda self: self.text.state in UNDER_WAY)
    @rule(event=st.sampled_from([NobodyHasIt(), NobodyHasIt(Reason.ASK), CouldNotBeRead(), Expired()]))
    def nobody_has_it(self, event: object) -> None:
        self.after(event)
        self.cloud_has_it = False

    @rule(reason=st.sampled_from([Reason.LEFT, Reason.NO_OUTCOME]))
    def nobody_will_say(self, reason: Reason) -> None:
        self.after(NoAnswerComes(reason))

    @precondition(lambda self: self.cloud_has_it)
    @rule(read=st.booleans())
    def receipt(self, read: bool) -> None:  # noqa: FBT001  hypothesis names it
        self.after(ReceiptCame(read=read))

    @rule(reason=st.sampled_from([Reason.OWNER_CHOSE, Reason.NOT_IN_CLOUD]))
    def by_sms(self, reason: Reason) -> None:
        before = self.text.state
        self.after(BySms(reason))
        if before in MAY_GO_BY_SMS:
            self.sms_has_it = True

    @rule(word=st.sampled_from(["sent", "delivered", "failed", "unknown", "gibberish"]))
    def modem(self, word: str) -> None:
        before = self.text.state
        self.after(SmsState(word))
        if before in WITH_MODEM and self.text.state is State.FAILED:
            self.sms_has_it = False

    @rule()
    def sim_gone(self) -> None:
        self.after(SimGone())

    @rule(reason=st.sampled_from([Reason.NO_CONNECTION, Reason.MAILBOX_FULL]))
    def waits(self, reason: Reason) -> None:
        before = self.text.state
        self.after(Waits(reason))
        assert self.text.state is before

    @invariant()
    def never_by_both_ways(self) -> None:
        assert not (self.cloud_has_it and self.sms_has_it)

    @invariant()
    def sms_states_only_with_an_sms(self) -> None:
        assert self.sms_has_it == (self.text.state in SMS_STATES)

    @invariant()
    def resends_are_bounded(self) -> None:
        assert self.text.resends <= LIMITS.resend_unreadable


TestLife = Life.TestCase


def test_a_read_text_stays_read() -> None:
    read = Outgoing(state=State.READ)
    for event in (ReceiptCame(read=False), InCustody(), Expired(), NobodyHasIt(), BySms(Reason.ASK), SmsState("sent")):
        assert step(read, event) == read


def test_a_receipt_beats_an_expired_outcome() -> None:
    """A lying or mistaken relay cannot make a delivered text look lost."""
    expired = step(Outgoing(state=State.ACCEPTED), Expired())
    assert step(expired, ReceiptCame(read=False)).state is State.DELIVERED


def test_a_receipt_does_not_touch_an_sms_that_was_not_announced() -> None:
    sent = Outgoing(state=State.SMS_SENT)
    assert step(sent, ReceiptCame(read=True)) == sent
    assert step(Outgoing(state=State.SMS_SENT, doubt=True), ReceiptCame(read=False)).state is State.DELIVERED


def test_the_third_unreadable_fails() -> None:
    text = Outgoing(state=State.ACCEPTED, resends=LIMITS.resend_unreadable)
    assert step(text, CouldNotBeRead()) == Outgoing(
        state=State.FAILED, reason=Reason.UNREADABLE, resends=LIMITS.resend_unreadable
    )


def test_a_sim_that_comes_back_settles_what_was_unknown() -> None:
    unknown = step(Outgoing(state=State.SMS_SENDING, reason=Reason.NOT_IN_CLOUD), SimGone())
    assert unknown.state is State.SMS_UNKNOWN
    assert step(unknown, SmsState("unknown")).state is State.SMS_SENDING
    assert step(unknown, SmsState("sent")).state is State.SMS_SENT
    assert step(unknown, SmsState("delivered")).state is State.SMS_DELIVERED


def test_a_modem_that_forgot_a_sent_sms_leaves_it_unknown_and_nothing_is_sent_again() -> None:
    forgotten = step(Outgoing(state=State.SMS_SENT), SmsState("unknown"))
    assert (forgotten.state, forgotten.reason) == (State.SMS_UNKNOWN, Reason.SMS_FORGOTTEN)
    assert step(forgotten, SmsState("unknown")) == forgotten


def test_a_queued_text_waits_for_the_owner() -> None:
    waiting = step(Outgoing(), Waits(Reason.ASK))
    assert waiting == Outgoing(state=State.QUEUED, reason=Reason.ASK)
    assert step(waiting, BySms(Reason.OWNER_CHOSE)).state is State.SMS_SENDING
