"""The stream server against a real client on loopback."""

import asyncio
from typing import Any

import pytest
from picows import WSCloseCode, WSError, WSMsgType

from sayso.protocol.frames import (
    Ack,
    Ask,
    Bye,
    ByeReason,
    CaughtUp,
    Collect,
    Deliver,
    Deposit,
    Deposited,
    DepositState,
    Error,
    ErrorCode,
    Hello,
    Outcome,
    OutcomeState,
    Ready,
    Recall,
    Unreadable,
    Withdraw,
    Withdrawn,
)
from sayso.protocol.ids import envelope_id
from sayso.protocol.limits import KIB, LIMITS
from sayso.server.core.limits import StreamLimits
from sayso.server.core.relay.entries import Sender
from sayso.server.core.relay.mailbox import Mailbox
from tests.aio import run
from tests.fakes.device_stream import StreamServer
from tests.fakes.login import Device
from tests.fakes.relay_world import handle_of

BOB, ALICE = Device("bob"), Device("alice")


def server(limits: StreamLimits | None = None) -> StreamServer:
    return StreamServer(limits=limits or StreamLimits(), devices=[Device("bob"), Device("alice")])


def test_hello_login_ready_caught_up() -> None:
    async def main() -> None:
        async with server().running() as one, one.connect() as client:
            hello = await client.expect(Hello)
            assert hello.version == LIMITS.protocol_version
            assert len(hello.nonce) == 32
            client.say(Hello(LIMITS.protocol_version, (), b""), BOB.login(hello.nonce))
            ready = await client.expect(Ready)
            assert ready.lease_s == LIMITS.lease_s
            await client.expect(CaughtUp)

    run(main())


def test_each_connection_has_a_challenge_of_its_own() -> None:
    async def main() -> None:
        async with server().running() as one, one.connect() as first, one.connect() as second:
            assert (await first.expect(Hello)).nonce != (await second.expect(Hello)).nonce

    run(main())


def test_a_text_goes_from_one_device_to_the_other() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob, one.logged_in(ALICE) as alice:
            alice.say(alice.deposit(BOB.line, b"one", 1))
            assert (await bob.expect(Deliver)).envelope == b"one"
            bob.say(Ack(envelope_id(b"one"), Unreadable.SHOWN))
            assert await alice.expect(Deposited) == Deposited(1, DepositState.DELIVERED)
            assert one.store.commits == []

    run(main())


def test_every_frame_of_a_device_has_its_way() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(ALICE) as alice:
            alice.say(alice.deposit(BOB.line, b"one", 1))
            await alice.expect(Deposited)
            async with one.logged_in(BOB) as bob:
                alice.say(Recall(2, handle_of(b"one")))
                assert (await alice.expect(Outcome)).state is OutcomeState.IN_DOUBT
                asked = await bob.expect(Withdraw)
                bob.say(Withdrawn(asked.envelope_id, had_it=False), Error(ErrorCode.UNKNOWN_FRAME, 99, ""))
                alice.say(Ask(3, handle_of(b"one")))
                while (await alice.expect(Outcome)).state is not OutcomeState.RECALLED:
                    alice.say(Ask(3, handle_of(b"one")))
                alice.say(Collect(handle_of(b"one")))
                await one.until(lambda: not one.store.disk.outcomes)

    run(main())


class OtherDesk:
    """What stands before the relay where mailboxes lie in several processes; it keeps what it is handed."""

    def __init__(self) -> None:
        self.handed: list[object] = []

    def take(self, _mailbox: Mailbox, _sender: Sender, frames: list[Any], start: int, *, now: float) -> int:
        if not isinstance(frames[start], Deposit):
            return start
        self.handed.append((Deposit, now > 0))
        return start + 1

    def recall(self, _: Sender, frame: Recall, *, now: float) -> None:
        self.handed.append((type(frame), now > 0))

    def ask(self, _: Sender, frame: Ask, *, now: float) -> None:
        self.handed.append((type(frame), now > 0))

    def left(self, _: Sender) -> None:
        self.handed.append("left")


def test_what_is_for_other_mailboxes_goes_to_the_desk_and_not_past_it() -> None:
    async def main() -> None:
        desk = OtherDesk()
        one = server()
        one.desk = desk
        async with one.running():
            async with one.logged_in(ALICE) as alice:
                alice.say(alice.deposit(BOB.line, b"one", 1), Recall(2, handle_of(b"one")), Ask(3, handle_of(b"one")))
                await one.until(lambda: len(desk.handed) == 3)
            await one.until(lambda: len(desk.handed) == 4)
            assert desk.handed == [(Deposit, True), (Recall, True), (Ask, True), "left"]
            assert not one.store.disk.mail

    run(main())


def test_frames_of_one_turn_leave_as_one_message() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob, one.logged_in(ALICE) as alice:
            alice.say(*(alice.deposit(BOB.line, b"%d" % number, number) for number in range(1, 101)))
            await bob.until(lambda: len(bob.delivered) == 100)
            assert len(bob.messages) == 1
            bob.say(*(Ack(envelope_id(envelope), Unreadable.SHOWN) for envelope in bob.delivered))
            await alice.until(lambda: len(alice.frames) == 100)
            assert len(alice.messages) == 1

    run(main())


