"""What the owners do in the kill tests, step by step, and what has to be true at the end, whoever was killed when.

An owner is patient and looks before typing again; a restart is all the help that a killed part gets.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import apsw

from sayso.phone import command_types as types
from sayso.phone.adapters.commands import SOCKET_NAME, ask
from sayso.phone.core.outgoing import Reason
from sayso.phone.core.texts import SENTENCES
from sayso.phone.errors import CommandError
from tests.integration.boundaries import Boundary
from tests.integration.world import ALICE, BOB, CAROL, NUMBERS, Person, World

CODE_LOST_S: Final = 4.0
"""So long an owner waits for a code before starting again."""

WAITING = "one: you were away \N{OWL}"
LIVE = "two: you are here"
REPLY = "three: so I am"
BY_SMS = "four: no cloud for Carol"
FROM_CAROL = "five: an SMS"
BEFORE_YES = "zero: by SMS, nobody said yes"
AFTER_NO = "six: too late for the cloud"

Armed = Mapping[str, Boundary]
"""Who dies where."""


@dataclass(frozen=True)
class Script:
    """A script, and which parts may be killed in it."""

    play: Callable[[World, Armed], Awaitable[None]]
    enrolled: bool
    """Whether Alice and Bob have said yes before it begins."""
    killed: frozenset[str]


async def say_yes(world: World, person: Person, *, findable: Literal["everyone", "nobody"] = "everyone") -> None:
    """Opt in, as often as it takes."""
    command = types.OptIn(server=world.server_url, server_key=world.server_key, findable=findable, method="test")
    while True:
        line = (await person.while_up(person.phone.lines))[0]
        if line.state == "off":
            await _try(world, person, command)
        elif line.state == "on":
            await person.line_is("on", connected=True)
            return
        else:
            await _code_or_again(world, person)


async def _try(world: World, person: Person, command: types.Command) -> None:
    """Give a command that may fail because the server, or the phone, is being killed."""
    starts = world.server.starts, person.daemon.starts
    try:
        await ask(person.data / SOCKET_NAME, command)
    except CommandError:
        if not await _either(world.server.died_since(starts[0]), person.daemon.died_since(starts[1])):
            raise
        await world.server.up()


async def _either(*several: Coroutine[object, object, bool]) -> bool:
    """Whether one of them says yes; who says no takes longer, and nobody waits for it then."""
    waiting = {asyncio.create_task(one) for one in several}  # awaited or cancelled before this ends
    try:
        for done in asyncio.as_completed(waiting):
            if await done:
                return True
        return False
    finally:
        for one in waiting:
            one.cancel()


async def _code_or_again(world: World, person: Person) -> None:
    """Wait until the line is on or off; a code that never comes ends the owner's patience, not the test's."""

    async def settled() -> object:
        return await person.phone.wait_for_line(lambda line: line.state in {"on", "off"}, what="the code")

    try:
        async with asyncio.timeout(CODE_LOST_S):
            await person.while_up(settled)
    except TimeoutError:
        await _try(world, person, types.OptOut())


async def opt_in(world: World, armed: Armed) -> None:
    """From nothing: server and phone start for the first time, an SMS before the yes, the yes."""
    alice = world.alice
    await world.start("carrier")
    await world.start("server", "alice", armed=armed)
    await alice.send(CAROL, BEFORE_YES)
    await alice.sees(BEFORE_YES, "sms-delivered")
    await say_yes(world, alice)
    sms = await _sms_of_people(world)
    await world.stop()

    assert sms == {(ALICE, CAROL, BEFORE_YES): 1}
    assert _rows(world, "enrolments", "erasures") == {"enrolments": 1, "erasures": 0}
    assert mailbox(world) == NOTHING_WAITS


async def exchange(world: World, armed: Armed) -> None:
    """A text that waits, an hour's turn, a live one, a reply, receipts, SMS out and in."""
    alice, bob = world.alice, world.bob
    await world.start("carrier")
    await world.start("server", "alice", armed=armed)
    await alice.send(BOB, WAITING)
    await alice.sees(WAITING, "accepted", "delivered", "read")
    await _turn_the_hour(world)
    await world.start("bob", armed=armed)
    await bob.sees(WAITING)
    await bob.do(types.SetReadReceipts(on=True))
    await alice.send(BOB, LIVE)
    await bob.sees(LIVE)
    await bob.send(ALICE, REPLY)
    await bob.sees(REPLY, "delivered", "read")
    await bob.do(types.OpenThread(number=ALICE))
    for text in (WAITING, LIVE):
        await alice.sees(text, "read")
    await alice.send(CAROL, BY_SMS)
    await alice.sees(BY_SMS, "sms-delivered")
    await world.sms(CAROL, ALICE, FROM_CAROL)
    await alice.sees(FROM_CAROL)

    await nothing_waits(world)
    for person in (alice, bob):
        await person.line_is("on", connected=True)
    shown = {person.name: await person.messages() for person in (alice, bob)}
    sms = await _sms_of_people(world)
    await world.stop()

    assert told(shown["alice"]) == [
        ("out", WAITING, "cloud", "read"),
        ("out", LIVE, "cloud", "read"),
        ("in", REPLY, "cloud", "new"),
        ("out", BY_SMS, "sms", "sms-delivered"),
        ("in", FROM_CAROL, "sms", "new"),
    ]
    assert told(shown["bob"]) == [
        ("in", WAITING, "cloud", "read"),
        ("in", LIVE, "cloud", "read"),
        ("out", REPLY, "cloud", "delivered"),
    ]
    assert sms == {(ALICE, CAROL, BY_SMS): 1, (CAROL, ALICE, FROM_CAROL): 1}
    assert mailbox(world) == NOTHING_WAITS


