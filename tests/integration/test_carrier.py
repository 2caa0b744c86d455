"""The simulated carrier as a process of its own, killed without warning while texts are on their way."""

import asyncio
import contextlib
import itertools
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import pytest

from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.control import ListSent, ListSims
from sayso.carrier.core.events import AddSim, SetDelay
from sayso.protocol.modem import (
    AskSent,
    DeleteSms,
    SendSms,
    SentState,
    SentStatus,
    SmsAccepted,
    SmsReceived,
    SmsReport,
)
from tests.aio import run
from tests.fakes.carrier_phone import BarePhone

ALICE, BOB = "+447700900001", "+447700900002"
PROGRAM = """
import asyncio, sys
from pathlib import Path
from sayso.carrier.app import CarrierConfig, run
config = CarrierConfig(data=Path(sys.argv[1]))
asyncio.run(run(config, stop=asyncio.Event(), ready=lambda _: print("ready", flush=True)))
"""


@asynccontextmanager
async def carrier_process(data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a carrier; when the block ends it is dead by SIGKILL, whether or not the block killed it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(data), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        while (line := await process.stdout.readline()) != b"ready\n":
            assert line, "the carrier did not start"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        assert await process.wait() == -signal.SIGKILL


@dataclass
class Countdown:
    """Kills the carrier when so many frames and answers have been heard from it; `begun` is set by the first."""

    process: asyncio.subprocess.Process
    left: int
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self) -> None:
        self.begun.set()
        self.left -= 1
        if self.left == 0:
            self.process.kill()


@dataclass
class Sender:
    """Alice: what she wants sent, by reference, and what she knows of it."""

    states: dict[int, SentState] = field(default_factory=dict)

    async def send(self, phone: BarePhone, refs: range, countdown: Countdown) -> None:
        await countdown.begun.wait()  # so that phones and gateway run side by side
        for ref in refs:
            self.states[ref] = "unknown"
            await phone.say(SendSms(ref, BOB, f"text {ref}", True))

    async def listen(self, phone: BarePhone, countdown: Countdown) -> None:
        while (frame := await phone.next()) is not None:
            countdown.heard()
            match frame:
                case SmsAccepted(ref):
                    self.states[ref] = "sent"
                case SmsReport(ref, delivered):
                    self.states[ref] = "delivered" if delivered else "failed"
                case _:
                    raise AssertionError(f"heard {frame}")

    async def ask_and_send_again(self, phone: BarePhone) -> None:
        """After a crash: what the modem does not know was never sent; what was acknowledged it must know."""
        for ref, before in self.states.items():
            await phone.say(AskSent(ref))
            now = await self.status(phone, ref)
            assert now in (("unknown", "sent", "delivered") if before == "unknown" else ("sent", "delivered"))
            if now == "unknown":
                await phone.say(SendSms(ref, BOB, f"text {ref}", True))
            self.states[ref] = "sent" if now == "unknown" else now
            await phone.say(SendSms(ref, BOB, f"text {ref}", True))  # once more, which must change nothing

    async def status(self, phone: BarePhone, ref: int) -> SentState:
        """Read on until the modem says what it knows of `ref`."""
        while True:
            frame = await phone.next()
            assert frame is not None
            if isinstance(frame, SentStatus) and frame.ref == ref:
                return frame.state


@dataclass
class Receiver:
    """Bob: notes each SMS by its index, then deletes it; the notes outlive the carrier."""

    noted: dict[int, str] = field(default_factory=dict)

    async def listen(self, phone: BarePhone, countdown: Countdown) -> None:
        while await self.note(phone):
            countdown.heard()

    async def note(self, phone: BarePhone) -> bool:
        """Take one SMS; False when the modem has hung up."""
        frame = await phone.next()
        if frame is None:
            return False
        assert isinstance(frame, SmsReceived)
        assert self.noted.setdefault(frame.index, frame.text) == frame.text
        await phone.say(DeleteSms(frame.index))
        return True


@dataclass
class Gateway:
    """The registrar's side: what was accepted must arrive; what broke off may or may not."""

    accepted: list[str] = field(default_factory=list)
    broken_off: list[str] = field(default_factory=list)

    async def send(self, data: Path, name: str, countdown: Countdown) -> None:
        """Send one text after the other until the carrier is dead."""
        access = json.loads((data / "carrier.json").read_text())
        async with httpx.AsyncClient() as client:
            for number in itertools.count():
                text = f"{name}/{number}"
                user = {"username": access["username"], "password": access["password"]}
                try:
                    answer = await client.get(access["url"], params=user | {"from": "Sayso", "to": BOB, "text": text})
                except httpx.HTTPError:
                    self.broken_off.append(text)
                    return
                assert answer.status_code == 202
                self.accepted.append(text)
                countdown.heard()


