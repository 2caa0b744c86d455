"""What a modem that is looked at does beside what every modem does (tests/contract/test_polled_modems.py)."""

import asyncio
import contextlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from sayso.phone.adapters.gammu import GammuSource
from sayso.phone.adapters.modems import ModemChoice, make_modem, read_choice
from sayso.phone.adapters.polled_modem import TELL_AGAIN_S, PolledModem
from sayso.phone.adapters.programs import SystemPrograms
from sayso.phone.adapters.system import SystemClock
from sayso.phone.adapters.termux import TermuxSource
from sayso.phone.core.sms.incoming import SmsKind
from sayso.phone.errors import CommandError, ModemGoneError
from sayso.phone.ports import HandedSms, IncomingSms, SmsSent, Storage
from tests.aio import run
from tests.contract.modem import OTHERS, OURS, attached
from tests.fakes.gammu import SMS, FakeGammu
from tests.fakes.handed_book import FakeBook
from tests.fakes.phone_clock import FakeClock
from tests.fakes.radio import Radio, Stored
from tests.fakes.termux import FakeTermux


class Android:
    def __init__(self) -> None:
        self.radio = Radio(OURS, others=(OTHERS,))
        self.programs = FakeTermux(self.radio)
        self.book = FakeBook()
        self.modem = PolledModem(
            TermuxSource(self.programs, slot=1), book=self.book, clock=SystemClock(), every_s=0.005
        )


class Old:
    def __init__(self, *, patience_s: float = 3600.0) -> None:
        self.radio = Radio(OURS, others=(OTHERS,))
        self.link = FakeGammu(self.radio)
        self.book = FakeBook()
        self.modem = PolledModem(
            GammuSource(self.link.open), book=self.book, clock=SystemClock(), every_s=0.005, patience_s=patience_s
        )


def test_a_large_inbox_is_read_in_pages() -> None:
    async def main() -> None:
        android = Android()
        for number in range(450):
            android.radio.store(Stored(OTHERS, f"{number}", android.radio.now))
        async with attached(android.modem) as ears:
            assert ears.sim.slot == "1/00101"
            told = [(await ears.next(IncomingSms)).text for _ in range(450)]
            assert told == [str(number) for number in range(450)]
            android.radio.store(Stored(OTHERS, "new", android.radio.now))
            assert (await ears.next(IncomingSms)).text == "new"

    run(main())


def test_what_stays_in_an_inbox_is_told_of_every_week() -> None:
    """The phone forgets its notes of SMS after a while: it would show the whole inbox again after its next start."""

    async def main() -> None:
        clock, radio = FakeClock(), Radio(OURS, others=(OTHERS,))
        modem = PolledModem(TermuxSource(FakeTermux(radio)), book=FakeBook(), clock=clock, every_s=3600.0)
        radio.store(Stored(OTHERS, "stays", radio.now))
        told: list[int] = []

        async def hear() -> None:
            async for event in modem.events():
                told.extend([event.index] if isinstance(event, IncomingSms) else [])

        async with asyncio.TaskGroup() as tasks:
            hearing = tasks.create_task(hear())
            await clock.advance(TELL_AGAIN_S - 3600)
            assert told == [1]
            await clock.advance(2 * 3600)
            assert told == [1, 1]
            await modem.delete_sms(1)
            hearing.cancel()

    run(main())


def test_a_phone_that_died_between_handing_over_and_noting_cannot_say() -> None:
    async def main() -> None:
        for world in (Android(), Old()):
            world.book.put(HandedSms(ref=7, to=OTHERS, place="", state="handing", at=1.0))
            async with attached(world.modem) as ears:
                await world.modem.ask_sent(7)
                assert await ears.next(SmsSent) == SmsSent(ref=7, state="cannot-say")
                await world.modem.send_sms(7, OTHERS, "again?")
                assert await ears.next(SmsSent) == SmsSent(ref=7, state="cannot-say")
            assert world.radio.accepted == []

    run(main())


def test_a_program_that_breaks_off_while_it_sends() -> None:
    async def main() -> None:
        for world in (Android(), Old()):
            (world.programs if isinstance(world, Android) else world.link).breaks_off = True
            async with attached(world.modem) as ears:
                for _ in range(2):
                    await world.modem.send_sms(7, OTHERS, "once")
                    assert await ears.next(SmsSent) == SmsSent(ref=7, state="cannot-say")
            assert len(world.radio.accepted) == 1

    run(main())


def test_a_program_that_refuses() -> None:
    async def main() -> None:
        android = Android()
        android.programs.refuses = b"Please grant the following permission: SEND_SMS\n"
        async with attached(android.modem) as ears:
            await android.modem.send_sms(7, OTHERS, "once")
            assert await ears.next(SmsSent) == SmsSent(ref=7, state="failed")
            android.programs.refuses = b""
            await android.modem.send_sms(7, OTHERS, "once")
            assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")

    run(main())


