"""Floods of the stream: connections, silence before the login, pings, deposits, questions. Others are served."""

import asyncio
import socket
from contextlib import AsyncExitStack, ExitStack

import pytest
from picows import WSMsgType

from sayso.protocol.frames import (
    Ack,
    Ask,
    Deliver,
    Deposited,
    DepositState,
    Error,
    ErrorCode,
    Hello,
    Refusal,
    Refused,
    Unreadable,
)
from sayso.protocol.ids import envelope_id
from sayso.protocol.limits import KIB
from sayso.protocol.stream import write
from sayso.server.core.limits import FloodLimits, StreamLimits
from sayso.server.core.networks import Networks
from tests.aio import run
from tests.fakes.device_stream import DeviceStream, StreamServer
from tests.fakes.login import Device

BOB, ALICE = Device("bob"), Device("alice")
ERROR = write([Error(ErrorCode.UNEXPECTED, 0, "no")])[1:]
UNKNOWN = b"\x91\x91\x63"
UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: sayso\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def server(*, limits: StreamLimits | None = None, floods: FloodLimits | None = None) -> StreamServer:
    return StreamServer(
        limits=limits or StreamLimits(), floods=floods or FloodLimits(), devices=[Device("bob"), Device("alice")]
    )


async def exchange(sender: DeviceStream, recipient: DeviceStream, ref: int) -> None:
    """Send one text and see it delivered."""
    envelope = b"text %d" % ref
    sender.say(sender.deposit(BOB.line, envelope, ref, granted=True))
    await recipient.until(lambda: envelope in recipient.delivered)
    recipient.say(Ack(envelope_id(envelope), Unreadable.SHOWN))
    await sender.until(lambda: Deposited(ref, DepositState.DELIVERED) in sender.frames)


def test_a_thousand_silent_connections_take_nobodys_place() -> None:
    """Whoever comes while too many are silent is turned away; who is in stays in, and there is room again in time."""

    async def main() -> None:
        limits = StreamLimits(login_s=2.0, handshake_s=1.0)
        floods = FloodLimits(logging_in=300)
        async with server(limits=limits, floods=floods).running() as one, AsyncExitStack() as stack:
            bob, alice = [await stack.enter_async_context(one.logged_in(device)) for device in (BOB, ALICE)]
            with ExitStack() as sockets:
                for number in range(1000):
                    silent = sockets.enter_context(socket.create_connection(("127.0.0.1", one.port)))
                    # A third stops in the middle of the request: slowloris.
                    silent.sendall(UPGRADE if number % 3 else UPGRADE[:40])
                    if number % 50 == 0:
                        await exchange(alice, bob, number + 1)
                await one.until(lambda: one.connections.networks.counts[1] == 300)
                await exchange(alice, bob, 5000)
                await one.until(lambda: one.connections.networks.counts[1] == 0)  # their time is over
            async with one.connect() as late:
                await late.expect(Hello)

    run(main())


def test_a_half_open_connection_ends_and_nothing_on_it_is_lost() -> None:
    """The other side is gone, and nobody says so: no answer to a ping. Who answers stays."""

    async def main() -> None:
        limits = StreamLimits(idle_s=0.5, pong_s=0.5, close_s=0.2)
        async with server(limits=limits).running() as one, one.logged_in(ALICE) as alice:
            async with one.logged_in(BOB) as bob:
                bob.stop_reading()  # neither the pings nor what is live
                alice.say(alice.deposit(BOB.line, b"to nobody", 1))
                await one.until(lambda: len(one.open) == 1)
            assert (await alice.expect(Deposited)).state is DepositState.ACCEPTED
            assert len(one.store.disk.mail) == 1
            async with one.logged_in(BOB) as bob:
                alice.say(alice.deposit(BOB.line, b"here again", 2))
                await bob.until(lambda: b"here again" in bob.delivered)

    run(main())


