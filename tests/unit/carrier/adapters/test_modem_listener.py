"""Phones at their modems: attaching, hanging up, and phones that misbehave."""

import asyncio
import socket
from pathlib import Path

import pytest

from sayso.carrier.adapters import modem_listener
from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.app import CarrierConfig
from sayso.carrier.control import ListSims
from sayso.carrier.core.events import AddSim, Inject, RemoveModem
from sayso.carrier.errors import BadValueError
from sayso.protocol.modem import (
    AskSent,
    Attach,
    DeleteSms,
    ListSms,
    ModemError,
    SendSms,
    SentStatus,
    SmsAccepted,
    SmsReceived,
    SmsReport,
)
from tests.aio import run
from tests.fakes.carrier_phone import BarePhone, running_carrier

ALICE, BOB = "+447700900001", "+447700900002"


def test_a_text_goes_from_phone_to_phone_over_real_sockets(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            await ask.call(AddSim(name="bob", number=BOB))
            alice = await BarePhone.attach(carrier.modems / "alice.sock")
            bob = await BarePhone.attach(carrier.modems / "bob.sock")
            await alice.say(SendSms(7, BOB, "hello 😀", True))
            assert await alice.next() == SmsAccepted(7)
            stored = await bob.hear(SmsReceived)
            assert (stored.sender, stored.text) == (ALICE, "hello 😀")
            assert await alice.next() == SmsReport(7, delivered=True)
            await alice.close()
            await bob.close()

    run(scenario())


def test_undeleted_sms_are_announced_again_to_whoever_attaches(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            phone = await BarePhone.attach(carrier.modems / "alice.sock")
            for text in ("one", "two"):
                await ask.call(Inject(sender="BANK", to=ALICE, text=text))
            one, two = await phone.hear(SmsReceived), await phone.hear(SmsReceived)
            await phone.say(DeleteSms(one.index))
            await phone.close()
            phone = await BarePhone.attach(carrier.modems / "alice.sock")
            assert await phone.next() == two
            await phone.say(ListSms())
            assert await phone.next() == two
            await phone.close()

    run(scenario())


def test_a_second_phone_replaces_the_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            first = await BarePhone.attach(carrier.modems / "alice.sock")
            second = await BarePhone.attach(carrier.modems / "alice.sock")
            assert (await first.hear(ModemError)).code == "replaced"
            assert await first.next() is None
            await second.say(AskSent(1))
            assert await second.next() == SentStatus(1, "unknown")
            (sim,) = (await ask.call(ListSims())).sims or []
            assert sim.attached
            await first.close()
            await second.close()

    run(scenario())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00\x00\x00\x01\xc1", "bad-frame"),
        (b"GET / HTTP/1.1\r\n\r\n", "bad-frame"),
        (b"\x00\x00\x00\x06\x91\xa4list", "not-attached"),
        (b"\x00\x00\x00\x09\x92\xa6attach\x02", "version"),
    ],
)
def test_who_speaks_wrongly_is_told_and_hung_up(tmp_path: Path, data: bytes, code: str) -> None:
    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            phone = await BarePhone.connect(carrier.modems / "alice.sock")
            await phone.say_bytes(data)
            assert (await phone.hear(ModemError)).code == code
            assert await phone.next() is None
            await phone.close()
            (await BarePhone.attach(carrier.modems / "alice.sock")).writer.close()

    run(scenario())


def test_a_modem_that_is_removed_hangs_up_and_a_stopping_carrier_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            await ask.call(AddSim(name="bob", number=BOB))
            waiting = await BarePhone.connect(carrier.modems / "alice.sock")
            other = await BarePhone.attach(carrier.modems / "bob.sock")
            await ask.call(ListSims())  # one turn of the loop, so that the connection has been taken
            await ask.call(RemoveModem(name="alice"))
            assert (await waiting.hear(ModemError)).code == "removed"
            assert not (carrier.modems / "alice.sock").exists()
        assert (await other.hear(ModemError)).code == "stopping"
        for phone in (waiting, other):
            await phone.close()

    run(scenario())


def test_a_phone_that_never_reads_is_hung_up_and_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modem_listener, "UNREAD_BYTES_MAX", 1_000_000)

    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            await ask.call(AddSim(name="bob", number=BOB))
            deaf = socket.socket(socket.AF_UNIX)
            deaf.connect(str(carrier.modems / "alice.sock"))
            deaf.sendall(b"\x00\x00\x00\x09\x92\xa6attach\x01")
            texts = 0
            while (await ask.call(ListSims())).sims and texts < 200:
                await ask.call(Inject(sender="BANK", to=ALICE, text="й" * 15_000))
                texts += 1
                alice = next(sim for sim in (await ask.call(ListSims())).sims or [] if sim.name == "alice")
                if texts > 1 and not alice.attached:
                    break
            assert texts < 200
            bob = await BarePhone.attach(carrier.modems / "bob.sock")
            await bob.close()
            deaf.close()

    run(scenario())


def test_a_name_too_long_for_a_socket_is_refused_before_anything_changes(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * (107 - len(str(tmp_path)) - len("//modems/alice.sock") - 4))

    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=deep)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            with pytest.raises(BadValueError, match="shorter"):
                await ask.call(AddSim(name="alice-with-a-longer-name", number=BOB))
            assert len((await ask.call(ListSims())).sims or []) == 1

    run(scenario())


def test_a_split_attach_is_an_attach(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_carrier(CarrierConfig(data=tmp_path)) as carrier, AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            phone = await BarePhone.connect(carrier.modems / "alice.sock")
            for byte in b"\x00\x00\x00\x09\x92\xa6attach\x01":
                await phone.say_bytes(bytes([byte]))
                await asyncio.sleep(0)
            assert await phone.next() is not None
            await phone.say(Attach(1))
            await phone.close()

    run(scenario())
