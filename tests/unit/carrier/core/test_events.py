"""Wishes in JSON: the words of the control socket, and what it refuses."""

import msgspec
import pytest

from sayso.carrier.core.events import AddSim, Inject, InsertSim, SetCoverage, Submitted, Wish


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        ('{"op":"add-sim","name":"alice","number":"+447700900001"}', AddSim(name="alice", number="+447700900001")),
        ('{"op":"coverage","name":"alice","on":false}', SetCoverage(name="alice", on=False)),
        ('{"op":"insert-sim","name":"alice","modem":"bob"}', InsertSim(name="alice", modem="bob")),
        (
            '{"op":"inject","from":"BANK","to":"+447700900001","text":"hi"}',
            Inject(sender="BANK", to="+447700900001", text="hi"),
        ),
    ],
)
def test_a_line_is_the_event(line: str, wish: Wish) -> None:
    assert msgspec.json.decode(line, type=Wish) == wish


@pytest.mark.parametrize(
    "line",
    [
        '{"op":"add-sim","name":"Alice","number":"+447700900001"}',
        '{"op":"add-sim","name":"../alice","number":"+447700900001"}',
        '{"op":"add-sim","name":"alice\\n","number":"+447700900001"}',
        '{"op":"add-sim","name":"","number":"+447700900001"}',
        '{"op":"add-sim","name":"alice","number":"07700900001"}',
        '{"op":"add-sim","name":"alice","number":"+447700900001\\n"}',
        '{"op":"add-sim","name":"alice","number":"+٤٤٧٧٠٠٩٠٠٠٠١"}',
        '{"op":"loss","probability":1.5}',
        '{"op":"delay","seconds":-1}',
        '{"op":"delay","seconds":1e300}',
        '{"op":"delay","seconds":NaN}',
        '{"op":"coverage","name":"alice","on":false,"also":1}',
        '{"op":"coverage","name":"alice"}',
        '{"op":"unheard-of"}',
    ],
)
def test_a_wish_that_cannot_be_is_no_event(line: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        msgspec.json.decode(line, type=Wish)


def test_no_number_or_text_in_a_submissions_repr() -> None:
    assert repr(Submitted("BANK", ("+447700900001",), "secret")) == "Submitted()"
