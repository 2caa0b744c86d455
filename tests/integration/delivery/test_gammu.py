"""Gammu's adapter through its real process and libGammu's dummy driver; Debian's `gammu` program plays the network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sayso.phone.adapters.gammu import GammuSource
from sayso.phone.adapters.programs import Worker, gammu_worker
from sayso.phone.core.sms.incoming import SmsKind
from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import IncomingSms, Sim, SmsSent
from tests.aio import run
from tests.contract.modem import attached
from tests.fakes.gammu import SMS
from tests.integration.delivery.gammu_phone import BOB, GammuPhone

pytestmark = pytest.mark.slow
LONG = "All of this is one text, and it takes more than one part: " + "abc defg " * 40


@pytest.fixture
def phone(tmp_path: Path) -> GammuPhone:
    return GammuPhone(tmp_path)


@asynccontextmanager
async def worker(phone: GammuPhone) -> AsyncIterator[Worker]:
    async with gammu_worker(str(phone.config)) as link:
        yield link


def test_the_sim_and_an_sms(phone: GammuPhone) -> None:
    phone.receive("Grüße €")

    async def main() -> None:
        modem = phone.modem()
        async with attached(modem) as ears:
            assert ears.sim == Sim(
                present=True, locked=False, imsi="994299429942994", iccid="", number=None, operator="GammuT3l"
            )
            sms = await ears.next(IncomingSms)
            assert (sms.sender, sms.text, sms.kind) == (BOB, "Grüße €", SmsKind.TEXT)
            assert sms.sent_at > 0
            await modem.delete_sms(sms.index)
            assert phone.stored() == []
            await modem.delete_sms(sms.index)

    run(main())


def test_the_recorded_fake_answers_in_the_form_of_the_real_one(phone: GammuPhone) -> None:
    phone.receive("hello")

    async def main() -> None:
        async with worker(phone) as link:
            answer = await link.ask({"do": "look"})
            looked = answer["ok"]
            assert isinstance(looked, dict)
            assert set(looked) == {"security", "imsi", "network", "full", "sms"}
            (sms,) = looked["sms"]
            assert {name: type(value) for name, value in sms.items()} == {
                name: type(value) for name, value in SMS.items()
            }
            assert await link.ask({"do": "something else"}) == {"error": "ERR_NOTSUPPORTED"}
            assert await link.ask({"do": "delete", "location": sms["location"]}) == {"ok": None}
            assert await link.ask({"do": "delete", "location": sms["location"]}) == {"ok": None}

    run(main())


def test_a_long_text_is_told_when_its_last_part_is_there(phone: GammuPhone) -> None:
    phone.receive(LONG, "-len", "600")
    first, *others = phone.stored()
    assert others
    late = others[-1].read_bytes()
    others[-1].unlink()

    async def main() -> None:
        modem = phone.modem()
        async with attached(modem) as ears:
            phone.receive("meanwhile")
            assert (await ears.next(IncomingSms)).text == "meanwhile"
            others[-1].with_name("new").write_bytes(late)
            others[-1].with_name("new").rename(others[-1].with_name("99"))
            whole = await ears.next(IncomingSms)
            assert whole.text == LONG.strip() or whole.text == LONG
            await modem.delete_sms(whole.index)
            assert len(phone.stored()) == 1
            assert not first.exists()

    run(main())


def test_a_part_that_never_comes(phone: GammuPhone) -> None:
    phone.receive(LONG, "-len", "600")
    phone.stored()[0].unlink()

    async def main() -> None:
        async with attached(phone.modem(patience_s=0.0)) as ears:
            told = await ears.next(IncomingSms)
            assert told.kind is SmsKind.INCOMPLETE
            assert told.text.startswith("…")
            assert LONG.endswith(told.text[1:]) or LONG.strip().endswith(told.text[1:])

    run(main())


def test_flash_and_alphanumeric_sender(phone: GammuPhone) -> None:
    phone.receive("look!", "-flash")
    phone.receive("your parcel", sender="Fiction")

    async def main() -> None:
        async with attached(phone.modem()) as ears:
            told = [await ears.next(IncomingSms), await ears.next(IncomingSms)]
            assert [(sms.kind, sms.sender) for sms in told] == [(SmsKind.FLASH, BOB), (SmsKind.TEXT, "Fiction")]

    run(main())


@pytest.mark.parametrize("text", ["hello", "", LONG, "مرحبا", "\U0001f469\u200d\U0001f467 " * 60])
def test_sending_and_its_report(phone: GammuPhone, text: str) -> None:
    async def main() -> None:
        modem = phone.modem()
        async with attached(modem) as ears:
            await modem.send_sms(7, BOB, text)
            assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")
            entry = phone.book.entries[7]
            assert (entry.state, entry.network_ref) == ("sent", 255)
            report(phone, reference=255)
            assert await ears.next(SmsSent) == SmsSent(ref=7, state="delivered")
            await modem.ask_sent(7)
            assert await ears.next(SmsSent) == SmsSent(ref=7, state="delivered")
        assert phone.stored() == []

    run(main())


def report(phone: GammuPhone, *, reference: int) -> None:
    """Store a delivery report, as `gammu` stores an SMS, with the lines that make it one."""
    phone.receive("x")
    (stored,) = phone.stored()
    lines = stored.read_text(encoding="utf-8").replace("PDU = Deliver", "PDU = Status_Report")
    stored.write_text(lines.replace("MessageReference = 0", f"MessageReference = {reference}"), encoding="utf-8")


def test_a_process_that_dies_is_a_modem_that_is_gone_and_comes_back(phone: GammuPhone) -> None:
    async def main() -> None:
        modem = phone.modem()
        async with attached(modem) as ears:
            phone.config.rename(phone.config.with_name("away"))
            source = modem._source
            assert isinstance(source, GammuSource)
            await source.close()
            await ears.end()
        with pytest.raises(ModemGoneError, match="Gammu"):
            await anext(modem.events())
        phone.config.with_name("away").rename(phone.config)
        async with attached(modem) as ears:
            assert ears.sim.present

    run(main())


def test_a_process_that_is_killed_while_it_sends(phone: GammuPhone) -> None:
    """Nobody can say whether the SMS was sent, and it is not sent again."""

    async def main() -> None:
        modem = phone.modem()
        async with attached(modem) as ears:
            source = modem._source
            assert isinstance(source, GammuSource)
            assert isinstance(source._link, Worker)
            source._link._process.send_signal(19)  # it stands still: what it is asked for is not answered
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(kill_when_noted(phone, source._link))
                with pytest.raises(ModemGoneError):
                    await modem.send_sms(7, BOB, "x")
            await ears.end()
        async with attached(modem) as ears:
            await modem.ask_sent(7)
            assert await ears.next(SmsSent) == SmsSent(ref=7, state="cannot-say")

    run(main())


async def kill_when_noted(phone: GammuPhone, link: Worker) -> None:
    while 7 not in phone.book.entries:  # noqa: ASYNC110  the book has no event
        await asyncio.sleep(0)
    link._process.kill()