def test_a_message_never_has_more_than_256_kib() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob, one.logged_in(ALICE) as alice:
            size = 60 * KIB
            for first in range(0, 12, 4):
                alice.say(
                    *(alice.deposit(BOB.line, bytes([number]) * size, number) for number in range(first + 1, first + 5))
                )
            await bob.until(lambda: len(bob.delivered) == 12)
            assert [envelope[0] for envelope in bob.delivered] == list(range(1, 13))
            assert max(bob.messages) <= LIMITS.message_bytes
            assert len(bob.messages) >= 3

    run(main())


def test_an_unknown_frame_type_gets_an_error_frame_and_the_connection_stays() -> None:
    async def main() -> None:
        async with server().running() as one, one.connect() as client:
            await client.expect(Hello)
            client.transport.send(WSMsgType.BINARY, b"\x91\x92\xcc\xc8\xc0")  # [[200, nil]]
            assert (await client.expect(Error)).code is ErrorCode.UNKNOWN_FRAME
            async with one.logged_in(BOB) as bob:
                bob.transport.send(WSMsgType.BINARY, b"\x92\x92\xcc\xc8\xc0\x91\xcc\xc9")
                assert [(await bob.expect(Error)).frame for _ in range(2)] == [200, 201]
                bob.say(Ask(1, bytes(32)))
                await bob.expect(Outcome)

    run(main())


def test_hello_and_login_come_once() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob:
            bob.say(BOB.login(bytes(32)), bob.deposit(ALICE.line, b"one", 1))
            assert (await bob.expect(Error)).code is ErrorCode.UNEXPECTED
            await bob.closed.wait()
            assert bob.frames == []
            await one.runner.settle()
            assert one.store.disk.mail == {}  # what came after it in the same message was not looked at
            assert bob.close_code is WSCloseCode.OK

    run(main())


def test_a_wrong_login_is_told_and_closed() -> None:
    async def main() -> None:
        async with server().running() as one, one.connect() as client:
            await client.expect(Hello)
            client.say(Hello(LIMITS.protocol_version, (), b""), BOB.login(bytes(32)))
            assert (await client.expect(Error)).code is ErrorCode.BAD_LOGIN
            await client.closed.wait()
            assert one.runner.relay.counts()["connected"] == 0

    run(main())


def test_who_does_not_log_in_in_time_is_closed() -> None:
    async def main() -> None:
        async with server(StreamLimits(login_s=0.05)).running() as one, one.connect() as client:
            await client.closed.wait()
            assert not one.connections.open

    run(main())


def test_the_same_device_again_replaces_the_older_connection() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as first, one.logged_in(BOB) as second:
            await first.closed.wait()
            assert first.frames == [Bye(ByeReason.REPLACED)]
            async with one.logged_in(ALICE) as alice:
                alice.say(alice.deposit(BOB.line, b"one", 1))
                assert (await second.expect(Deliver)).envelope == b"one"

    run(main())


def test_a_connection_that_breaks_leaves_what_was_live_to_the_mailbox() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(ALICE) as alice:
            async with one.logged_in(BOB) as bob:
                alice.say(alice.deposit(BOB.line, b"one", 1))
                await bob.expect(Deliver)
            assert await alice.expect(Deposited) == Deposited(1, DepositState.ACCEPTED)
            async with one.connect() as again:
                hello = await again.expect(Hello)
                again.say(Hello(LIMITS.protocol_version, (), b""), BOB.login(hello.nonce))
                assert (await again.expect(Deliver)).envelope == b"one"

    run(main())


def test_a_close_is_answered() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob:
            bob.transport.send_close(WSCloseCode.GOING_AWAY)
            await bob.closed.wait()
            assert bob.close_code is WSCloseCode.OK
            assert not one.connections.open

    run(main())


def test_a_ping_is_answered() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob:
            bob.transport.send_ping(b"are you there")
            await bob.until(lambda: bob.pongs)
            assert bob.pongs == [b"are you there"]

    run(main())


@pytest.mark.parametrize("path", ["/", "/v1/stream/", "/v1/streams", "/v1/stream%00"])
def test_only_one_path_is_a_stream(path: str) -> None:
    async def main() -> None:
        async with server().running() as one:
            with pytest.raises(WSError):
                async with one.connect(path):
                    pass

    run(main())


def test_a_graceful_stop_loses_nothing_and_lets_everybody_go() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob, one.logged_in(ALICE) as alice:
            async with one.connect() as stranger:
                await stranger.expect(Hello)
                alice.say(alice.deposit(BOB.line, b"one", 1))
                await bob.expect(Deliver)
                one.listening.close()
                await one.runner.settle()
                one.runner.say_bye(ByeReason.STOPPING)
                assert await alice.expect(Deposited) == Deposited(1, DepositState.ACCEPTED)
                await one.connections.wait_closed(0.05)
                await asyncio.gather(alice.closed.wait(), bob.closed.wait(), stranger.closed.wait())
            assert bob.frames == alice.frames == [Bye(ByeReason.STOPPING)]
            assert [envelope for _, envelope in one.store.disk.mail.values()] == [b"one"]

    run(main())


def test_who_logs_in_during_a_stop_is_told() -> None:
    async def main() -> None:
        async with server().running() as one, one.connect() as client:
            hello = await client.expect(Hello)
            await one.runner.settle()
            client.say(Hello(LIMITS.protocol_version, (), b""), BOB.login(hello.nonce))
            assert await client.expect(Bye) == Bye(ByeReason.STOPPING)
            await client.closed.wait()

    run(main())
