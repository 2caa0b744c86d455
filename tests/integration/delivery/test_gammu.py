"""Gammu's adapter through its real process and libGammu's dummy driver; Debian's `gammu` program plays the network."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from sayso.phone.adapters.gammu import GammuSource
from sayso.phone.adapters.polled_modem import PolledModem
from sayso.phone.adapters.programs import Worker, gammu_worker
from sayso.phone.core.sms.incoming import SmsKind
from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import IncomingSms, Sim, SmsSent
from tests.accounting import not_tested
from tests.aio import run
from tests.contract.modem import attached
from tests.fakes.gammu import SMS
from tests.fakes.handed_book import FakeBook

pytestmark = pytest.mark.slow
BOB = "+447700900002"
LONG = "All of this is one text, and it takes more than one part: " + "abc defg " * 40


class Phone:
    """libGammu's dummy: a folder that says it is a phone."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("gammu")
        if program is None:
            not_tested("Gammu beside its own program: gammu is not installed")
        self._program = program
        self.folder = folder / "phone"
        self.folder.mkdir()
        self.config = folder / "gammurc"
        self.config.write_text(f"[gammu]\nmodel = dummy\nconnection = none\ndevice = {self.folder}\n", encoding="utf-8")
        self.book = FakeBook()

    def modem(self, *, patience_s: float = 3600.0) -> PolledModem:
        source = GammuSource(partial(gammu_worker, str(self.config)))
        return PolledModem(source, book=self.book, now=lambda: 1_800_000_000.0, every_s=0.02, patience_s=patience_s)

    def gammu(self, *words: str, given: str = "") -> str:
        environment = os.environ | {"LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [self._program, "-c", self.config, *words],
            input=given,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout

    def receive(self, text: str, *more: str, sender: str = BOB) -> None:
        """Store an SMS as `gammu` does, which says of it that it goes out; make of it one that came."""
        before = set(self.stored())
        self.gammu("savesms", "TEXT", "-folder", "1", "-unread", "-sender", sender, *more, "-text", text)
        for file in set(self.stored()) - before:
            lines = file.read_text(encoding="utf-8")
            aside = file.with_name("new")
            aside.write_text(lines.replace("PDU = Submit", "PDU = Deliver"), encoding="utf-8")
            aside.rename(file)

    def stored(self) -> list[Path]:
        inbox = self.folder / "sms" / "1"
        found = [one for one in inbox.iterdir() if one.name.isdigit()] if inbox.exists() else []
        return sorted(found, key=lambda one: int(one.name))


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    return Phone(tmp_path)


@asynccontextmanager
async def worker(phone: Phone) -> AsyncIterator[Worker]:
    async with gammu_worker(str(phone.config)) as link:
        yield link


def test_the_sim_and_an_sms(phone: Phone) -> None:
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


def test_the_recorded_fake_answers_in_the_form_of_the_real_one(phone: Phone) -> None:
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


def test_a_long_text_is_told_when_its_last_part_is_there(phone: Phone) -> None:
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


def test_a_part_that_never_comes(phone: Phone) -> None:
    phone.receive(LONG, "-len", "600")
    phone.stored()[0].unlink()

    async def main() -> None:
        async with attached(phone.modem(patience_s=0.0)) as ears:
            told = await ears.next(IncomingSms)
            assert told.kind is SmsKind.INCOMPLETE
            assert told.text.startswith("…")
            assert LONG.endswith(told.text[1:]) or LONG.strip().endswith(told.text[1:])

    run(main())


def test_flash_and_alphanumeric_sender(phone: Phone) -> None:
    phone.receive("look!", "-flash")
    phone.receive("your parcel", sender="Fiction")

    async def main() -> None:
        async with attached(phone.modem()) as ears:
            told = [await ears.next(IncomingSms), await ears.next(IncomingSms)]
            assert [(sms.kind, sms.sender) for sms in told] == [(SmsKind.FLASH, BOB), (SmsKind.TEXT, "Fiction")]

    run(main())


@pytest.mark.parametrize("text", ["hello", "", LONG, "مرحبا", "\U0001f469\u200d\U0001f467 " * 60])
def test_sending_and_its_report(phone: Phone, text: str) -> None:
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


def report(phone: Phone, *, reference: int) -> None:
    """Store a delivery report, as `gammu` stores an SMS, with the lines that make it one."""
    phone.receive("x")
    (stored,) = phone.stored()
    lines = stored.read_text(encoding="utf-8").replace("PDU = Deliver", "PDU = Status_Report")
    stored.write_text(lines.replace("MessageReference = 0", f"MessageReference = {reference}"), encoding="utf-8")


def test_a_process_that_dies_is_a_modem_that_is_gone_and_comes_back(phone: Phone) -> None:
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


def test_a_process_that_is_killed_while_it_sends(phone: Phone) -> None:
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


async def kill_when_noted(phone: Phone, link: Worker) -> None:
    while 7 not in phone.book.entries:  # noqa: ASYNC110  the book has no event
        await asyncio.sleep(0)
    link._process.kill()
