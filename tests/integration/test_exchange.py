"""Two phones, a server, a mobile network: what people do with them, over real processes."""

import asyncio
import shutil
from pathlib import Path

import pytest

from sayso.phone import command_types as types
from sayso.phone.core.outgoing import Reason
from sayso.phone.core.texts import SENTENCES, Word
from sayso.phone.errors import CommandError
from tests.integration.nursery import Nursery
from tests.integration.scripts import nothing_waits, say_yes, told
from tests.integration.world import ALICE, BOB, Enrolled, Ports, World, play

pytestmark = pytest.mark.slow

WRITTEN = {
    "emoji": "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL} and \N{WAVING HAND SIGN}\U0001f3fd",
    "right to left": "\u0645\u0631\u062d\u0628\u0627 \u200f123\u200e \u05e9\u05dc\u05d5\u05dd",
    "combined in two ways": "e\u0301 is not \u00e9",
    "lines and controls": "one\r\n\ttwo\x00three\x1b[31m",
    "nothing but a space": " ",
    "48 KiB of two bytes": "\u00fc" * (24 * 1024),
    "48 KiB of four bytes": "\U0001f980" * (12 * 1024),
}


def test_both_ways_whoever_is_off_and_restarted(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """Offline, live, and each part stopped and started between the texts."""
    enrolled.copy(place)

    async def scenario(made: World) -> None:
        alice, bob = made.alice, made.bob
        await made.start("carrier")
        await made.start("server", "alice")
        await alice.send(BOB, "you are off")
        await alice.sees("you are off", "accepted")
        await made.server.stop()
        await alice.send(BOB, "so is the server")
        await alice.daemon.stop()
        await made.start("bob")
        await made.start("server")
        await bob.sees("you are off")
        await made.start("alice")
        await bob.sees("so is the server")
        await bob.send(ALICE, "now we are all here")
        for person in (bob, alice):
            await person.sees("now we are all here", "delivered" if person is bob else "new")
        await bob.daemon.stop()
        await made.server.stop()
        await made.start("server", "bob")
        await alice.send(BOB, "still?")
        await bob.sees("still?")
        await bob.send(ALICE, "still.")
        await alice.sees("still.")
        for text in ("you are off", "so is the server", "still?"):
            await alice.sees(text, "delivered")
        await bob.sees("still.", "delivered")
        assert told(await bob.messages()) == [
            ("in", "you are off", "cloud", "new"),
            ("in", "so is the server", "cloud", "new"),
            ("out", "now we are all here", "cloud", "delivered"),
            ("in", "still?", "cloud", "new"),
            ("out", "still.", "cloud", "delivered"),
        ]

    play(nursery, place, enrolled.ports, scenario)


def test_texts_arrive_as_they_were_written(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    enrolled.copy(place)

    async def scenario(made: World) -> None:
        await start_all(made)
        for text in WRITTEN.values():
            await made.alice.send(BOB, text)
            assert (await made.bob.sees(text)).channel == "cloud"
        assert [message.text for message in await made.bob.messages()] == list(WRITTEN.values())

    play(nursery, place, enrolled.ports, scenario)


def test_what_cannot_be_sent_is_refused_with_a_reason(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """Nothing of it is kept, and nobody is asked about it."""
    enrolled.copy(place)
    refused = {
        ("", BOB): "1",
        ("\u00fc" * (24 * 1024) + "x", BOB): "48 KiB",
        ("hello", "not a number"): "number",
        ("hello", "+4477009000011111"): "number",
        ("hello", "+44 7700"): "number",
    }

    async def scenario(made: World) -> None:
        await start_all(made)
        before = (await made.alice.phone.lines())[0].connections
        for (text, to), why in refused.items():
            with pytest.raises(CommandError, match=why):
                await made.alice.phone.ask(types.Send(to=to, text=text), types.Sending)
        assert await made.alice.messages() == []
        assert (await made.alice.phone.lines())[0].connections == before

    play(nursery, place, enrolled.ports, scenario)


def test_by_sms_until_both_have_said_yes(nursery: Nursery, place: Path) -> None:
    async def scenario(made: World) -> None:
        alice, bob = made.alice, made.bob
        await start_all(made, online=False)
        await alice.send(BOB, "nobody has said yes")
        assert (await alice.sees("nobody has said yes", "sms-delivered")).notice == SENTENCES[Reason.LINE_OFF]
        await say_yes(made, alice)
        await alice.send(BOB, "only I have")
        assert (await alice.sees("only I have", "sms-delivered")).notice == SENTENCES[Reason.NOT_IN_CLOUD]
        await say_yes(made, bob)
        await alice.send(BOB, "now we both have")
        await bob.sees("now we both have")
        await bob.send(ALICE, "so we have")
        await bob.sees("so we have", "delivered")
        await alice.sees("now we both have", "delivered")
        assert told(await bob.messages()) == [
            ("in", "nobody has said yes", "sms", "new"),
            ("in", "only I have", "sms", "new"),
            ("in", "now we both have", "cloud", "new"),
            ("out", "so we have", "cloud", "delivered"),
        ]

    play(nursery, place, Ports.free(), scenario)


def test_who_is_found_by_nobody_is_reached_by_those_whom_they_wrote_to(nursery: Nursery, place: Path) -> None:
    """Before, they look like somebody who never enrolled; the grant in their first message changes that."""

    async def scenario(made: World) -> None:
        alice, bob = made.alice, made.bob
        await start_all(made, online=False)
        await say_yes(made, alice)
        await say_yes(made, bob, findable="nobody")
        await alice.send(BOB, "are you there?")
        assert (await alice.sees("are you there?", "sms-delivered")).notice == SENTENCES[Reason.NOT_IN_CLOUD]
        await bob.send(ALICE, "for you I am")
        await bob.sees("for you I am", "delivered")
        await alice.send(BOB, "so I see")
        await bob.sees("so I see")
        assert told(await bob.messages()) == [
            ("in", "are you there?", "sms", "new"),
            ("out", "for you I am", "cloud", "delivered"),
            ("in", "so I see", "cloud", "new"),
        ]

    play(nursery, place, Ports.free(), scenario)


def test_first_messages_that_cross(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """Both write while the server is away, and again: each opens a session that the other does not know of."""
    enrolled.copy(place)
    rounds = 3

    async def scenario(made: World) -> None:
        alice, bob = made.alice, made.bob
        await start_all(made)
        await made.server.stop()
        for turn in range(rounds):
            await asyncio.gather(alice.send(BOB, f"from Alice {turn}"), bob.send(ALICE, f"from Bob {turn}"))
        await made.start("server")
        await both_ways(made, range(rounds))
        for turn in range(rounds, 2 * rounds):
            await asyncio.gather(alice.send(BOB, f"from Alice {turn}"), bob.send(ALICE, f"from Bob {turn}"))
        await both_ways(made, range(rounds, 2 * rounds))
        for person in (alice, bob):
            texts = [message.text for message in await person.messages()]
            assert sorted(texts) == sorted(f"from {who} {turn}" for who in ("Alice", "Bob") for turn in range(6))
            assert [text for text in texts if "Alice" in text] == [f"from Alice {turn}" for turn in range(2 * rounds)]
            assert [text for text in texts if "Bob" in text] == [f"from Bob {turn}" for turn in range(2 * rounds)]

    play(nursery, place, enrolled.ports, scenario)


def test_three_hundred_texts_keep_their_order(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """Through the mailbox, across a restart in the middle of the catch-up, and live."""
    enrolled.copy(place)
    count = 300

    async def scenario(made: World) -> None:
        alice, bob = made.alice, made.bob
        await made.start("carrier")
        await made.start("server", "alice")
        for number in range(count // 2):
            await alice.phone.ask(types.Send(to=BOB, text=f"text {number}"), types.Sending)
        await alice.sees(f"text {count // 2 - 1}", "accepted")
        await made.start("bob")
        await bob.sees("text 20")
        bob.daemon.kill()
        for number in range(count // 2, count):
            await alice.phone.ask(types.Send(to=BOB, text=f"text {number}"), types.Sending)
        await bob.sees(f"text {count - 1}")
        assert [message.text for message in await bob.messages()] == [f"text {number}" for number in range(count)]
        await nothing_waits(made)
        await alice.sees(f"text {count - 1}", "delivered")
        assert {message.state for message in await alice.messages()} == {"delivered"}

    play(nursery, place, enrolled.ports, scenario)


def test_another_phone_under_the_same_number_is_noticed(nursery: Nursery, enrolled: Enrolled, place: Path) -> None:
    """Bob leaves, wipes his phone, and says yes anew. Alice is told that it is another phone; her texts go there."""
    enrolled.copy(place)

    async def scenario(made: World) -> None:
        alice, bob = made.alice, made.bob
        await start_all(made)
        await alice.send(BOB, "hello")
        await bob.sees("hello")
        await bob.send(ALICE, "hello yourself")
        await bob.sees("hello yourself", "delivered")
        await bob.phone.ask(types.OptOut(), types.OptedOut)
        await bob.daemon.stop()
        shutil.rmtree(bob.data)
        await made.start("bob")
        await bob.line_is("off")
        await say_yes(made, bob)
        await alice.send(BOB, "is that you?")
        await bob.sees("is that you?")
        await bob.send(ALICE, "a new phone")
        await alice.sees("a new phone")
        assert [message.text or message.notice for message in await alice.messages()] == [
            "hello",
            "hello yourself",
            "is that you?",
            SENTENCES[Word.KEY_CHANGED],
            "a new phone",
        ]
        assert told(await bob.messages()) == [
            ("in", "is that you?", "cloud", "new"),
            ("out", "a new phone", "cloud", "delivered"),
        ]

    play(nursery, place, enrolled.ports, scenario)


async def start_all(made: World, *, online: bool = True) -> None:
    await made.start("carrier")
    await made.start("server", "alice", "bob")
    for person in made.people.values():
        await person.line_is("on" if online else "off", connected=online)


async def both_ways(made: World, turns: range) -> None:
    for turn in turns:
        await made.bob.sees(f"from Alice {turn}")
        await made.alice.sees(f"from Bob {turn}")
