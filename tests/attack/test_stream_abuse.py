"""Abuse of the stream: what is no message, clients that never read, that flood, that never log in, that will not go."""

import asyncio
from collections.abc import Callable

import pytest
from picows import WSMsgType

from sayso.protocol.frames import (
    Ask,
    Deliver,
    Deposit,
    Deposited,
    DepositState,
    Error,
    ErrorCode,
    Hello,
    Part,
    Refused,
    WrongDevices,
)
from sayso.protocol.limits import KIB, LIMITS
from sayso.protocol.stream import write
from sayso.server.core.limits import StreamLimits
from tests.aio import run
from tests.fakes.device_stream import DeviceStream, StreamServer
from tests.fakes.login import Device

BOB, ALICE = Device("bob"), Device("alice")
ASK = write([Ask(1, bytes(32))])
SMALL = StreamLimits(
    congested_bytes=16 * KIB,
    flowing_bytes=4 * KIB,
    unsent_bytes=2048 * KIB,
    kernel_bytes=4 * KIB,
    congested_s=300.0,
    close_s=0.05,
    nuisances=10**9,
)


def server(limits: StreamLimits | None = None) -> StreamServer:
    return StreamServer(limits=limits or StreamLimits(), devices=[Device("bob"), Device("alice")])


def text(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.TEXT, b"hello")


def broken_text(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.TEXT, b"\xff\xfe")


def fragment(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, ASK[:5], fin=False)
    client.transport.send(WSMsgType.CONTINUATION, ASK[5:])


def unfinished(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, ASK, fin=False)


def continuation(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.CONTINUATION, ASK)


def reserved_bit(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, ASK, rsv1=True)


def empty(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, b"")


def garbage(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, b"\xc1" * 100)


def cut_off(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, ASK[:-1])


def trailing(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, ASK + b"\x00")


def no_list(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, b"\x01")


def deep(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, b"\x91" * 5000)


def too_many_fields(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, b"\x91\x94\x0c\x01\xc4\x20" + bytes(32) + b"\x00")


def too_many_frames(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, b"\xdc\x20\x00" + b"\x91\x63" * 0x2000)


def too_long(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, b"\x91" + bytes(LIMITS.message_bytes + 10))


def good_and_then_bad(client: DeviceStream) -> None:
    client.transport.send(WSMsgType.BINARY, b"\x92" + ASK[1:] + b"\x91\x0c")


def servers_frame(client: DeviceStream) -> None:
    """A client that sends a frame only a server sends is told that it is not known, and may stay."""
    client.say(Deliver(bytes(16), b"one"))


BAD = [
    text,
    broken_text,
    fragment,
    unfinished,
    continuation,
    reserved_bit,
    empty,
    garbage,
    cut_off,
    trailing,
    no_list,
    deep,
    too_many_fields,
    too_many_frames,
    too_long,
    good_and_then_bad,
]


@pytest.mark.parametrize("logged_in", [False, True])
@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_message_ends_the_connection_and_nobody_elses(
    bad: Callable[[DeviceStream], None], *, logged_in: bool
) -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(ALICE) as alice:
            async with one.logged_in(BOB) if logged_in else one.connect() as client:
                if not logged_in:
                    await client.expect(Hello)
                bad(client)
                client.say(Ask(2, bytes(32)))
                await client.closed.wait()
                # A length that is too great is cut off by picows itself, before anything can be said.
                answers = [frame for frame in client.frames if not isinstance(frame, Error)]
                assert answers == []
                errors = [frame.code for frame in client.frames if isinstance(frame, Error)]
                assert errors == [ErrorCode.MALFORMED] or bad is too_long
            alice.say(alice.deposit(BOB.line, b"one", 1))
            assert await alice.expect(Deposited) == Deposited(1, DepositState.ACCEPTED)

    run(main())


def test_a_servers_frame_from_a_client_is_unknown() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob:
            servers_frame(bob)
            assert (await bob.expect(Error)).code is ErrorCode.UNKNOWN_FRAME
            bob.say(Ask(2, bytes(32)))
            await bob.until(lambda: bob.frames)

    run(main())


def test_a_device_that_never_reads_is_congested_then_closed_and_loses_nothing() -> None:
    async def main() -> None:
        limits = StreamLimits(congested_bytes=64 * KIB, flowing_bytes=8 * KIB, kernel_bytes=4 * KIB, congested_s=0.3)
        async with server(limits).running() as one, one.logged_in(ALICE) as alice:
            async with one.logged_in(BOB) as bob:
                bob.stop_reading()  # also of the end of the connection
                for number in range(1, 201):
                    alice.say(alice.deposit(BOB.line, number.to_bytes(2, "big") * 30 * KIB, number))
                await one.until(lambda: len(one.open) == 1)
            await alice.until(lambda: len(alice.frames) == 200)
            states = [frame.state for frame in alice.frames if isinstance(frame, Deposited)]
            assert states == [DepositState.ACCEPTED] * 200
            assert len(one.store.disk.mail) == 200

    run(main())