async def until_killed(work: Coroutine[None, None, None]) -> None:
    with contextlib.suppress(ConnectionError):
        await work


@pytest.mark.slow
def test_killed_at_any_moment_nothing_accepted_is_lost_and_nothing_comes_twice(tmp_path: Path) -> None:
    rounds, burst = 6, 40
    random = Random(2014)
    alice, bob, gateway = Sender(), Receiver(), Gateway()

    async def scenario() -> None:
        async with carrier_process(tmp_path), AsyncControlClient(tmp_path / "control.sock") as ask:
            await ask.call(AddSim(name="alice", number=ALICE))
            await ask.call(AddSim(name="bob", number=BOB))
        for turn in range(rounds):
            async with carrier_process(tmp_path) as process:
                await be_killed_in_a_burst(process, turn)
            async with carrier_process(tmp_path):
                phone = await BarePhone.attach(tmp_path / "modems" / "alice.sock")
                await alice.ask_and_send_again(phone)
                await phone.say(AskSent(0))
                await alice.status(phone, 0)
                phone.writer.close()
        async with carrier_process(tmp_path), AsyncControlClient(tmp_path / "control.sock") as ask:
            journal = [entry.text for entry in (await ask.call(ListSent())).sent or []]
            phone = await BarePhone.attach(tmp_path / "modems" / "bob.sock")
            while len(bob.noted) < len(journal):
                assert await bob.note(phone)
            phone.writer.close()
            (first, second) = (await ask.call(ListSims())).sims or []
            assert (first.name, second.name) == ("alice", "bob")
            assert set(bob.noted.values()) == set(journal)

    async def be_killed_in_a_burst(process: asyncio.subprocess.Process, turn: int) -> None:
        first = await BarePhone.attach(tmp_path / "modems" / "alice.sock")
        second = await BarePhone.attach(tmp_path / "modems" / "bob.sock")
        countdown = Countdown(process, random.randint(1, 100))
        refs = range(turn * burst + 1, (turn + 1) * burst + 1)
        async with asyncio.TaskGroup() as group:
            for work in (
                alice.send(first, refs, countdown),
                alice.listen(first, countdown),
                bob.listen(second, countdown),
                gateway.send(tmp_path, f"code {turn}", countdown),
            ):
                group.create_task(until_killed(work))
        first.writer.close()
        second.writer.close()

    run(scenario())
    came = Counter(bob.noted.values())
    assert max(came.values()) == 1
    assert {f"text {ref}" for ref in alice.states} | set(gateway.accepted) <= set(came)
    assert set(came) <= {f"text {ref}" for ref in alice.states} | set(gateway.accepted) | set(gateway.broken_off)
    assert len(gateway.broken_off) == rounds
    assert gateway.accepted


@pytest.mark.slow
def test_what_is_delayed_survives_a_kill(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with carrier_process(tmp_path), AsyncControlClient(tmp_path / "control.sock") as ask:
            for name, number in (("alice", ALICE), ("bob", BOB)):
                await ask.call(AddSim(name=name, number=number))
            await ask.call(SetDelay(seconds=0.0, submit_seconds=0.2))
            alice = await BarePhone.attach(tmp_path / "modems" / "alice.sock")
            await alice.say(SendSms(7, BOB, "hello", True))
            await alice.say(AskSent(7))
            assert await alice.next() == SentStatus(7, "pending")
            alice.writer.close()
        async with carrier_process(tmp_path):
            bob = await BarePhone.attach(tmp_path / "modems" / "bob.sock")
            assert (await bob.hear(SmsReceived)).text == "hello"
            alice = await BarePhone.attach(tmp_path / "modems" / "alice.sock")
            assert await alice.next() == SmsReport(7, delivered=True)
            for phone in (alice, bob):
                phone.writer.close()

    run(scenario())


@pytest.mark.slow
def test_a_second_carrier_in_the_same_directory_does_not_start(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        async with carrier_process(tmp_path):
            second = await asyncio.create_subprocess_exec(
                sys.executable, "-c", PROGRAM, str(tmp_path), stderr=asyncio.subprocess.PIPE
            )
            _, errors = await second.communicate()
            assert second.returncode == 1
            return errors

    assert b"another carrier runs in" in run(scenario())
