"""When a text goes by SMS: each half of the policy, and never by itself while somebody may have it."""

from dataclasses import replace

import pytest

from sayso.phone.core.fallback import (
    AT_FIRST,
    GIVE_UP_S,
    Awaited,
    Plan,
    Policy,
    Then,
    When,
    after_recall,
    plan,
)
from sayso.phone.core.outgoing import Reason, State, Wish
from sayso.phone.core.texts import Channel, Direction, Text

AT = 1_000.0
TEXT = Text(
    line=b"l" * 16,
    number="+447700900102",
    message_id=b"m" * 16,
    direction=Direction.OUT,
    channel=Channel.CLOUD,
    text="hello",
    state=State.QUEUED,
    at=AT,
)
AFTER = Policy(undelivered=When.AFTER, undelivered_after_s=60, unreachable=When.AFTER, unreachable_after_s=30)
NEVER = Policy(undelivered=When.NEVER, unreachable=When.NEVER)
TOO_LONG = "\u0416" * (255 * 67 + 1)
"""Of signs that need 16 bits: half as many as of others, and too many for 255 parts."""
GIVES_UP = {"at": AT + GIVE_UP_S, "then": Then.FAIL, "why": Reason.GAVE_UP}


def _plan(policy: Policy, *, connected: bool = True, **changes: object) -> Plan | None:
    return plan(replace(TEXT, **changes), policy, connected=connected)  # type: ignore[arg-type]  # fields of Text


def test_without_a_connection_the_unreachable_half_holds() -> None:
    sms = Plan(what=Awaited.CONNECTION, at=AT + 30, then=Then.SMS, why=Reason.SERVER_AWAY)
    assert _plan(AFTER, connected=False) == sms
    ask = _plan(AT_FIRST, connected=False)
    assert ask == Plan(what=Awaited.CONNECTION, at=AT + 600, then=Then.ASK, why=Reason.ASK_UNREACHABLE)
    assert _plan(NEVER, connected=False) == Plan(what=Awaited.CONNECTION, **GIVES_UP)  # type: ignore[arg-type]


def test_a_server_that_does_not_take_it_is_the_undelivered_half() -> None:
    assert _plan(AFTER) == Plan(what=Awaited.SERVER, at=AT + 60, then=Then.SMS, why=Reason.NOT_FETCHED)
    assert _plan(AT_FIRST) == Plan(what=Awaited.SERVER, at=AT + 600, then=Then.ASK, why=Reason.ASK_UNDELIVERED)


def test_who_has_left_the_cloud_is_not_waited_for() -> None:
    for reason in (Reason.ASK, Reason.NEVER_SMS):
        left = _plan(AFTER, reason=reason)
        assert left == Plan(what=Awaited.RECIPIENT, at=AT, then=Then.SMS, why=Reason.LEFT_CLOUD)
    asked = _plan(AT_FIRST, reason=Reason.ASK)
    assert asked == Plan(what=Awaited.OWNER, **GIVES_UP)  # type: ignore[arg-type]
    assert _plan(AT_FIRST, reason=Reason.NEVER_SMS) == Plan(
        what=Awaited.RECIPIENT, at=AT, then=Then.ASK, why=Reason.ASK
    )


@pytest.mark.parametrize("connected", [True, False])
def test_what_the_server_has_is_recalled_by_the_undelivered_half(connected: bool) -> None:  # noqa: FBT001  a case
    due = _plan(AFTER, state=State.ACCEPTED, connected=connected)
    assert due is not None
    assert (due.at, due.then, due.why) == (AT + 60, Then.SMS, Reason.NOT_FETCHED)
    assert due.what is (Awaited.RECIPIENT if connected else Awaited.CONNECTION)
    assert _plan(NEVER, state=State.ACCEPTED, connected=connected) == Plan(what=due.what)
    asked = _plan(AT_FIRST, state=State.ACCEPTED, reason=Reason.ASK_UNDELIVERED, connected=connected)
    assert asked == Plan(what=Awaited.OWNER)


def test_in_doubt_nothing_goes_by_sms_by_itself() -> None:
    due = _plan(AFTER, doubt=True, connected=False)
    assert due is not None
    assert (due.then, due.why) == (Then.ASK, Reason.ASK_DOUBT)


def test_what_does_not_fit_into_sms_waits() -> None:
    assert _plan(AFTER, text=TOO_LONG) == Plan(what=Awaited.SERVER, **GIVES_UP)  # type: ignore[arg-type]


def test_what_else_is_waited_for() -> None:
    assert _plan(AFTER, state=State.DEPOSITED) == Plan(
        what=Awaited.SERVER, at=AT + 60, then=Then.SMS, why=Reason.NOT_FETCHED
    )
    assert _plan(AFTER, state=State.RECALLING) == Plan(what=Awaited.RECALL)
    assert _plan(AFTER, state=State.RECALLING, connected=False) == Plan(what=Awaited.CONNECTION)
    assert _plan(AFTER, state=State.IN_DOUBT) == Plan(what=Awaited.DEVICE)
    assert _plan(AFTER, state=State.SMS_SENDING) == Plan(what=Awaited.MODEM)
    for state in (State.DELIVERED, State.READ, State.UNKNOWN, State.CANCELLED, State.FAILED, State.SMS_SENT):
        assert _plan(AFTER, state=state) is None
    assert _plan(AFTER, state=State.ACCEPTED, reason=Reason.RELAY_SAYS_DELIVERED) is None


def test_what_follows_a_recall_is_decided_anew() -> None:
    wished = replace(TEXT, wish=Wish.POLICY)
    assert after_recall(wished, AFTER) is Reason.NOT_FETCHED
    assert after_recall(wished, NEVER) is None
    assert after_recall(replace(TEXT, wish=Wish.OWNER), NEVER) is Reason.OWNER_CHOSE
    assert after_recall(replace(wished, doubt=True), AFTER) is None
    assert after_recall(replace(wished, state=State.ACCEPTED), AFTER) is None
    assert after_recall(replace(wished, text=TOO_LONG), AFTER) is None
