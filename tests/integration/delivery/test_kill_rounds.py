"""Real processes, `kill -9` at random times, while texts are recalled, cancelled and sent by SMS: one delivery each.

Twenty rounds; SAYSO_KILL_ROUNDS plays more of them (200 with `make soak`), SAYSO_KILL_SEED others.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from sayso.phone import command_types as types
from sayso.phone.adapters.commands import SOCKET_NAME, watching
from sayso.phone.errors import CommandError
from tests.aio import run
from tests.integration.nursery import Nursery
from tests.integration.world import BOB, Enrolled, Person, World, world

pytestmark = pytest.mark.slow
SEED = int(os.environ.get("SAYSO_KILL_SEED", "2014"))
ROUNDS = int(os.environ.get("SAYSO_KILL_ROUNDS", "20"))
KILLS = 3
CAME = frozenset({"delivered", "read", "sms-delivered"})
GONE = frozenset({"cancelled", "failed"})
MAY_HAVE_COME = frozenset({"unknown", "sms-sent", "sms-unknown"})


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_one_message_one_delivery(turn: int, nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    seed = SEED * 1000 + turn
    print(f"seed {seed}")
    random = Random(seed)
    enrolled.copy(place)

    async def play() -> tuple[list[types.Message], list[types.Message], list[str]]:
        async with world(nursery, place, enrolled.ports) as made, asyncio.TaskGroup() as tasks:
            await made.start("carrier")
            await made.start("server", "alice", "bob")
            await _know_each_other(made)
            killer = tasks.create_task(_kill(made, random))
            await _many_ways(made, random)
            killer.cancel()
            return await _at_rest(made)

    _judge(*run(play(), patience=120))


async def _know_each_other(made: World) -> None:
    """Both have the other's grant afterwards: recalls are answered at once."""
    await made.alice.send(BOB, "hello")
    await made.bob.sees("hello")
    await made.bob.send(made.alice.number, "hello back")
    await made.alice.sees("hello back")
    await made.alice.sees("hello", "delivered")


async def _many_ways(made: World, random: Random) -> None:
    """Texts to a phone that is there, and to one that is not; some are taken back, some pushed to SMS."""
    for number in range(3):
        message = await made.alice.send(BOB, f"to a phone that is on {number}")
        await _change_of_mind(made.alice, message, random)
    await made.bob.daemon.stop()
    for number in range(4):
        message = await made.alice.send(BOB, f"to a phone that is off {number}")
        if random.random() < 0.5:
            await made.alice.sees(message.text, "accepted", "recalling", "in-doubt", "delivered")
        await _change_of_mind(made.alice, message, random)
    await asyncio.sleep(random.uniform(0, 0.5))
    await made.start("bob")


async def _change_of_mind(person: Person, message: types.Message, random: Random) -> None:
    command: types.Command | None = random.choice(
        [None, types.Cancel(id=message.id), types.SendAsSms(id=message.id), types.SendAsSms(id=message.id)]
    )
    await asyncio.sleep(random.choice([0.0, 0.0, 0.02, 0.2]))
    if command is None:
        return

    async def once() -> None:
        try:
            await person.phone.ask(command, types.Sending)
        except CommandError as error:
            # Done before the answer was lost, or it has its outcome.
            if "message" not in str(error):
                raise

    await person.while_up(once)


async def _at_rest(made: World) -> tuple[list[types.Message], list[types.Message], list[str]]:
    """Wait until every text of Alice's has its outcome; what both see then, and every SMS that the network took."""

    def settled(messages: list[types.Message]) -> bool:
        return all(one.state in CAME | GONE | MAY_HAVE_COME for one in messages if one.direction == "out")

    sent = await _until(made.alice, settled)
    expected = {one.text for one in sent if one.direction == "out" and one.state in CAME}
    heard = await _until(made.bob, lambda messages: expected <= {one.text for one in messages})
    sms = [one.text for one in await made.sent_sms(BOB)]
    return sent, heard, sms


async def _until(person: Person, done: Callable[[list[types.Message]], bool]) -> list[types.Message]:
    async def look() -> list[types.Message]:
        async with watching(person.data / SOCKET_NAME) as events:
            while not done(messages := await person.phone.messages()):
                await anext(events)
            return messages

    try:
        return await person.while_up(look)
    except StopAsyncIteration:  # its phone died meanwhile
        return await _until(person, done)


def _judge(sent: list[types.Message], heard: list[types.Message], sms: list[str]) -> None:
    shown = Counter(one.text for one in heard if one.direction == "in")
    for one in (message for message in sent if message.direction == "out"):
        at_bobs = shown[one.text]
        assert at_bobs <= 1, f"{one.text}: {one.state}, shown {at_bobs} times"
        assert at_bobs == 1 or one.state not in CAME, f"{one.text}: {one.state}, and not shown"
        assert at_bobs == 0 or one.state not in GONE, f"{one.text}: {one.state}, and shown all the same"
        assert sms.count(one.text) <= 1, f"{one.text}: {sms.count(one.text)} SMS"


async def _kill(made: World, random: Random) -> None:
    """Kill somebody after some commit, and a moment more, so that it is not always the commit that is hit."""
    passed = len(made.told)
    for _ in range(KILLS):
        passed += random.randint(1, 25)
        moment = random.uniform(0, 0.03)
        who = random.choice(["server", "alice", "bob", "alice"])
        await made.until(lambda least=passed: len(made.told) >= least or None, "the next commits")  # type: ignore[misc]
        await asyncio.sleep(moment)
        made.daemons[who].kill()