def test_one_network_cannot_take_all_places(monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter([b"A" * 8] * 3 + [b"B" * 8])
    monkeypatch.setattr(Networks, "name", lambda _self, _host: next(names))

    async def main() -> None:
        floods = FloodLimits(network_connections=2)
        async with server(floods=floods).running() as one, AsyncExitStack() as stack:
            for device in (BOB, ALICE):
                await stack.enter_async_context(one.logged_in(device))
            third = await stack.enter_async_context(one.connect())
            await third.closed.wait()
            assert third.frames == []
            other = await stack.enter_async_context(one.connect())
            await other.expect(Hello)

    run(main())


@pytest.mark.parametrize(
    "floods", [FloodLimits(connections=2), FloodLimits(network_logging_in=2), FloodLimits(logging_in=2)]
)
def test_one_too_many_is_turned_away_and_there_is_room_when_one_has_gone(
    monkeypatch: pytest.MonkeyPatch, floods: FloodLimits
) -> None:
    """Each bound by itself: on all, on a network's that have not logged in, and on all that have not."""
    monkeypatch.setattr(Networks, "name", lambda _self, _host: b"A" * 8)

    async def main() -> None:
        async with server(floods=floods).running() as one, one.connect() as first:
            await first.expect(Hello)
            async with one.connect() as second:
                await second.expect(Hello)
                async with one.connect() as third:
                    await third.closed.wait()
                    assert third.frames == []
            await one.until(lambda: one.connections.networks.counts[0] == 1)
            async with one.connect() as late:
                await late.expect(Hello)

    run(main())


def test_a_long_message_before_the_login_ends_it() -> None:
    async def main() -> None:
        async with server().running() as one, one.connect() as client:
            await client.expect(Hello)
            client.transport.send(WSMsgType.BINARY, bytes(8 * KIB))
            await client.closed.wait()

    run(main())


@pytest.mark.parametrize("kind", ["ping", "unknown", "error"])
def test_who_pings_or_talks_nonsense_without_end_is_cut_off(kind: str) -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob, one.logged_in(ALICE) as alice:
            said = 0
            while not alice.closed.is_set():
                if kind == "ping":
                    alice.transport.send_ping(b"x")
                else:
                    message = UNKNOWN if kind == "unknown" else b"\x91" + ERROR
                    alice.transport.send(WSMsgType.BINARY, message)
                said += 1
                await asyncio.sleep(0)
            assert said > 60
            assert not bob.closed.is_set()

    run(main())


def test_a_line_that_floods_a_mailbox_is_refused_in_time_and_others_are_not() -> None:
    """The flood is over the line's budget before it fills the mailbox; reconnecting buys nothing."""

    async def main() -> None:
        floods = FloodLimits(line_deposits=50, line_deposits_per_s=0.0)
        carl = Device("carl")
        one = StreamServer(floods=floods, devices=[BOB, ALICE, carl])
        async with one.running(), one.logged_in(ALICE) as alice:
            async with one.logged_in(carl) as flooder:
                flooder.say(*[flooder.deposit(BOB.line, b"flood %d" % n, n) for n in range(1, 101)])
                await flooder.until(lambda: len(flooder.frames) == 100)
                refused = [frame for frame in flooder.frames if isinstance(frame, Refused)]
                assert [frame.ref for frame in refused] == list(range(51, 101))
                assert {frame.reason for frame in refused} == {Refusal.TOO_MANY}
            async with one.logged_in(carl) as again:
                again.say(again.deposit(BOB.line, b"again", 1))
                await again.until(lambda: again.frames)
                assert again.frames == [Refused(1, Refusal.TOO_MANY)]
            alice.say(alice.deposit(BOB.line, b"a text", 1))
            await alice.until(lambda: alice.frames)
            assert alice.frames == [Deposited(1, DepositState.ACCEPTED)]

    run(main())


def test_a_line_that_asks_without_end_is_cut_off() -> None:
    async def main() -> None:
        floods = FloodLimits(line_questions=20, line_questions_per_s=0.0)
        async with server(floods=floods).running() as one, one.logged_in(BOB) as bob:
            for ref in range(1, 40):
                bob.say(Ask(ref, bytes(32)))
            await bob.closed.wait()

    run(main())


def test_deliveries_are_no_deposits() -> None:
    """Receiving costs no budget: a line that gets many texts may still answer."""

    async def main() -> None:
        floods = FloodLimits(line_deposits=3, line_deposits_per_s=0.0)
        carl = Device("carl")
        one = StreamServer(floods=floods, devices=[BOB, ALICE, carl])
        async with (
            one.running(),
            one.logged_in(BOB) as bob,
            one.logged_in(ALICE) as alice,
            one.logged_in(carl) as third,
        ):
            for sender in (alice, third):
                sender.say(*[sender.deposit(BOB.line, b"%d from %d" % (n, id(sender)), n) for n in range(1, 4)])
            await bob.until(lambda: len(bob.delivered) == 6)
            assert sum(isinstance(frame, Deliver) for frame in bob.frames) == 6
            bob.say(bob.deposit(ALICE.line, b"back", 1))
            await alice.until(lambda: b"back" in alice.delivered)

    run(main())
