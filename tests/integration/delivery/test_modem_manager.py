"""ModemManager's adapter, against python-dbusmock's ModemManager on a real bus, and beside Debian's `mmcli`."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest

from sayso.phone.adapters.modem_manager import ModemManagerModem, attached
from sayso.phone.adapters.modem_manager.choosing import found_modems
from sayso.phone.adapters.system import SystemClock
from sayso.phone.core.sms.incoming import SmsKind
from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import IncomingSms, Modem, Sim, SmsSent, Storage
from tests.accounting import not_tested
from tests.aio import run
from tests.contract.modem import OTHERS, OURS, ModemContract, World
from tests.contract.modem import attached as listening
from tests.fakes.handed_book import FakeBook
from tests.integration.delivery.modem_manager_bus import MockDaemon, mocked

STAMP = "2027-01-15T08:00:00+01"
MMS = b"\x00\x06\x01\xbe\x8c\x82\x98T1\x00\x8d\x92\x89\x19\x80+447700900003/TYPE=PLMN\x00\x96Holiday\x00"

pytestmark = pytest.mark.slow


class MockWorld:
    def __init__(self, daemon: MockDaemon) -> None:
        self.daemon = daemon
        self.book = FakeBook()
        self.modem: Modem = self.another()

    def another(self) -> ModemManagerModem:
        """The phone's process, begun anew: it has its book, and nothing else."""
        return ModemManagerModem(book=self.book, clock=SystemClock(), bus_address=self.daemon.address)

    async def inject(self, sender: str, text: str) -> None:
        await self.put(sender, text)

    async def put(
        self, sender: str, text: str, *, state: int = 3, sms_class: int = -1, data: bytes = b"", stamp: str = STAMP
    ) -> str:
        return str(await self.daemon.network("Inject", "ssusiay", sender, text, state, stamp, sms_class, data))

    async def accepted(self) -> list[tuple[str, str]]:
        return [(to, text) for to, text in await self.daemon.network("Accepted")]

    async def sim(self, what: str) -> None:
        await self.daemon.network("Sim", "s", what)

    async def eject(self) -> None:
        await self.sim("out")

    async def insert(self) -> None:
        await self.sim("in")

    async def lock(self) -> None:
        await self.sim("locked")

    async def cover(self, *, on: bool) -> None:
        await self.daemon.network("Cover", "b", on)

    async def trouble(self, error: str = "", *, hangs: bool = False) -> None:
        await self.daemon.network("Trouble", "sb", error, hangs)

    async def vanish(self) -> None:
        self.daemon.stop()

    async def come_back(self) -> None:
        await self.daemon.start()
        await self.inject("+447700900003", "kept")  # what a SIM keeps while ModemManager is away


@asynccontextmanager
async def mock_world() -> AsyncIterator[MockWorld]:
    async with mocked(OURS, OTHERS) as daemon:
        yield MockWorld(daemon)


