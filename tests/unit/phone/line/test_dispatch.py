"""Recall and fallback over the real relay: nothing twice, nothing lost, and the owner is told."""

from collections.abc import Awaitable, Callable

import pytest

from sayso.phone.core.fallback import Policy, When
from sayso.phone.core.notices import sms_digest
from sayso.phone.errors import CommandError
from sayso.protocol.content import Kind, SmsNotice, encode_body
from tests.aio import run
from tests.fakes.phones import ALICE, BOB, Phone, Town
from tests.fakes.relay_server import RelayServer

SOON = Policy(undelivered=When.AFTER, undelivered_after_s=300, unreachable=When.AFTER, unreachable_after_s=120)


def _friends(play: Callable[[Town, RelayServer, Phone, Phone], Awaitable[None]]) -> None:
    """Alice and Bob are on, and have written to each other: both have the other's grant."""

    async def main() -> None:
        town = Town(RelayServer)
        server = town.server
        assert isinstance(server, RelayServer)
        alice, bob = town.phone(ALICE), town.phone(BOB)
        async with alice.running(), bob.running():
            await alice.opt_in()
            await bob.opt_in()
            alice.send(BOB, "hello")
            await town.pass_time(2)
            bob.send(ALICE, "hello back")
            await town.pass_time(2)
            assert [row[3] for row in alice.said(BOB)] == ["delivered", "new"]
            alice.service.set_policy(None, SOON)
            await play(town, server, alice, bob)

    run(main())


def _stream(server: RelayServer, phone: Phone) -> object:
    device = phone.service.device
    assert device is not None
    return server.streams[device.device]


def _came(bob: Phone, text: str) -> list[tuple[str, str]]:
    return [(row[1], row[3]) for row in bob.said(ALICE) if row[0] == "in" and row[2] == text]


async def _away(town: Town, bob: Phone) -> None:
    """Bob's phone has no data connection: it stays enrolled, and gets SMS."""
    bob.service._reached().stream._gate.is_shut = True  # type: ignore[attr-defined]  # the fake's gate
    stream = _stream(town.server, bob)  # type: ignore[arg-type]  # a RelayServer
    stream.cut()  # type: ignore[attr-defined]  # a StreamOfDevice
    await town.settle()


def test_patience_over_recalled_and_sent_by_sms_once() -> None:
    async def play(town: Town, server: RelayServer, alice: Phone, bob: Phone) -> None:
        await _away(town, bob)
        sent = alice.send(BOB, "are you there")
        await town.pass_time(2)
        assert alice.state_of(sent) == "accepted"
        plan = alice.service.plan(alice.text(sent))
        assert plan is not None
        assert (plan.what, plan.at, plan.then) == ("recipient", sent.at + 300, "sms")
        await town.pass_time(297)
        assert alice.state_of(sent) == "accepted"
        await town.pass_time(2)
        assert alice.state_of(sent) == "sms-delivered"
        assert alice.text(sent).reason == "not-fetched"
        assert _came(bob, "are you there") == [("sms", "new")]
        assert not server.disk.mail

    _friends(play)


def test_a_text_that_was_taken_back_in_vain_can_be_taken_back_again() -> None:
    """The policy's recall comes back when the policy is another: the text goes out anew, on the same stream."""

    async def play(town: Town, server: RelayServer, alice: Phone, bob: Phone) -> None:
        await _away(town, bob)
        sent = alice.send(BOB, "are you there")
        await town.pass_time(2)
        stream = _stream(server, alice)
        stream.stall(on=True)  # type: ignore[attr-defined]  # a StreamOfDevice
        await town.pass_time(300)
        assert alice.state_of(sent) == "recalling"
        alice.service.set_policy(None, Policy(undelivered=When.NEVER, unreachable=When.NEVER))
        stream.stall(on=False)  # type: ignore[attr-defined]  # a StreamOfDevice
        await town.pass_time(2)
        assert alice.state_of(sent) == "accepted"
        alice.service.cancel(sent.message_id)
        await town.pass_time(2)
        assert alice.state_of(sent) == "cancelled"
        assert _stream(server, alice) is stream
        assert not server.disk.mail
        assert _came(bob, "are you there") == []

    _friends(play)


def test_a_text_that_was_handed_is_in_doubt_until_the_device_has_said() -> None:
    async def play(town: Town, server: RelayServer, alice: Phone, bob: Phone) -> None:
        stream = _stream(server, bob)
        stream.stall(on=True)  # type: ignore[attr-defined]  # a StreamOfDevice
        sent = alice.send(BOB, "in between")
        await town.pass_time(1)
        assert alice.state_of(sent) == "accepted"
        alice.service.cancel(sent.message_id)
        await town.pass_time(1)
        assert alice.state_of(sent) == "in-doubt"
        with pytest.raises(CommandError):
            alice.service.cancel(b"?" * 16)
        stream.stall(on=False)  # type: ignore[attr-defined]  # a StreamOfDevice
        await town.pass_time(5)
        # It was on its way before the withdrawal: the device has it.
        assert alice.state_of(sent) == "delivered"
        assert _came(bob, "in between") == [("cloud", "new")]

    _friends(play)


