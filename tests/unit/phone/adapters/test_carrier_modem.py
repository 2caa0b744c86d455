"""What answers at the modem's socket is no modem, or one that goes astray. The rest: tests/contract/modem.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sayso.phone.adapters import carrier_modem
from sayso.phone.adapters.carrier_modem import CarrierModem
from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import ModemEvent, Sim, SmsSent
from sayso.protocol.modem import (
    AskSent,
    Attach,
    Coverage,
    ModemError,
    ModemFrame,
    PhoneFrame,
    SendSms,
    SentStatus,
    SimState,
    SmsAccepted,
    SmsReport,
    encode,
    modem_side_framer,
)
from tests.aio import run

SIM = SimState(
    present=True, locked=False, imsi="001010000000001", iccid="89991010000000001", number=None, imei="1", operator="x"
)
NO_SIM = SimState(present=False, locked=False, imsi="", iccid="", number=None, imei="1", operator="")


class Scripted:
    """A modem whose words the test chooses."""

    def __init__(self, first: bytes, *, hang_up: bool) -> None:
        self.heard: asyncio.Queue[PhoneFrame] = asyncio.Queue()
        self.writer: asyncio.StreamWriter
        self._first = first
        self._hang_up = hang_up

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        framer = modem_side_framer()
        writer.write(self._first)
        while not self._hang_up and (data := await reader.read(65536)):
            for frame in framer.feed(data):
                self.heard.put_nowait(frame)
        writer.close()

    def say(self, *frames: ModemFrame) -> None:
        self.writer.write(b"".join(encode(frame) for frame in frames))


@asynccontextmanager
async def scripted(
    directory: Path, first: bytes, *, hang_up: bool = False
) -> AsyncIterator[tuple[Scripted, CarrierModem]]:
    script = Scripted(first, hang_up=hang_up)
    server = await asyncio.start_unix_server(script.serve, directory / "m.sock")
    try:
        yield script, CarrierModem(directory / "m.sock")
    finally:
        server.close()


async def told(modem: CarrierModem) -> list[ModemEvent]:
    return [event async for event in modem.events()]


def test_it_attaches_and_waits_for_pending_to_become_sent(tmp_path: Path) -> None:
    async def main() -> None:
        async with scripted(tmp_path, encode(SIM) + encode(Coverage(registered=True))) as (script, modem):
            events = modem.events()
            assert isinstance(await anext(events), Sim)
            assert await script.heard.get() == Attach(1)
            await modem.send_sms(3, "+447700900001", "x")
            assert await script.heard.get() == SendSms(3, "+447700900001", "x", delivery_report=True)
            script.say(SentStatus(3, "pending"), SmsAccepted(3), SmsReport(3, delivered=True))
            assert [await anext(events), await anext(events)] == [
                SmsSent(ref=3, state="sent"),
                SmsSent(ref=3, state="delivered"),
            ]
            script.writer.close()
            assert [event async for event in events] == []

    run(main())


def test_what_cannot_be_read_now_is_asked_again_with_a_sim(tmp_path: Path) -> None:
    async def main() -> None:
        async with scripted(tmp_path, encode(NO_SIM)) as (script, modem):
            events = modem.events()
            await anext(events)
            await script.heard.get()
            await modem.ask_sent(5)
            assert await script.heard.get() == AskSent(5)
            script.say(SentStatus(5, "unreadable"), SIM)
            assert isinstance(await anext(events), Sim)
            assert await script.heard.get() == AskSent(5)
            script.say(SentStatus(5, "failed"), SIM)
            assert await anext(events) == SmsSent(ref=5, state="failed")
            assert isinstance(await anext(events), Sim)
            await modem.ask_sent(6)
            assert await script.heard.get() == AskSent(6), "a settled one is not asked again"
            script.writer.close()
            assert [event async for event in events] == []

    run(main())


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"HTTP/1.1 200 OK\r\n\r\n",
        encode(Coverage(registered=True)),
        encode(SmsAccepted(1)),
        encode(ModemError("version", "")),
        encode(SIM)[:-1],
        encode(AskSent(1)),
    ],
)
def test_no_modem(tmp_path: Path, first: bytes) -> None:
    async def main() -> None:
        async with scripted(tmp_path, first, hang_up=True) as (_, modem):
            with pytest.raises(ModemGoneError):
                await told(modem)
            with pytest.raises(ModemGoneError):
                await modem.ask_sent(1)

    run(main())


def test_garbage_after_a_good_beginning(tmp_path: Path) -> None:
    async def main() -> None:
        async with scripted(tmp_path, encode(SIM) + b"\xff\xff\xff\xff", hang_up=True) as (_, modem):
            with pytest.raises(ModemGoneError):
                await told(modem)

    run(main())


def test_a_modem_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier_modem, "_FIRST_WORD_S", 0.05)

    async def main() -> None:
        async with scripted(tmp_path, b"") as (_, modem):
            with pytest.raises(ModemGoneError):
                await told(modem)

    run(main())


def test_no_socket(tmp_path: Path) -> None:
    with pytest.raises(ModemGoneError, match="carrier"):
        run(told(CarrierModem(tmp_path / "none.sock")))
    (tmp_path / "file").write_text("")
    with pytest.raises(ModemGoneError):
        run(told(CarrierModem(tmp_path / "file")))


def test_errors_name_no_number(tmp_path: Path) -> None:
    with pytest.raises(ModemGoneError) as gone:
        run(CarrierModem(tmp_path / "none.sock").send_sms(1, "+447700900001", "secret"))
    assert "7700" not in str(gone.value)
    assert "secret" not in str(gone.value)