class TestModemManager(ModemContract):
    carries_nul = False

    def world(self) -> AbstractAsyncContextManager[World]:
        return self._world()

    @asynccontextmanager
    async def _world(self) -> AsyncIterator[World]:
        async with mock_world() as world:
            yield world

    # ---- what only ModemManager does ----

    def test_what_is_no_plain_text_is_told_as_what_it_is(self) -> None:
        async def main() -> None:
            async with mock_world() as world, listening(world.modem) as ears:
                await world.put("+447700900003", "look!", sms_class=0)
                await world.put("+447700900111", "", data=MMS)
                await world.put("+447700900003", "", data=b"\x01\x02")
                await world.inject("Fiction", "")
                told = [await ears.next(IncomingSms) for _ in range(4)]
                assert [(sms.kind, sms.sender, sms.text) for sms in told] == [
                    (SmsKind.FLASH, "+447700900003", "look!"),
                    (SmsKind.MMS, "+447700900003", "Holiday"),
                    (SmsKind.BINARY, "+447700900003", ""),
                    (SmsKind.TEXT, "Fiction", ""),
                ]

        run(main())

    @pytest.mark.parametrize(
        ("stamp", "at"), [(STAMP, 1_799_996_400.0), ("270115070000+04", 1_799_992_800.0), ("soon", 0.0), ("", 0.0)]
    )
    def test_clocks(self, stamp: str, at: float) -> None:
        async def main() -> None:
            async with mock_world() as world, listening(world.modem) as ears:
                await world.put("+447700900003", "x", stamp=stamp)
                assert (await ears.next(IncomingSms)).sent_at == at

        run(main())

    def test_an_sms_is_told_when_all_its_parts_are_there(self) -> None:
        async def main() -> None:
            async with mock_world() as world, listening(world.modem) as ears:
                path = await world.put("+447700900003", "", state=2)
                await world.inject("+447700900003", "later")
                assert (await ears.next(IncomingSms)).text == "later"
                await world.daemon.network("Complete", "s", path)
                assert (await ears.next(IncomingSms)).text == "all of it"

        run(main())

    def test_parts_that_never_come_are_told_and_stay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(attached, "PATIENCE_S", 0.0)

        async def main() -> None:
            async with mock_world() as world, listening(world.modem) as ears:
                path = await world.put("+447700900003", "", state=2)
                partial = await ears.next(IncomingSms)
                assert (partial.kind, partial.sender, partial.stays) == (SmsKind.INCOMPLETE, "+447700900003", True)
                await world.daemon.network("Complete", "s", path)
                assert (await ears.next(IncomingSms)).text == "all of it"

        run(main())

    def test_being_set_up_is_no_missing_sim_and_airplane_mode_is_told(self) -> None:
        async def main() -> None:
            async with mock_world() as world, listening(world.modem) as ears:
                await world.sim("probing")
                await world.sim("disabled")
                assert await ears.next(Sim) == replace(ears.sim, enabled=False)
                await world.sim("in")
                assert await ears.next(Sim) == ears.sim

        run(main())

    def test_a_modem_that_is_reset_is_gone_and_says_nothing_of_the_sim(self) -> None:
        async def main() -> None:
            async with mock_world() as world:
                async with listening(world.modem) as ears:
                    await world.daemon.network("Unplug")
                    await ears.end()
                with pytest.raises(ModemGoneError, match="no modem"):
                    await anext(world.modem.events())

        run(main())

    def test_the_phone_died_after_the_sms_was_sent(self) -> None:
        """The book says no more than that the SMS was given; its object says the rest."""

        async def main() -> None:
            async with mock_world() as world:
                async with listening(world.modem) as ears:
                    await world.modem.send_sms(7, OTHERS, "once")
                    assert (await ears.next(SmsSent)).state == "sent"
                world.book.put(replace(world.book.entries[7], state="handing", network_ref=None))
                phone = world.another()
                async with listening(phone) as ears:
                    await phone.ask_sent(7)
                    assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")
                    await phone.send_sms(7, OTHERS, "once")
                    assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")
                assert len(await world.accepted()) == 1

        run(main())

    def test_the_phone_died_before_the_sms_was_sent(self) -> None:
        async def main() -> None:
            async with mock_world() as world:
                await world.trouble(hangs=True)
                async with listening(world.modem) as ears:
                    await world.modem.send_sms(7, OTHERS, "once")
                path = world.book.entries[7].place.rpartition(" ")[2]
                phone = world.another()
                async with listening(phone) as ears:
                    await phone.ask_sent(7)
                    await world.daemon.network("Finish", "s", path)
                    assert await ears.next(SmsSent) == SmsSent(ref=7, state="sent")
                assert world.book.entries[7].network_ref == 77

        run(main())

    def test_after_a_restart_of_modem_manager_nobody_can_say(self) -> None:
        """Another process of it counts its SMS from zero: the object at the old path is another SMS."""

        async def main() -> None:
            async with mock_world() as world:
                await world.trouble(hangs=True)
                async with listening(world.modem):
                    await world.modem.send_sms(7, OTHERS, "once")
                world.daemon.stop()
                await world.daemon.start()
                async with listening(world.modem) as ears:
                    await world.modem.send_sms(8, OTHERS, "another")
                    assert await ears.next(SmsSent) == SmsSent(ref=8, state="sent")
                    await world.modem.ask_sent(7)
                    assert await ears.next(SmsSent) == SmsSent(ref=7, state="cannot-say")
                    await world.modem.send_sms(7, OTHERS, "once")
                    assert await ears.next(SmsSent) == SmsSent(ref=7, state="cannot-say")
                assert await world.accepted() == [(OTHERS, "another")]

        run(main())

    def test_what_an_error_of_sending_says(self) -> None:
        async def main() -> None:
            error = "org.freedesktop.ModemManager1.Error."
            async with mock_world() as world, listening(world.modem) as ears:
                await world.trouble(f"{error}Message.NetworkNotAllowed")
                await world.modem.send_sms(1, OTHERS, "x")
                assert await ears.next(SmsSent) == SmsSent(ref=1, state="failed")
                await world.trouble(f"{error}Message.NetworkTimeout")
                await world.modem.send_sms(2, OTHERS, "x")
                assert await ears.next(SmsSent) == SmsSent(ref=2, state="cannot-say")
                await world.trouble(f"{error}Message.MemoryFull")
                await world.modem.send_sms(3, OTHERS, "x")
                assert await ears.next(Storage) == Storage(full=True)
                assert await ears.next(SmsSent) == SmsSent(ref=3, state="failed")
                await world.trouble()
                await world.modem.send_sms(1, OTHERS, "x")
                assert await ears.next(SmsSent) == SmsSent(ref=1, state="sent")

        run(main())

    def test_mmcli_sees_the_same(self) -> None:
        """Debian's own program agrees with the stand-in, and with what the adapter does there."""
        mmcli = shutil.which("mmcli")
        if mmcli is None:
            not_tested("ModemManager beside its own program: mmcli is not installed")

        async def ask(world: MockWorld, *arguments: str) -> str:
            environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": world.daemon.address}
            done = await asyncio.to_thread(
                subprocess.run,
                [mmcli, *arguments],
                env=environment,
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            return str(done.stdout)

        async def main() -> None:
            async with mock_world() as world, listening(world.modem) as ears:
                assert "/org/freedesktop/ModemManager1/Modems/8" in await ask(world, "-L")
                await world.modem.send_sms(1, OTHERS, "from the adapter")
                assert (await ears.next(SmsSent)).state == "sent"
                assert "(sent)" in await ask(world, "-m", "any", "--messaging-list-sms")
                shown = await ask(world, "-s", "0", "-K")
                assert "from the adapter" in shown
                assert "delivery-report" in shown
                await ask(world, "-m", "any", f"--messaging-create-sms=number={OURS},text=mmcli")
                await ask(world, "-s", "1", "--send")
                assert (await ears.next(IncomingSms)).text == "mmcli"

        run(main())

    def test_the_modems_that_are_there(self) -> None:
        async def main() -> None:
            async with mock_world() as world:
                (found,) = await found_modems(world.daemon.address)
                assert (found.device, found.model) == ("/sys/devices/fiction/usb1", "E1750")
                wrong = ModemManagerModem(
                    book=world.book, clock=SystemClock(), device="usb2", bus_address=world.daemon.address
                )
                with pytest.raises(ModemGoneError, match="modems"):
                    await anext(wrong.events())

        run(main())


async def first_of(modem: ModemManagerModem) -> None:
    await anext(modem.events())


def test_a_bus_that_is_no_unix_socket_is_not_opened() -> None:
    modem = ModemManagerModem(book=FakeBook(), clock=SystemClock(), bus_address="tcp:host=127.0.0.1,port=9")
    with pytest.raises(ModemGoneError, match="Unix socket"):
        run(first_of(modem))
    modem = ModemManagerModem(book=FakeBook(), clock=SystemClock(), bus_address="unix:path=/nonexistent")
    with pytest.raises(ModemGoneError, match="dbus"):
        run(first_of(modem))
