"""Which SMS a notice means: by its digest, by the message itself, and never without a notice."""

from sayso.phone.core.notices import WINDOW_S, Notice, sms_digest, the_notice, the_sms
from sayso.phone.core.texts import Channel, Direction, InState, Text

NOW = 1_800_000_000.0
LINE, ALICE = b"l" * 16, "+447700900101"


def _sms(text: str, place: int = 1, *, at: float = NOW, came_at: float = 0.0) -> Text:
    return Text(
        id=place,
        line=LINE,
        number=ALICE,
        message_id=place.to_bytes(16, "big"),
        direction=Direction.IN,
        channel=Channel.SMS,
        text=text,
        state=InState.NEW,
        at=at,
        came_at=came_at,
    )


def _notice(text: str, message: bytes = b"m" * 16, *, at: float = NOW) -> Notice:
    return Notice(line=LINE, number=ALICE, message_id=message, sha256=sms_digest(text), parts=1, at=at)


def test_one_notice_takes_one_of_two_alike() -> None:
    first, second = _sms("ok", 1), _sms("ok", 2)
    assert the_sms(_notice("ok"), [first, second], message=None) is first


def test_letters_that_the_carrier_changed() -> None:
    notice = _notice("Grüße aus Łódź 👍")
    assert the_sms(notice, [_sms("Gruesse aus Lodz ?")], message=None) is None  # a text hidden wrongly would be lost
    came = _sms("Gruße aus ?odz ?", 2)
    assert the_sms(notice, [_sms("something else", 1), came], message="Grüße aus Łódź 👍") is came
    assert the_sms(notice, [_sms("something else", 1)], message="Grüße aus Łódź 👍") is None


def test_what_is_merely_alike_is_another_text() -> None:
    """To join it would hide it: it would be lost."""
    notice = _notice("meet me at 5")
    assert the_sms(notice, [_sms("meet me at 6")], message="meet me at 5") is None
    assert the_sms(notice, [_sms("meet me at 55")], message="meet me at 5") is None


def test_a_text_of_which_nothing_is_left() -> None:
    notice = _notice("привет")
    assert the_sms(notice, [_sms("??????")], message="привет") is not None
    assert the_sms(notice, [_sms("hello there")], message="привет") is None


def test_a_notice_does_not_reach_into_the_past() -> None:
    assert the_sms(_notice("ok"), [_sms("ok", at=NOW - WINDOW_S - 1)], message=None) is None


def test_a_notice_finds_its_sms_also_with_a_wrong_clock() -> None:
    """The SMS was here first, under a stamp of last year: not joined, the text would stand there twice."""
    long_ago = NOW - 300 * 86_400
    assert the_sms(_notice("ok"), [_sms("ok", at=long_ago, came_at=NOW - 5)], message="ok") is not None
    assert the_sms(_notice("ok"), [_sms("ok", at=NOW, came_at=NOW - WINDOW_S - 1)], message="ok") is None


def test_an_sms_finds_its_notice_also_with_a_wrong_clock() -> None:
    sms = _sms("ok", at=0.0)
    other, own = _notice("no", b"a" * 16), _notice("ok", b"b" * 16)
    assert the_notice(sms, [(other, None), (own, None)], now=NOW) is own
    assert the_notice(sms, [(own, None)], now=NOW + WINDOW_S + 1) is None
    assert the_notice(sms, [], now=NOW) is None


def test_an_sms_finds_its_notice_by_the_message_that_came() -> None:
    sms = _sms("cafe at nine?")
    assert the_notice(sms, [(_notice("café at nine?"), None)], now=NOW) is None
    notice = _notice("café at nine?")
    assert the_notice(sms, [(_notice("no", b"a" * 16), "no way"), (notice, "café at nine?")], now=NOW) is notice
