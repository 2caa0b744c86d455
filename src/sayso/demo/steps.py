"""One exchange, step by step: what `sayso demo --once` plays.

Each step waits for what it says, so a step that is reported has happened.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from sayso.demo.errors import DemoError
from sayso.demo.world import Person, World
from sayso.phone import command_types as types


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Something that happened."""

    step: str
    who: str
    what: str
    channel: Literal["cloud", "sms"] | None = None
    state: str | None = None


async def play(world: World) -> AsyncIterator[Step]:
    """Play the exchange; yields each step when it has happened.

    Raises:
        DemoError: a step did not come out.
    """
    alice, bob = world.people["alice"], world.people["bob"]
    for person in (alice, bob):
        await person.phone.wait_for_line(lambda line: line.sim == "present", what="the SIM")
        other = bob if person is alice else alice
        await person.phone.ask(types.AddContact(name=other.name.title(), number=other.number), types.Done)
        await person.phone.ask(types.OpenContact(number=other.number), types.ContactList)
        line = (await person.phone.lines())[0]
        if line.connections or line.state != "off":
            raise DemoError(f"{person.name}'s phone was not silent before its owner said yes")
        what = "the phone is on, a contact was added and looked at; no connection was made"
        yield Step(step="silent", who=person.name, what=what, state="off")
    yield await _text(alice, bob, "Hi Bob, nobody has said yes yet.", channel="sms", until={"sms-delivered"})
    yield await opt_in(world, alice)
    yield await _text(alice, bob, "I have said yes, you have not.", channel="sms", until={"sms-delivered"})
    yield await opt_in(world, bob)
    yield await _text(alice, bob, "Now we both have \N{SPARKLES}", channel="cloud", until={"delivered", "read"})
    yield await _arrived(bob, "Now we both have \N{SPARKLES}")
    await bob.phone.ask(types.SetReadReceipts(on=True), types.Done)
    yield await _text(bob, alice, "And this one is for your eyes only.", channel="cloud", until={"delivered", "read"})
    yield await _arrived(alice, "And this one is for your eyes only.")
    await bob.phone.ask(types.OpenThread(number=alice.number), types.MessageList)
    message = await alice.phone.wait_for_message(
        lambda m: m.channel == "cloud" and m.state == "read", what="a read receipt"
    )
    yield Step(step="read", who="alice", what="Bob has read it", channel="cloud", state=message.state)
    left = await alice.phone.ask(types.OptOut(), types.OptedOut)
    if not left.erased:
        raise DemoError("the server did not confirm that it erased everything")
    yield Step(step="opt-out", who="alice", what="off in one step; the server erased and signed for it", state="off")


async def opt_in(world: World, person: Person) -> Step:
    """Say yes for one person, and wait until the line is on and connected."""
    command = types.OptIn(
        server=world.server_url, server_key=world.server_key, findable="everyone", method="command-line"
    )
    await person.phone.ask(command, types.CodeOnItsWay)
    line = await person.phone.wait_for_line(
        lambda line: line.state == "on" and line.connected, what="the line to come on"
    )
    return Step(step="opt-in", who=person.name, what="said yes; the code came by SMS and was read", state=line.state)


async def _text(sender: Person, to: Person, text: str, *, channel: Literal["cloud", "sms"], until: set[str]) -> Step:
    sending = await sender.phone.ask(types.Send(to=to.number, text=text), types.Sending)
    message = await sender.phone.wait_for_message(
        lambda message: message.id == sending.message.id and message.state in until, what="an outcome"
    )
    if message.channel != channel:
        raise DemoError(f"the text went by {message.channel}, not by {channel}")
    return Step(
        step="text", who=sender.name, what=f"to {to.name}: {text}", channel=message.channel, state=message.state
    )


async def _arrived(person: Person, text: str) -> Step:
    message = await person.phone.wait_for_message(
        lambda m: m.direction == "in" and m.text == text, what="the text to arrive"
    )
    return Step(step="arrived", who=person.name, what=text, channel=message.channel, state=message.state)