def test_a_device_that_reads_again_in_time_stays_and_gets_everything_in_order() -> None:
    async def main() -> None:
        limits = StreamLimits(congested_bytes=64 * KIB, flowing_bytes=8 * KIB, kernel_bytes=4 * KIB)
        async with server(limits).running() as one, one.logged_in(ALICE) as alice, one.logged_in(BOB) as bob:
            bob.stop_reading()
            for number in range(1, 151):
                alice.say(alice.deposit(BOB.line, number.to_bytes(2, "big") * 30 * KIB, number))
            await alice.until(lambda: len(alice.frames) == 150)
            bob.read_again()
            await bob.until(lambda: len(bob.delivered) == 150)
            assert [int.from_bytes(envelope[:2], "big") for envelope in bob.delivered] == list(range(1, 151))

    run(main())


@pytest.mark.parametrize("kind", ["unknown", "wrong-devices", "refused"])
def test_who_asks_and_never_reads_the_answers_is_cut_off(kind: str) -> None:
    """Each question costs its sender a few bytes and the server's memory many, if nothing stops it."""

    async def main() -> None:
        async with server(SMALL).running() as one, one.logged_in(BOB) as bob:
            deposit = bob.deposit(ALICE.line, b"one", 1)
            wrong = [Part(bytes([number]) * 16, 1, bytes(32), b"x") for number in range(8)]
            message = {
                "unknown": b"\xdc\x0f\xa0" + b"\x91\x63" * 4000,
                "wrong-devices": write([Deposit(1, ALICE.line.token, 3600, b"", wrong, again=False)] * 300),
                "refused": write([Deposit(1, bytes(33), 3600, b"", deposit.parts, again=False)] * 1000),
            }[kind]
            bob.stop_reading()
            (connection,) = one.open
            most = 0
            while connection in one.open:
                bob.transport.send(WSMsgType.BINARY, message)
                await asyncio.sleep(0)
                transport = connection._transport
                if transport is not None:
                    most = max(most, transport.underlying_transport.get_write_buffer_size())
            assert 0 < most < SMALL.unsent_bytes + 3 * LIMITS.message_bytes

    run(main())


def test_who_pings_and_never_reads_the_pongs_fills_no_memory() -> None:
    async def main() -> None:
        async with server(SMALL).running() as one, one.logged_in(BOB) as bob:
            (connection,) = one.open
            bob.stop_reading()
            most = 0
            for _ in range(300):
                for _ in range(300):
                    bob.transport.send_ping(bytes(125))
                await asyncio.sleep(0)
                assert connection._transport is not None
                most = max(most, connection._transport.underlying_transport.get_write_buffer_size())
            assert connection.congested
            assert most < 64 * KIB

    run(main())


def test_who_floods_before_the_login_is_cut_off_at_once() -> None:
    """Nobody knows who it is; and a pause of the flood must not take the deadline of the login away."""

    async def main() -> None:
        limits = StreamLimits(congested_bytes=16 * KIB, flowing_bytes=4 * KIB, kernel_bytes=4 * KIB)
        async with server(limits).running() as one, one.connect() as client:
            await client.expect(Hello)
            client.stop_reading()
            (connection,) = one.open
            most = 0
            while connection in one.open:
                client.transport.send(WSMsgType.BINARY, b"\xdc\x01\x00" + b"\x91\x63" * 256)
                await asyncio.sleep(0)
                if connection._transport is not None:
                    most = max(most, connection._transport.underlying_transport.get_write_buffer_size())
            assert most < limits.unsent_bytes // 8
            assert one.runner.relay.counts()["connected"] == 0

    run(main())


def test_who_will_not_go_is_cut_off() -> None:
    """It was told to go and reads nothing, so that the end of the connection never comes by itself."""

    async def main() -> None:
        async with server(SMALL).running() as one, one.logged_in(BOB) as bob, one.logged_in(ALICE) as alice:
            bob.stop_reading()
            for number in range(1, 100):
                alice.say(alice.deposit(BOB.line, number.to_bytes(2, "big") * 4 * KIB, number))
            await alice.until(lambda: len(alice.frames) == 99)
            stuck = next(open_ for open_ in one.open if open_.congested)
            async with one.logged_in(BOB):  # replaces it
                await one.until(lambda: stuck not in one.open)

    run(main(), patience=20.0)  # picows' own pings would cut it off after 50 seconds


def test_answers_about_wrong_devices_are_counted_at_their_real_size() -> None:
    """Many of them in one turn of the loop must not make a message of more than 256 KiB."""

    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob:
            parts = [Part(bytes([number]) * 16, 1, bytes(32), b"x") for number in range(8)]
            wrong = Deposit(1, ALICE.line.token, 3600, b"", parts, again=False)
            for _ in range(10):
                bob.say(*[wrong] * 400)
            await bob.until(lambda: sum(isinstance(frame, WrongDevices) for frame in bob.frames) == 4000)
            assert max(bob.messages) <= LIMITS.message_bytes

    run(main())


def test_frames_after_the_end_are_not_looked_at() -> None:
    async def main() -> None:
        async with server().running() as one, one.logged_in(BOB) as bob:
            bob.transport.send(WSMsgType.TEXT, b"bye")
            for number in range(2, 50):
                bob.say(bob.deposit(ALICE.line, b"%d" % number, number))
            await bob.closed.wait()
            assert not [frame for frame in bob.frames if isinstance(frame, Deposited | Refused)]
            assert one.store.disk.mail == {}

    run(main())