async def leave(world: World, armed: Armed) -> None:
    """Bob says no. What Alice writes after that never reaches him, and she is told."""
    alice, bob = world.alice, world.bob
    await world.start("carrier")
    await world.start("server", "alice", "bob", armed=armed)
    await alice.send(BOB, LIVE)
    await alice.sees(LIVE, "delivered")
    await nothing_waits(world)
    await _say_no(world, bob)
    confirmed = not (await bob.line_is("off")).trouble
    await alice.send(BOB, AFTER_NO)
    # A server that was killed before it heard of the no keeps Bob's mailbox until his lease ends; nobody reads it.
    message = await alice.sees(AFTER_NO, "queued", "accepted", notice=SENTENCES[Reason.ASK])
    erased = message.state == "queued"
    assert told(await bob.messages()) == [("in", LIVE, "cloud", "new")]
    await world.stop()

    assert erased or (world.server.kills and not confirmed)
    assert _rows(world, "enrolments", "erasures") == {"enrolments": 1 if erased else 2, "erasures": 0}
    assert mailbox(world)["mail"] == (0 if erased else 1)


async def _say_no(world: World, person: Person) -> None:
    while (await person.while_up(person.phone.lines))[0].state == "on":
        await _try(world, person, types.OptOut())


async def _turn_the_hour(world: World) -> None:
    """Let an hour pass on the server's clock; done when the old hour's key is gone."""
    before = len([one for one in world.told if one.boundary.name == "hours.destroy"])
    await world.server.up()
    world.let_an_hour_pass()

    def turned() -> bool | None:
        names = [one.boundary for one in world.told if one.boundary.name == "hours.destroy"]
        return (len(names) > before and names[-1].edge == "after") or None

    await world.until(turned, "the hour's turn")
    await world.server.up()


async def nothing_waits(world: World) -> None:
    """Wait until all that was in custody has been acknowledged, durably."""
    await world.until(lambda: mailbox(world) == NOTHING_WAITS or None, "the mailbox to be empty")


NOTHING_WAITS: Final = {"mail": 0, "body": 0, "doubt": 0}


def told(messages: list[types.Message]) -> list[tuple[str, str, str, str]]:
    """What a screen shows, without ids and times."""
    return [(m.direction, m.text, m.channel, m.state) for m in messages]


async def _sms_of_people(world: World) -> Counter[tuple[str, str, str]]:
    """What the network took from phones, by sender, recipient and text; codes come from the server."""
    return Counter((sms.sender, sms.to, sms.text) for sms in await world.sent_sms() if sms.sender in NUMBERS.values())


def mailbox(world: World) -> dict[str, int]:
    database = apsw.Connection(str(world.data / "server" / "mailbox" / "mailbox.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return {table: database.execute(f"SELECT count(*) FROM {table}").get for table in NOTHING_WAITS}  # noqa: S608  names from here
    finally:
        database.close()


def _rows(world: World, *tables: str) -> dict[str, int]:
    with sqlite3.connect(world.data / "server" / "directory.db") as database:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}  # noqa: S608  names from here


SCRIPTS: Final = {
    "opt-in": Script(opt_in, enrolled=False, killed=frozenset({"server", "alice"})),
    "exchange": Script(exchange, enrolled=True, killed=frozenset({"server", "alice", "bob"})),
    "leave": Script(leave, enrolled=True, killed=frozenset({"server", "bob"})),
}
