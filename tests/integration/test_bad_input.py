"""Bad input over a real stream: a clear answer, nothing lost, nothing accepted that is not safe."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from picows import WSMsgType

from sayso.phone.core.outgoing import Reason
from sayso.phone.core.texts import SENTENCES
from sayso.protocol.api import KEYS_PATH
from sayso.protocol.frames import (
    Ack,
    Ask,
    CaughtUp,
    Collect,
    Deliver,
    Deposit,
    Deposited,
    DepositState,
    Error,
    ErrorCode,
    Frame,
    Hello,
    Login,
    Outcome,
    OutcomeState,
    Part,
    Ready,
    Recall,
    Refusal,
    Refused,
    Unreadable,
    Withdrawn,
    WrongDevices,
)
from sayso.protocol.ids import envelope_id, handle_hash
from sayso.protocol.limits import KIB, LIMITS
from sayso.protocol.stream import write
from tests.accounting import not_tested
from tests.aio import run
from tests.integration.nursery import Nursery
from tests.integration.raw_device import RawDevice, connected, enrol, lines, take_all
from tests.integration.scripts import NOTHING_WAITS, mailbox, nothing_waits
from tests.integration.world import ALICE, BOB, Enrolled, Ports, World, world

pytestmark = pytest.mark.slow
ENVELOPE = bytes(range(256)) * 8
HELLO = Hello(LIMITS.protocol_version, (), b"")


@dataclass(frozen=True)
class Stage:
    """A server, and two lines on it."""

    world: World
    alice: RawDevice
    bob: RawDevice


@dataclass(frozen=True)
class AtRest:
    """A server at rest with two lines on it."""

    data: Path
    ports: Ports
    alice: RawDevice
    bob: RawDevice

    @asynccontextmanager
    async def stage(self, nursery: Nursery, place: Path) -> AsyncIterator[Stage]:
        """Copy it, and run the server."""
        Enrolled(self.data, self.ports).copy(place)
        async with world(nursery, place, self.ports) as made:
            await made.start("carrier")
            await made.start("server")
            yield Stage(made, self.alice, self.bob)
            await made.stop()


@pytest.fixture(scope="session")
def at_rest(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> AtRest:
    data, ports = tmp_path_factory.mktemp("raw") / "w", Ports.free()

    async def begin() -> AtRest:
        async with world(nursery, data, ports) as made:
            await made.start("carrier")
            await made.start("server")
            alice, bob = await enrol(made, "alice", seed=1), await enrol(made, "bob", seed=2)
            await made.stop()
        return AtRest(data, ports, alice, bob)

    return run(begin())


Play = Callable[[Callable[[Stage], Awaitable[None]]], None]


@pytest.fixture
def play(nursery: Nursery, at_rest: AtRest, place: Path) -> Play:
    def whole(scenario: Callable[[Stage], Awaitable[None]]) -> None:
        async def staged() -> None:
            async with at_rest.stage(nursery, place) as stage:
                await scenario(stage)

        run(staged())

    return whole


def malformed(good: bytes) -> Iterator[bytes]:
    """Messages that are none."""
    yield from (b"", b"\xc1", b"hello", b"\x90" * 3, b"\x93\x01\x02", b"\x81\xa1a\x01", bytes(1000), b"\x91" * 2000)
    yield from (good[:cut] for cut in (1, 2, 10, 60, len(good) // 2, len(good) - 1))
    yield good + b"\x00"
    frame = msgspec.msgpack.decode(good)[0]
    for bad in (
        [*frame, None],
        frame[:-1],
        [frame[0], 0, *frame[2:]],
        [frame[0], "1", *frame[2:]],
        [frame[0], 2**63, *frame[2:]],
        [*frame[:2], frame[2][:-1], *frame[3:]],
        [*frame[:5], []],
        [*frame[:5], frame[5] * (LIMITS.devices_per_line + 1)],
        [*frame[:5], [[*frame[5][0][:3], b""]]],
        [*frame[:5], [[*frame[5][0][:3], bytes(LIMITS.envelope_bytes + 1)]]],
        [["a"], 1],
        [True],
        [],
    ):
        yield msgspec.msgpack.encode([bad])


def test_malformed_and_oversized_messages_end_the_connection_and_nothing_else(play: Play) -> None:
    """What was deposited on it before is safe, and so are all other connections."""

    async def scenario(stage: Stage) -> None:
        good = write([stage.bob.deposit(1, ENVELOPE, bytes(32))])
        bad = [*malformed(good), bytes(LIMITS.message_bytes + 1), bytes(1024 * KIB)]
        async with stage.bob.online(stage.world) as bystander:
            for number, message in enumerate(bad):
                envelope = number.to_bytes(2, "big") * 1024
                handle = number.to_bytes(32, "big")
                async with stage.alice.online(stage.world) as stream:
                    stream.say(stage.bob.deposit(1, envelope, handle, granted=True))
                    stream.say_bytes(message)
                    if len(message) <= LIMITS.message_bytes:
                        error = await stream.expect(Error)
                        assert error.code is ErrorCode.MALFORMED
                        assert error.detail
                    await stream.until_closed()
                assert await take_all(bystander, 1) == [envelope]
            bystander.say(stage.alice.deposit(7, ENVELOPE, bytes(32)))
            assert (await bystander.expect(Deposited)).state is DepositState.ACCEPTED

    play(scenario)


def test_what_the_websocket_lets_through_and_the_protocol_forbids(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        good = write([stage.bob.deposit(1, ENVELOPE, bytes(32))])
        for kind, options in (
            (WSMsgType.TEXT, {}),
            (WSMsgType.BINARY, {"fin": False}),
            (WSMsgType.BINARY, {"rsv1": True}),
            (WSMsgType.CONTINUATION, {}),
        ):
            async with stage.alice.online(stage.world) as stream:
                stream.say_bytes(good, kind, **options)
                await stream.until_closed()
                assert not [frame for frame in stream.heard if isinstance(frame, Deposited)]
        assert mailbox(stage.world) == NOTHING_WAITS

    play(scenario)


def test_a_frame_cut_off_by_the_end_of_the_connection_is_no_deposit(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        message = write([stage.bob.deposit(1, ENVELOPE, bytes(32))])
        async with stage.alice.online(stage.world) as stream:
            head = b"\x82\xfe" + len(message).to_bytes(2, "big") + bytes(4)  # masked with zeros
            stream.transport.underlying_transport.write(head + message[:-1])
        async with stage.bob.online(stage.world) as reading:
            assert not [frame for frame in reading.heard if isinstance(frame, Deliver)]
        assert mailbox(stage.world) == NOTHING_WAITS

    play(scenario)


def test_an_unknown_frame_is_answered_and_the_connection_stays(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.alice.online(stage.world) as stream:
            for kind in (0, 19, 99, 2**31):
                stream.say_bytes(msgspec.msgpack.encode([[kind, "anything", {"at": "all"}]]))
                error = await stream.expect(Error)
                assert (error.code, error.frame) == (ErrorCode.UNKNOWN_FRAME, kind)
            stream.say(stage.bob.deposit(1, ENVELOPE, bytes(32)))
            assert (await stream.expect(Deposited)).state is DepositState.ACCEPTED

    play(scenario)


def test_logins_that_are_none(play: Play) -> None:
    """Wrong signature, replayed challenge, unknown device, wrong order, wrong version: said, and closed."""

    async def scenario(stage: Stage) -> None:
        alice, bob = stage.alice, stage.bob
        async with connected(stage.world) as earlier:
            old = (await earlier.expect(Hello)).nonce
        replayed = alice.login(old)
        unknown = Login(b"?" * 16, replayed.signature)
        deposit = bob.deposit(1, ENVELOPE, bytes(32))

        async def refused(code: ErrorCode, make: Callable[[bytes], list[object]]) -> None:
            async with connected(stage.world) as stream:
                nonce = (await stream.expect(Hello)).nonce
                stream.say(*make(nonce))  # type: ignore[arg-type]  # frames, one by one
                assert (await stream.expect(Error)).code is code
                await stream.until_closed()
                assert not [frame for frame in stream.heard if isinstance(frame, (Ready, Deposited))]

        await refused(ErrorCode.BAD_LOGIN, lambda _: [HELLO, replayed])
        await refused(ErrorCode.BAD_LOGIN, lambda _: [HELLO, unknown])
        await refused(ErrorCode.BAD_LOGIN, lambda nonce: [HELLO, Login(bob.id, alice.login(nonce).signature)])
        await refused(ErrorCode.BAD_LOGIN, lambda _: [HELLO, Login(alice.id, bytes(64))])
        await refused(ErrorCode.NOT_LOGGED_IN, lambda nonce: [alice.login(nonce)])
        await refused(ErrorCode.NOT_LOGGED_IN, lambda _: [deposit])
        await refused(ErrorCode.NOT_LOGGED_IN, lambda _: [HELLO, deposit])
        await refused(ErrorCode.NOT_LOGGED_IN, lambda _: [HELLO, HELLO])
        await refused(ErrorCode.VERSION, lambda _: [Hello(9, (), b"")])
        async with alice.online(stage.world) as stream:
            stream.say(alice.login(old))
            assert (await stream.expect(Error)).code is ErrorCode.UNEXPECTED
            await stream.until_closed()
        assert mailbox(stage.world) == NOTHING_WAITS

    play(scenario)


def test_a_challenge_expires(nursery: Nursery, at_rest: AtRest, place: Path) -> None:
    """Who says nothing is cut off, and a login after that is too late."""

    async def scenario() -> None:
        Enrolled(at_rest.data, at_rest.ports).copy(place)
        async with world(nursery, place, at_rest.ports) as made:
            await made.start("carrier")
            made.server.environment["SAYSO_TEST_LIMITS"] = '{"challenge_s": 0.2}'
            await made.start("server")
            async with connected(made) as stream:
                nonce = (await stream.expect(Hello)).nonce
                stream.say(HELLO)
                await stream.until_closed()
                stream.say(at_rest.alice.login(nonce))
                assert not [frame for frame in stream.heard if isinstance(frame, Ready)]

    run(scenario())


def test_deposits_that_are_not_taken(play: Play) -> None:
    """Unknown token or device, wrong lists, times out of range, a handle used twice: each gets its own answer."""

    async def scenario(stage: Stage) -> None:
        alice, bob = stage.alice, stage.bob
        part, other = bob.part(ENVELOPE, b"h" * 32), Part(b"x" * 16, 1, handle_hash(b"i" * 32), ENVELOPE)
        nobody = bytes([bob.token[0]]) + bytes(32)
        other_epoch = bytes([bob.token[0] + 1]) + bob.token[1:]

        async with alice.online(stage.world) as stream:

            async def said(token: bytes, parts: list[Part], ttl_s: int = 3600, grant: bytes = b"") -> object:
                stream.say(Deposit(1, token, ttl_s, grant, parts, again=False))
                return await stream.expect(Frame)

            for token in (nobody, other_epoch):
                assert await said(token, [part]) == Refused(1, Refusal.NOT_ENROLLED)
            for ttl_s in (LIMITS.ttl_min_s - 1, LIMITS.ttl_max_s + 1, 0, -1, 2**40):
                assert await said(bob.token, [part], ttl_s) == Refused(1, Refusal.TTL)
            assert await said(bob.token, [other]) == WrongDevices(1, [bob.id], [other.device], [])
            assert await said(bob.token, [part, other]) == WrongDevices(1, [], [other.device], [])
            stale = Part(bob.id, 99, part.handle_hash, ENVELOPE)
            assert await said(bob.token, [stale]) == WrongDevices(1, [], [], [bob.id])
            assert isinstance(await said(bob.token, [part, part]), WrongDevices)
            assert mailbox(stage.world) == NOTHING_WAITS

            assert await said(bob.token, [part], grant=b"g" * 32) == Deposited(1, DepositState.ACCEPTED)
            twice = Part(bob.id, bob.envelope_key, part.handle_hash, ENVELOPE[::-1])
            assert await said(bob.token, [twice]) == Refused(1, Refusal.HANDLE_USED)
            assert mailbox(stage.world)["mail"] == 1

    play(scenario)


def test_repeated_and_reordered_frames_change_nothing(play: Play) -> None:
    """The same deposit again, acks before and after their time, handles and ids that nobody knows."""

    async def scenario(stage: Stage) -> None:
        alice, bob = stage.alice, stage.bob
        handle, stranger = b"h" * 32, b"s" * 32
        deposit = bob.deposit(1, ENVELOPE, handle, granted=True)
        eid = envelope_id(ENVELOPE)
        async with alice.online(stage.world) as writing:
            writing.say(deposit, deposit)
            for _ in range(2):
                assert (await writing.expect(Deposited)).state is DepositState.ACCEPTED
            writing.say(Ask(2, stranger), Recall(3, stranger), Collect(stranger), Ack(eid, Unreadable.SHOWN))
            for ref in (2, 3):
                assert (await writing.expect(Outcome, lambda one, r=ref: one.ref == r)).state is OutcomeState.UNKNOWN  # type: ignore[misc]
            async with bob.online(stage.world, caught_up=False) as reading:
                reading.say(Ack(b"?" * 16, Unreadable.SHOWN), Withdrawn(b"?" * 16, had_it=True))
                assert await take_all(reading, 1) == [ENVELOPE]
                await reading.expect(CaughtUp)
                reading.say(Ack(eid, Unreadable.SHOWN), Ack(eid, Unreadable.MALFORMED), Withdrawn(eid, had_it=False))
                assert (await writing.expect(Outcome, lambda one: one.ref == 0)).state is OutcomeState.DELIVERED
                writing.say(Ask(4, handle))
                assert (await writing.expect(Outcome)).state is OutcomeState.DELIVERED
            await nothing_waits(stage.world)
            async with bob.online(stage.world) as reading:
                assert not [frame for frame in reading.heard if isinstance(frame, Deliver)]

    play(scenario)


def test_a_full_mailbox_is_told_and_the_phone_keeps_its_queue(
    nursery: Nursery, enrolled: Enrolled, place: Path
) -> None:
    """A stranger fills his share of Bob's mailbox, and Alice the rest.

    She is told why the next texts wait, and they go by themselves, in order, once there is room.
    """
    enrolled.copy(place)
    texts = [f"text {number}" for number in range(10)]

    async def scenario() -> None:
        async with world(nursery, place, enrolled.ports) as made:
            alice, bob = made.alice, made.bob
            await made.start("carrier")
            limits = {"mailbox_envelopes": 12, "mailbox_stranger_envelopes": 4}
            made.server.environment["SAYSO_TEST_LIMITS"] = json.dumps(limits)
            await made.start("server", "alice", "bob")
            await bob.send(ALICE, "you have my grant")
            await alice.sees("you have my grant")
            carol = await enrol(made, "carol", seed=3)
            line = lines(made)[1]
            await bob.daemon.stop()
            async with carol.online(made) as stream:
                for ref in range(1, 6):
                    part = Part(
                        line.device, line.envelope_key, handle_hash(bytes([ref]) * 32), carol.device.drawn(2048)
                    )
                    stream.say(Deposit(ref, line.token, 3600, b"", [part], again=False))
                assert await stream.expect(Refused) == Refused(5, Refusal.MAILBOX_FULL)
                for _ in range(4):
                    await stream.expect(Deposited)
            for text in texts:
                await alice.send(BOB, text)
            await alice.sees(texts[-1], "queued", "deposited", notice=SENTENCES[Reason.MAILBOX_FULL])
            await made.start("bob")
            await bob.sees(texts[-1])
            await nothing_waits(made)
            assert [one.text for one in await bob.messages() if one.direction == "in"] == texts
            await made.stop()

    run(scenario())


@contextmanager
def small_disk(at: Path, kibibytes: int) -> Iterator[Path]:
    """Put a directory onto a disk of that size, half of it taken by a file that is returned."""
    aside = at.with_name(at.name + "-aside")
    at.rename(aside)
    at.mkdir(mode=0o700)
    options = f"size={kibibytes}k,mode=700"
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(at)], capture_output=True, check=False)
    if mount.returncode != 0:
        not_tested("a small disk cannot be mounted here; run as root")
    try:
        shutil.copytree(aside, at, dirs_exist_ok=True)
        ballast = at / "ballast"
        ballast.write_bytes(bytes(kibibytes * KIB // 2))
        yield ballast
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def test_a_full_disk_accepts_nothing_falsely_and_is_overcome(nursery: Nursery, at_rest: AtRest, place: Path) -> None:
    """What was accepted is delivered, what was refused is not; with space again the same process goes on."""
    if os.geteuid() != 0:
        not_tested("a small disk cannot be mounted here; run as root")
    Enrolled(at_rest.data, at_rest.ports).copy(place)

    async def scenario(ballast: Path) -> None:
        alice, bob = at_rest.alice, at_rest.bob
        alice.device.nonces.clear()  # of another process
        async with world(nursery, place, at_rest.ports) as made:
            await made.start("carrier")
            await made.start("server")
            accepted: list[bytes] = []
            async with alice.online(made) as writing:

                async def deposit() -> bool:
                    envelope = alice.device.drawn(16 * KIB)
                    writing.say(bob.deposit(1, envelope, alice.device.drawn(32), granted=True))
                    answer = await writing.expect(Frame, lambda frame: isinstance(frame, (Deposited, Refused)))
                    if isinstance(answer, Deposited):
                        accepted.append(envelope)
                        return True
                    assert answer == Refused(1, Refusal.NO_SPACE)
                    return False

                while await deposit():
                    pass
                fill_up(ballast.with_name("filler"))
                assert not await deposit()
                answer = await alice.device.post(KEYS_PATH, alice.device.all_keys())
                assert (answer.status, answer.problem) == (503, "unavailable")
                assert accepted
                in_time = len(accepted)

                make_space(ballast)
                for _ in range(100):
                    if await deposit():
                        break
                    await asyncio.sleep(0.1)
                assert await deposit()
                assert len(accepted) == in_time + 2
                assert (await alice.device.post(KEYS_PATH, alice.device.all_keys())).status == 200
            assert made.server.starts == 1
            made.server.kill()
            await made.server.died_since(1)
            await made.server.up()
            async with bob.online(made, caught_up=False) as reading:
                assert await take_all(reading, len(accepted)) == accepted
                await reading.expect(CaughtUp)
            await made.stop()

    with small_disk(place / "server", 4 * KIB) as ballast:
        run(scenario(ballast))


def make_space(ballast: Path) -> None:
    """Take away what `small_disk` and `fill_up` put there."""
    ballast.unlink()
    ballast.with_name("filler").unlink()


def fill_up(file: Path) -> None:
    """Leave no byte."""
    with suppress(OSError), file.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
