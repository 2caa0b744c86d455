"""The row that a person sees."""

from pathlib import Path

from sayso.phone.core.outgoing import BySms, Reason, Sealed, State
from sayso.phone.core.texts import SENTENCES, Channel, Direction, InState, Text, Word, after

TEXT = Text(
    line=bytes(16),
    number="+447700900102",
    message_id=bytes(16),
    direction=Direction.OUT,
    channel=Channel.CLOUD,
    text="hello",
    state=State.QUEUED,
    at=0.0,
)


def test_every_reason_and_word_has_a_sentence() -> None:
    assert set(SENTENCES) == {*Reason, *Word}


def test_every_state_reason_and_word_is_documented() -> None:
    page = (Path(__file__).parents[4] / "docs/reference/message-states.md").read_text(encoding="utf-8")
    for name in (*State, *Reason, *Word, *InState):
        assert f"| `{name}` |" in page


def test_the_channel_turns_with_the_choice_of_sms() -> None:
    assert after(TEXT, Sealed()).channel is Channel.CLOUD
    moved = after(TEXT, BySms(Reason.NOT_IN_CLOUD))
    assert (moved.channel, moved.state, moved.reason) == (Channel.SMS, "sms-sending", "not-in-cloud")


def test_a_late_choice_changes_nothing() -> None:
    deposited = after(TEXT, Sealed())
    assert after(deposited, BySms(Reason.OWNER_CHOSE)) == deposited


def test_a_text_shows_nothing_of_itself() -> None:
    assert "hello" not in repr(TEXT)
    assert "7700" not in repr(TEXT)
