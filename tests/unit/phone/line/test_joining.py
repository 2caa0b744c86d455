"""A sent-as-SMS notice joins one SMS to one message, in whatever order they come; without one nothing is joined."""

from collections.abc import Callable

import pytest

from sayso.phone.core.notices import sms_digest
from sayso.phone.core.texts import Channel, Direction, InState, Text
from sayso.phone.line.joining import Joining
from sayso.protocol.content import SmsNotice
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Phone, Town

WORDS, MANGLED, ID = "see you at the café", "see you at the caf?", b"m" * 16


def _at_bobs(play: Callable[[Phone, Joining], None]) -> None:
    async def main() -> None:
        bob = Town().phone(BOB)
        async with bob.running():
            play(bob, Joining(bob.service._world, bob.line))

    run(main())


def _add(bob: Phone, joining: Joining, channel: Channel, words: str, message_id: bytes) -> None:
    row = Text(
        line=bob.line,
        number=ALICE,
        message_id=message_id,
        direction=Direction.IN,
        channel=channel,
        text=words,
        state=InState.NEW,
        at=bob.town.clock.wall(),
    )
    with bob.store.transaction("test"):
        # As the inbox does: a message whose id has been seen is not shown.
        if channel is Channel.CLOUD and bob.store.seen.message(bob.line, ALICE, message_id):
            return
        row = bob.store.texts.add(row)
        if channel is Channel.CLOUD:
            joining.message_came(ALICE, message_id)
        else:
            joining.sms_came(row)


def _notice(bob: Phone, joining: Joining, words: str = WORDS) -> None:
    with bob.store.transaction("test"):
        joining.notice_came(ALICE, SmsNotice(ID, sms_digest(words), 1))


@pytest.mark.parametrize("words", [WORDS, MANGLED], ids=["as-sent", "changed"])
@pytest.mark.parametrize("order", ["nms", "nsm", "mns", "msn", "snm", "smn"])
def test_in_any_order_it_is_shown_once(order: str, words: str) -> None:
    def play(bob: Phone, joining: Joining) -> None:
        for what in order:
            if what == "n":
                _notice(bob, joining)
            elif what == "m":
                _add(bob, joining, Channel.CLOUD, WORDS, ID)
            else:
                _add(bob, joining, Channel.SMS, words, b"s" * 16)
        assert len(bob.texts(ALICE)) == 1
        assert not bob.store.notices.open(bob.line, ALICE)

    _at_bobs(play)


def test_two_oks_stay_two() -> None:
    def play(bob: Phone, joining: Joining) -> None:
        for number in range(2):
            _add(bob, joining, Channel.SMS, "ok", bytes([number]) * 16)
        _add(bob, joining, Channel.CLOUD, "ok", ID)
        assert len(bob.texts(ALICE)) == 3
        _notice(bob, joining, "ok")
        assert len(bob.texts(ALICE)) == 2  # one of the SMS is the message; the other was meant
        _notice(bob, joining, "ok")
        assert len(bob.texts(ALICE)) == 2

    _at_bobs(play)


def test_what_is_alike_is_never_hidden() -> None:
    def play(bob: Phone, joining: Joining) -> None:
        _add(bob, joining, Channel.CLOUD, "meet me at 5", ID)
        _notice(bob, joining, "meet me at 5")
        _add(bob, joining, Channel.SMS, "meet me at 6", b"s" * 16)
        assert [row.text for row in bob.texts(ALICE)] == ["meet me at 5", "meet me at 6"]

    _at_bobs(play)
