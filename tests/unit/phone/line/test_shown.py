"""Policies, waiting, choices and the next text's way, in the owner's words and by the owner's commands."""

from collections.abc import Awaitable, Callable

import pytest

from sayso.phone import command_types as ask
from sayso.phone.errors import CommandError
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, CAROL, Phone, Town
from tests.fakes.relay_server import RelayServer


def _with_phones(play: Callable[[Town, Phone, Phone], Awaitable[None]]) -> None:
    async def main() -> None:
        town = Town(RelayServer)
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await play(town, alice, bob)

    run(main())


async def _next(phone: Phone, number: str) -> ask.NextRoute:
    answer = await phone.owner.handle(ask.NextText(number=number))
    assert isinstance(answer, ask.NextRoute)
    return answer


async def _send(phone: Phone, to: str, text: str) -> ask.Message:
    answer = await phone.owner.handle(ask.Send(to=to, text=text))
    assert isinstance(answer, ask.Sending)
    return answer.message


async def _message(phone: Phone, message_id: str) -> ask.Message:
    answer = await phone.owner.handle(ask.Messages())
    assert isinstance(answer, ask.MessageList)
    return next(one for one in answer.messages if one.id == message_id)


def test_a_policy_is_the_conversations_or_the_lines_or_the_first_one() -> None:
    async def play(_: Town, alice: Phone, __: Phone) -> None:
        first = await alice.owner.handle(ask.GetFallback())
        assert first == ask.FallbackSet(line="sim1", number=None, fallback=ask.Fallback(), own=False)
        never = ask.Fallback(undelivered="never", unreachable="never")
        after = ask.Fallback(undelivered="after", undelivered_after_min=5)
        await alice.owner.handle(ask.SetFallback(fallback=after))
        own = await alice.owner.handle(ask.SetFallback(number="+44 7700 900102", fallback=never))
        assert own == ask.FallbackSet(line="sim1", number=BOB, fallback=never, own=True)
        inherited = await alice.owner.handle(ask.GetFallback(number=CAROL))
        assert inherited == ask.FallbackSet(line="sim1", number=CAROL, fallback=after, own=False)
        back = await alice.owner.handle(ask.SetFallback(number=BOB, fallback=None))
        assert back == ask.FallbackSet(line="sim1", number=BOB, fallback=after, own=False)

    _with_phones(play)


def test_the_composer_shows_channel_and_line_before_the_first_key() -> None:
    async def play(town: Town, alice: Phone, bob: Phone) -> None:
        off = await _next(alice, BOB)
        assert (off.channel, off.line, off.reason) == ("sms", "sim1", "line-off")
        await alice.opt_in()
        await bob.opt_in()
        claims = len(town.server.claims)
        unknown = await _next(alice, BOB)
        assert (unknown.channel, unknown.certain, unknown.goes_now, unknown.reason) == ("cloud", False, True, None)
        short = await _next(alice, "12345")
        assert (short.channel, short.reason) == ("sms", "no-cloud-number")
        assert len(town.server.claims) == claims  # looking asks nobody
        await _send(alice, BOB, "hello")
        await town.settle()
        known = await _next(alice, BOB)
        assert (known.channel, known.certain) == ("cloud", True)
        town.server.stop()
        await town.settle()
        waits = await _next(alice, BOB)
        assert (waits.goes_now, waits.reason) == (False, "no-connection")

    _with_phones(play)


def test_who_has_left_is_said_before_writing() -> None:
    async def play(town: Town, alice: Phone, bob: Phone) -> None:
        await alice.opt_in()
        await bob.opt_in()
        await _send(alice, BOB, "one")
        await town.settle()
        await bob.service.opt_out()
        await _send(alice, BOB, "two")
        await town.settle()
        asked = await _next(alice, BOB)
        assert (asked.channel, asked.goes_now, asked.reason) == ("cloud", False, "ask")
        await alice.owner.handle(ask.SetFallback(fallback=ask.Fallback(undelivered="after")))
        by_sms = await _next(alice, BOB)
        assert (by_sms.channel, by_sms.goes_now, by_sms.reason) == ("sms", True, "left-cloud")
        await town.settle()
        two = next(row for row in alice.texts(BOB) if row.text == "two")
        assert two.channel == "sms"  # the policy holds for what waits already

    _with_phones(play)


def test_what_a_text_waits_for_and_what_can_be_done() -> None:
    async def play(town: Town, alice: Phone, bob: Phone) -> None:
        await alice.opt_in()
        await bob.opt_in()
        await _send(alice, BOB, "hello")
        await town.settle()
        town.server.stop()
        await town.settle()
        waits = (await _send(alice, BOB, "later")).waiting
        assert waits is not None
        assert (waits.what, waits.then, waits.choices) == ("connection", "ask", ["send-as-sms", "cancel"])
        await town.pass_time(601)
        message = next(row for row in alice.texts(BOB) if row.text == "later").message_id.hex()
        asked = await _message(alice, message)
        assert asked.waiting is not None
        assert (asked.waiting.what, asked.waiting.then) == ("owner", "fail")
        assert asked.notice is not None
        assert asked.notice.startswith("the server cannot be reached")
        answer = await alice.owner.handle(ask.Cancel(id=message))
        assert isinstance(answer, ask.Sending)
        assert (answer.message.state, answer.message.waiting) == ("cancelled", None)
        with pytest.raises(CommandError):
            await alice.owner.handle(ask.Cancel(id=message))
        with pytest.raises(CommandError):
            await alice.owner.handle(ask.Cancel(id="00" * 16))

    _with_phones(play)


def test_choices_of_a_text_that_the_server_has() -> None:
    async def play(town: Town, alice: Phone, bob: Phone) -> None:
        await alice.opt_in()
        await bob.opt_in()
        server = town.server
        assert isinstance(server, RelayServer)
        device = bob.service.device
        assert device is not None
        server.streams[device.device].stall(on=True)
        sent = await _send(alice, BOB, "on its way")
        await town.pass_time(1)
        waits = (await _message(alice, sent.id)).waiting
        assert waits is not None
        assert waits.what == "recipient"
        assert waits.choices == ["send-as-sms", "send-as-sms-in-doubt", "cancel"]
        await alice.owner.handle(ask.Cancel(id=sent.id))
        waits = (await _message(alice, sent.id)).waiting
        assert waits is not None
        assert (waits.what, waits.choices) == ("recall", ["send-as-sms", "send-as-sms-in-doubt"])

    _with_phones(play)
