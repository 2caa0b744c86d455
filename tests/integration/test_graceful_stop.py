"""SIGTERM loses nothing: what was accepted is there, what was not is told, and everybody ends with exit code 0."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sayso.protocol.frames import (
    Ack,
    Bye,
    ByeReason,
    CaughtUp,
    Deliver,
    Deposited,
    Frame,
    Refusal,
    Refused,
    Unreadable,
)
from tests.aio import run
from tests.integration.nursery import Nursery
from tests.integration.raw_device import RawDevice, Stream, enrol
from tests.integration.scripts import told
from tests.integration.world import ALICE, BOB, Enrolled, Ports, World, world

pytestmark = pytest.mark.slow
DEPOSITS = 400


def test_a_server_in_the_middle_of_a_flood(nursery: Nursery, place: Path) -> None:
    """Bob gets what was accepted in order, once; what was refused, never; the one in his hands too."""

    async def scenario() -> None:
        async with world(nursery, place, Ports.free()) as made:
            await made.start("carrier")
            await made.start("server")
            alice, bob = await enrol(made, "alice", seed=1), await enrol(made, "bob", seed=2)
            envelopes = [alice.device.drawn(2048) for _ in range(DEPOSITS)]
            async with bob.online(made) as reading:
                async with alice.online(made) as writing:
                    writing.say(bob.deposit(DEPOSITS, envelopes[0], bytes(32), granted=True))
                    held = (await reading.expect(Deliver)).envelope  # neither acknowledged nor 250 ms old
                    answers = await flood(made, bob, writing, envelopes)
                assert (await reading.expect(Bye)).reason is ByeReason.STOPPING
            accepted = {ref for ref, answer in answers.items() if isinstance(answer, Deposited)}
            refused = {ref for ref, answer in answers.items() if isinstance(answer, Refused)}
            assert {answer.reason for answer in answers.values() if isinstance(answer, Refused)} <= {Refusal.STOPPING}
            await made.start("server")
            async with bob.online(made, caught_up=False) as reading:
                first, *taken = [one.envelope async for one in until_caught_up(reading)]
            refs = [envelopes.index(envelope) for envelope in taken]
            assert first == held
            assert refs == sorted(set(refs))
            assert accepted
            assert accepted <= set(refs)  # an answer may get lost with the connection
            assert not refused & set(refs)
            await made.stop()

    run(scenario())


async def flood(made: World, bob: RawDevice, writing: Stream, envelopes: list[bytes]) -> dict[int, Deposited | Refused]:
    """Deposit without waiting, have the server stopped meanwhile, go on depositing; returns the answers."""
    deposits = [
        bob.deposit(ref, envelope, bytes([1]) * 16 + ref.to_bytes(16, "big"), granted=True)
        for ref, envelope in enumerate(envelopes)
        if ref
    ]
    half = len(deposits) // 2
    for deposit in deposits[:half]:
        writing.say(deposit)
    await writing.expect(Deposited, lambda answer: answer.ref == half)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(made.server.stop())
        for deposit in deposits[half:]:
            writing.say(deposit)
            await asyncio.sleep(0)
        await writing.until_closed()
    assert [frame.reason for frame in writing.heard if isinstance(frame, Bye)] == [ByeReason.STOPPING]
    return {
        frame.ref: frame for frame in writing.heard if isinstance(frame, (Deposited, Refused)) and frame.ref < DEPOSITS
    }


async def until_caught_up(reading: Stream) -> AsyncIterator[Deliver]:
    """Acknowledge what comes until the server says that it was all."""
    while True:
        frame = await reading.expect(Frame, lambda frame: isinstance(frame, (Deliver, CaughtUp)))
        if not isinstance(frame, Deliver):
            return
        reading.say(Ack(frame.envelope_id, Unreadable.SHOWN))
        yield frame


def test_phones_stop_at_once_and_leave_a_closed_store(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """No socket, no log, no lock is left; what was being written to is there after the next start."""
    enrolled.copy(place)

    async def scenario() -> None:
        async with world(nursery, place, enrolled.ports) as made:
            await made.start("carrier")
            await made.start("server", "alice", "bob")
            await made.alice.send(BOB, "one")
            await made.bob.sees("one")
            await made.alice.send(BOB, "two")
            for person in made.people.values():
                os.kill(person.daemon.pid, signal.SIGINT)  # Ctrl-C is as good
                await person.daemon.stop()
                assert not (person.data / "phone.sock").exists()
                assert not (person.data / "phone.db-wal").exists()
            await made.start("alice", "bob")
            await made.bob.sees("two")
            await made.bob.send(ALICE, "three")
            await made.alice.sees("three")
            assert told(await made.bob.messages())[:2] == [("in", "one", "cloud", "new"), ("in", "two", "cloud", "new")]
            await made.stop()

    run(scenario())
