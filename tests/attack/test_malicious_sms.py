"""Somebody sends SMS that lie, or never end. Nothing crashes, nothing is lost, a person can see what happened."""

from collections.abc import Mapping
from random import Random

from sayso.phone.adapters.gammu import GammuSource
from sayso.phone.adapters.polled_modem import PolledModem
from sayso.phone.adapters.system import SystemClock
from sayso.phone.core.sms.incoming import SmsKind, meaning
from sayso.phone.core.sms.mms import MmsNotice, read_mms_notice
from sayso.phone.ports import IncomingSms
from tests.aio import run
from tests.contract.modem import OURS, attached
from tests.fakes.gammu import SMS, FakeGammu
from tests.fakes.handed_book import FakeBook
from tests.fakes.radio import Radio, Stored

MALLORY = "+447700900666"


def world(*sms: Mapping[str, object], full: bool = False) -> tuple[PolledModem, FakeGammu, Radio]:
    radio = Radio(OURS)
    radio.full = full
    link = FakeGammu(radio)
    link.extra = [{**SMS, "number": MALLORY, "location": place, **one} for place, one in enumerate(sms)]
    return PolledModem(GammuSource(link.open), book=FakeBook(), clock=SystemClock(), every_s=0.005), link, radio


def test_headers_that_lie_about_their_lengths() -> None:
    """The SMS is shown by itself; nothing of the lie is believed."""
    lies = ["05", "ff0003d40201", "0500ffd40201", "040002d402", "0100", "ff" * 140]

    async def main() -> None:
        modem, _, _ = world(*({"header": lie, "text": lie} for lie in lies))
        async with attached(modem) as ears:
            told = [await ears.next(IncomingSms) for _ in lies]
            assert [(sms.kind, sms.text) for sms in told] == [(SmsKind.TEXT, lie) for lie in lies]

    run(main())


def test_unfinished_parts_do_not_keep_others_out() -> None:
    """Mallory fills the storage with first parts. When it is full they are shown, and their places are free."""

    async def main() -> None:
        parts = [{"header": f"050003{reference:02x}0201", "text": "a"} for reference in range(50)]
        modem, link, radio = world(*parts)
        async with attached(modem) as ears:
            radio.store(Stored("+447700900003", "mine", radio.now))
            assert (await ears.next(IncomingSms)).text == "mine"
            radio.full = True
            freed = 0
            while freed < 50:
                event = await anext(ears._events)
                if isinstance(event, IncomingSms):
                    assert event.kind is SmsKind.INCOMPLETE
                    await modem.delete_sms(event.index)
                    freed += 1
            assert link.extra == []

    run(main())


def test_another_senders_parts_do_not_get_into_a_text() -> None:
    """Mallory guesses the reference of a text that is on its way, and sends a second part of her own."""

    async def main() -> None:
        modem, _, _ = world(
            {"number": "+447700900003", "header": "050003d40201", "text": "I will "},
            {"header": "050003d40202", "text": "never come"},
            {"number": "+447700900003", "header": "050003d40202", "text": "come"},
        )
        async with attached(modem) as ears:
            assert (await ears.next(IncomingSms)).text == "I will come"

    run(main())


def test_a_picture_notice_is_bait_that_is_not_taken() -> None:
    """Where the picture lies would tell the sender when, and from which address, it is fetched: it is not even read."""
    notice = b"\x2a\x06\x01\xbe\x8c\x82\x89\x19\x80+447700900666/TYPE=PLMN\x00\x83http://mallory.example/you\x00"
    assert read_mms_notice(notice) == MmsNotice(MALLORY, "", None)
    what = meaning(sender="", text="", data=notice)
    assert (what.kind, what.sender, what.text) == (SmsKind.MMS, MALLORY, "")
    assert not any("example" in str(getattr(what, field)) for field in what.__dataclass_fields__)


def test_noise_in_place_of_data_is_data() -> None:
    random = Random(1)
    for length in range(140):
        what = meaning(sender=MALLORY, text="", data=random.randbytes(length + 1))
        assert what.kind in {SmsKind.BINARY, SmsKind.MMS}
        assert what.text.isprintable()