def test_what_the_device_refuses_is_cancelled_for_good() -> None:
    async def play(town: Town, server: RelayServer, alice: Phone, bob: Phone) -> None:
        stream = _stream(server, bob)
        stream.stall(on=True)  # type: ignore[attr-defined]  # a StreamOfDevice
        sent = alice.send(BOB, "never mind")
        await town.pass_time(1)
        stream._down.clear()  # type: ignore[attr-defined]  # it got lost on the way
        alice.service.cancel(sent.message_id)
        await town.pass_time(1)
        assert alice.state_of(sent) == "in-doubt"
        stream.cut()  # type: ignore[attr-defined]  # a StreamOfDevice
        await town.pass_time(60)
        assert alice.state_of(sent) == "cancelled"
        assert _came(bob, "never mind") == []

    _friends(play)


def test_an_unreachable_relay() -> None:
    async def play(town: Town, server: RelayServer, alice: Phone, bob: Phone) -> None:
        server.stop()
        await town.settle()
        sent = alice.send(BOB, "no server")
        await town.pass_time(119)
        assert alice.state_of(sent) == "queued"
        await town.pass_time(2)
        assert alice.state_of(sent) == "sms-delivered"
        assert alice.text(sent).reason == "server-away"
        server.start()
        await town.pass_time(600)
        # The notice joins it: the recipient's receipt says so, and nothing comes twice.
        assert alice.state_of(sent) in {"delivered", "sms-delivered"}
        assert _came(bob, "no server") == [("sms", "new")]
        assert not bob.store.notices.open(bob.line, ALICE)

    _friends(play)


def test_never_and_ask_send_nothing_by_themselves() -> None:
    async def play(town: Town, _: RelayServer, alice: Phone, bob: Phone) -> None:
        alice.service.set_policy(BOB, Policy(undelivered=When.NEVER, unreachable=When.NEVER))
        await _away(town, bob)
        never = alice.send(BOB, "never")
        await town.pass_time(24 * 3600)
        assert (alice.state_of(never), alice.text(never).reason) == ("accepted", None)
        alice.service.set_policy(BOB, None)
        alice.service.set_policy(None, None)
        await town.settle()
        assert alice.text(never).reason == "ask-undelivered"
        moved = alice.service.send_as_sms(never.message_id)
        assert moved.state == "recalling"
        await town.pass_time(2)
        assert alice.state_of(never) == "sms-delivered"
        assert _came(bob, "never") == [("sms", "new")]

    _friends(play)


def test_a_policy_that_changed_during_the_recall_is_obeyed() -> None:
    async def play(town: Town, server: RelayServer, alice: Phone, bob: Phone) -> None:
        await _away(town, bob)
        sent = alice.send(BOB, "wait")
        await town.pass_time(2)
        own = _stream(server, alice)
        own.stall(on=True)  # type: ignore[attr-defined]  # a StreamOfDevice
        await town.pass_time(300)
        assert alice.state_of(sent) == "recalling"
        alice.service.set_policy(None, Policy(undelivered=When.NEVER))
        own.stall(on=False)  # type: ignore[attr-defined]  # a StreamOfDevice
        await town.pass_time(5)
        assert alice.state_of(sent) == "accepted"
        assert _sms(town, "wait") == 0

    _friends(play)


def test_in_doubt_by_its_owners_word_and_joined_by_the_notice() -> None:
    async def play(town: Town, server: RelayServer, alice: Phone, bob: Phone) -> None:
        stream = _stream(server, bob)
        stream.stall(on=True)  # type: ignore[attr-defined]  # a StreamOfDevice
        sent = alice.send(BOB, "both ways")
        await town.pass_time(1)
        alice.service.send_as_sms(sent.message_id, in_doubt=True)
        await town.pass_time(1)
        assert _came(bob, "both ways") == [("sms", "new")]
        stream.stall(on=False)  # type: ignore[attr-defined]  # a StreamOfDevice
        await town.pass_time(60)
        assert len(_came(bob, "both ways")) == 1
        assert alice.state_of(sent) in {"delivered", "sms-delivered"}

    _friends(play)


def test_who_left_gets_the_next_text_by_sms_and_the_screen_says_why() -> None:
    async def play(town: Town, _: RelayServer, alice: Phone, bob: Phone) -> None:
        await bob.service.opt_out()
        await town.settle()
        sent = alice.send(BOB, "still there?")
        await town.pass_time(2)
        assert alice.state_of(sent) == "sms-delivered"
        assert alice.text(sent).reason == "left-cloud"
        assert _came(bob, "still there?") == [("sms", "new")]

    _friends(play)


def _sms(town: Town, text: str) -> int:
    return sum(sms.text == text for sms in town.network.accepted)


def test_the_notice_says_in_how_many_parts_the_sms_comes() -> None:
    async def play(town: Town, _: RelayServer, alice: Phone, bob: Phone) -> None:
        await _away(town, bob)
        sent = alice.send(BOB, "x" * 400)
        await town.pass_time(2)
        assert alice.state_of(sent) == "accepted"
        alice.service.send_as_sms(sent.message_id, in_doubt=True)
        (notice,) = [one for one in alice.store.outbox.ready(alice.line, BOB) if one.kind == Kind.SMS_NOTICE]
        assert notice.body == encode_body(SmsNotice(sent.message_id, sms_digest(sent.text), 3))

    _friends(play)