def test_a_full_storage_is_told_and_has_no_patience() -> None:
    """Parts whose others never come must not keep everybody else's SMS out."""

    async def main() -> None:
        old = Old()
        old.link.extra = [SMS | {"location": 5, "header": "050003d40201", "text": "half of "}]
        async with attached(old.modem) as ears:
            old.radio.full = True
            assert await ears.next(Storage) == Storage(full=True)
            told = await ears.next(IncomingSms)
            assert (told.kind, told.text) == (SmsKind.INCOMPLETE, "half of …")
            await old.modem.delete_sms(told.index)
            assert old.link.extra == []
            old.radio.full = False
            assert await ears.next(Storage) == Storage(full=False)

    run(main())


def test_two_sets_under_one_reference_and_a_picture_notice_in_two_parts() -> None:
    async def main() -> None:
        notice = b"\x2a\x06\x01\xbe\x8c\x82\x96Holiday\x00"
        old = Old()
        old.link.extra = [
            SMS | {"location": 1, "header": "050003d40201", "text": "Happy ", "at": 1000.0},
            SMS | {"location": 2, "header": "050003d40201", "text": "Sad ", "at": 9000.0},
            SMS | {"location": 3, "header": "050003d40202", "text": "Easter", "at": 9001.0},
            SMS | {"location": 4, "header": "050003d40202", "text": "Birthday", "at": 1001.0},
            SMS | {"location": 5, "header": "0b0504 0b8423f0 0003010201".replace(" ", ""), "text": "", "gsm7": False,
                   "data": notice[:5].hex()},
            SMS | {"location": 6, "header": "0b0504 0b8423f0 0003010202".replace(" ", ""), "text": "", "gsm7": False,
                   "data": notice[5:].hex()},
        ]  # fmt: skip
        async with attached(old.modem) as ears:
            told = [await ears.next(IncomingSms) for _ in range(3)]
            assert [(sms.kind, sms.text) for sms in told] == [
                (SmsKind.TEXT, "Happy Birthday"),
                (SmsKind.TEXT, "Sad Easter"),
                (SmsKind.MMS, "Holiday"),
            ]

    run(main())


def test_a_report_about_nobodys_sms_is_deleted_and_one_that_is_not_final_says_nothing() -> None:
    async def main() -> None:
        old = Old()
        async with attached(old.modem) as ears:
            await old.modem.send_sms(7, OTHERS, "x")
            assert (await ears.next(SmsSent)).state == "sent"
            report = SMS | {"report": True, "number": OTHERS, "reference": 1}
            old.link.extra = [report | {"location": 1, "status": 0x21}, report | {"location": 2, "reference": 99}]
            old.radio.store(Stored(OURS, "after", old.radio.now))
            assert (await ears.next(IncomingSms)).text == "after"
            old.link.extra = [report | {"location": 3}]
            assert await ears.next(SmsSent) == SmsSent(ref=7, state="delivered")
        assert old.link.extra == []

    run(main())


def test_only_listed_programs_are_run() -> None:
    for name in ("sh", "curl", "termux-sms-list"):
        with pytest.raises(ModemGoneError, match="not there"):
            run(SystemPrograms().run(name))


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("modemmanager", ModemChoice("modemmanager")),
        ("modemmanager:/sys/devices/x", ModemChoice("modemmanager", "/sys/devices/x")),
        ("termux", ModemChoice("termux")),
        ("termux:1", ModemChoice("termux", "1")),
        ("gammu:/etc/gammurc", ModemChoice("gammu", "/etc/gammurc")),
        ("carrier:./a.sock", ModemChoice("carrier", "./a.sock")),
        ("./a.sock", ModemChoice("carrier", "./a.sock")),
    ],
)
def test_choices(text: str, choice: ModemChoice) -> None:
    assert read_choice(text) == choice
    make_modem(choice, book=FakeBook(), clock=SystemClock())  # opens nothing


@pytest.mark.parametrize(
    "text", ["", "gammu", "gammu:", "carrier:", "termux:9", "termux:x", "termux:\u0661", "bluetooth"]
)
def test_no_choices(text: str) -> None:
    with pytest.raises(CommandError):
        read_choice(text)


def test_a_slot_is_part_of_what_a_sim_is_known_by() -> None:
    async def main() -> None:
        android = Android()
        async with attached(android.modem) as ears:
            first = ears.sim
        other = PolledModem(
            TermuxSource(android.programs, slot=0), book=android.book, clock=SystemClock(), every_s=0.005
        )
        async with attached(other) as ears:
            assert ears.sim == replace(first, slot="0/00101")

    run(main())


@pytest.mark.parametrize("line", ["exit 0", "cat >/dev/null", "cat >/dev/null; exit 1"])
def test_a_program_that_does_not_read_what_it_is_given(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "termux-sms-send"
    program.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with contextlib.suppress(ModemGoneError):
        assert run(SystemPrograms().run("termux-sms-send", "-n", OTHERS, given=b"x" * 1_000_000)) == b""
    with contextlib.suppress(ModemGoneError):
        assert run(SystemPrograms().run("termux-sms-send", "-n", OTHERS)) == b""
