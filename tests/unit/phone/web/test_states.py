"""What a person is told of a message: a word for every state and reason, and never more than is known."""

from dataclasses import replace

import pytest

from sayso.phone.command_types import Waiting
from sayso.phone.core.outgoing import Reason, State
from sayso.phone.core.texts import SENTENCES, Channel, Direction, Text, Word
from sayso.phone.web.states import preview, shown_reason, shown_state

TEXT = Text(
    line=b"l" * 16,
    number="+447700900102",
    message_id=b"m" * 16,
    direction=Direction.OUT,
    channel=Channel.CLOUD,
    text="hello\n  there",
    state=State.QUEUED,
    at=1.0,
)


def same(sentence: str) -> str:
    return sentence


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_word_of_its_own_kind(state: State) -> None:
    shown = shown_state(replace(TEXT, state=state), None, "", same)
    assert shown.word != state.value
    assert ("elivered" in shown.word and "Not" not in shown.word) == (state in {State.DELIVERED, State.SMS_DELIVERED})
    assert (shown.word == "Read") == (state is State.READ)


@pytest.mark.parametrize("reason", [*Reason, *Word])
def test_every_reason_is_said_in_the_apps_own_words(reason: str) -> None:
    said = shown_reason(replace(TEXT, reason=reason), same)
    assert said
    assert said != SENTENCES[reason]


def test_a_reason_of_tomorrow_is_said_as_it_stands() -> None:
    assert shown_reason(replace(TEXT, reason="of-tomorrow"), same) == ""
    assert shown_reason(TEXT, same) == ""


def test_what_the_owner_can_do_is_what_the_phone_says() -> None:
    waiting = Waiting(what="owner", until=None, then=None, choices=["send-as-sms", "cancel"])
    shown = shown_state(replace(TEXT, reason=Reason.ASK), waiting, "", same)
    assert (shown.tone, shown.choices, shown.may_be_sent_again) == ("waits", ("send-as-sms", "cancel"), False)
    assert shown.wants_attention


def test_what_happens_by_itself_is_said_with_its_time() -> None:
    waiting = Waiting(what="recipient", until=1.0, then="sms", choices=["cancel"])
    shown = shown_state(replace(TEXT, state=State.ACCEPTED), waiting, "14:30", same)
    assert shown.next == "By SMS at 14:30, unless it arrives before."
    assert not shown.wants_attention, "nobody has to do anything"
    asked = Waiting(what="owner", until=None, then=None, choices=["cancel"])
    assert shown_state(replace(TEXT, state=State.ACCEPTED), asked, "", same).wants_attention


def test_a_text_that_failed_may_be_sent_again() -> None:
    failed = replace(TEXT, state=State.FAILED, reason=Reason.EXPIRED)
    assert shown_state(failed, None, "", same).choices == ("send-as-sms",)
    assert shown_state(failed, None, "", same).may_be_sent_again
    assert shown_state(replace(failed, reason=Reason.SMS_FAILED), None, "", same).choices == ()


def test_a_preview_is_one_short_line() -> None:
    assert preview(TEXT, same) == "hello there"
    assert len(preview(replace(TEXT, text="x" * 10_000), same)) == 200
    system = replace(TEXT, direction=Direction.SYSTEM, text="", reason=Word.KEY_CHANGED)
    assert preview(system, same).startswith("This number has other keys")
