"""Instructions per message on the relay's hot path, which no neighbour on the machine changes.

`python -m bench.instructions` runs the server's part of a workload in one process under valgrind, without sockets: real
connections, real relay, real store, messages made beforehand, a clock that stands. It does so for some messages and for
twice as many; the difference, per message, has no start and no driver in it. What the kernel and picows do is not in it
either, and valgrind's processor has no instructions for SHA and AES of its own: compare two versions of Sayso by this
figure, not Sayso with anything else.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import uvloop
from picows import WSFrame, WSMsgType, WSTransport

from bench.accounts import ENVELOPE_KEY, Account, account
from bench.wire import FIRST_NUMBER, Template, acks, deliver_layout, deposits, read_list_head
from sayso.protocol.frames import Deliver, Deposit, Hello, Login
from sayso.protocol.ids import KeyDigest, envelope_id, grant_hash
from sayso.protocol.limits import DAY, LIMITS
from sayso.protocol.stream import client_frames, server_frames, write
from sayso.server.adapters.connections import Connections
from sayso.server.adapters.keyring.opening import open_keyring
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.stream import DeviceConnection
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.app import settle_collector
from sayso.server.core.limits import FloodLimits
from sayso.server.core.lines import Line, LineTable
from sayso.server.services.relay_runner import RelayRunner

PAIRS: Final = 8
BURST: Final = 16
"""Frames of one WebSocket message."""
ROUND: Final = PAIRS * BURST
SIZE: Final = 1024
ROUNDS: Final = 16
"""Of the shorter of the two runs."""
WORK: Final = Path(__file__).parent.parent / "build"
_NOW: Final = 1000.0
_SERVER: Final = KeyDigest(bytes(32))
_DELIVER: Final = deliver_layout(SIZE)
_COLLECTED: Final = re.compile(r"Collected : (\d+)")


@dataclass(slots=True)
class _Frame:
    """What a connection reads of picows' frame."""

    payload: bytes
    msg_type: WSMsgType = WSMsgType.BINARY
    fin: bool = True
    rsv1: bool = False
    rsv2: bool = False
    rsv3: bool = False

    @property
    def payload_size(self) -> int:
        return len(self.payload)

    def get_payload_as_memoryview(self) -> memoryview:
        return memoryview(self.payload)


@dataclass(slots=True)
class _Transport:
    """What a connection uses of picows' transport; keeps what is sent."""

    sent: list[bytes] = field(default_factory=list)
    something: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something is sent."""

    @property
    def underlying_transport(self) -> "_Transport":
        return self

    def get_extra_info(self, _: str) -> None:
        return None

    def set_write_buffer_limits(self, **_: int) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def send(self, _: object, message: bytes) -> None:
        self.sent.append(message)
        self.something.set()

    def take(self) -> list[bytes]:
        """Return what was sent since the last call."""
        sent, self.sent = self.sent, []
        return sent


class _Phone:
    """One end of a connection, the other being the server's."""

    def __init__(self, one: Account, shared: Connections, something: asyncio.Event) -> None:
        self.account = one
        self.transport = _Transport(something=something)
        self._connection = DeviceConnection(shared)

    async def log_in(self) -> None:
        """Connect and log in."""
        self._connection.on_ws_connected(cast("WSTransport", self.transport))
        await asyncio.sleep(0)
        hello = server_frames.read(self.transport.take()[0])[0]
        if not isinstance(hello, Hello):
            raise TypeError("the server did not greet")
        signature = self.account.sign_login(hello.nonce, _SERVER)
        self.say(write([Hello(LIMITS.protocol_version, (), b""), Login(self.account.device, signature)]))

    def say(self, message: bytes) -> None:
        """Send a message to the server."""
        self._connection.on_ws_frame(cast("WSTransport", self.transport), cast("WSFrame", _Frame(message)))

    def acknowledge(self) -> int:
        """Acknowledge whatever came; returns how many envelopes."""
        count = 0
        for message in self.transport.take():
            view = memoryview(message)
            found = _DELIVER.read(view, *read_list_head(view))
            if found is not None:
                ids: Sequence[bytes] = found[1::4]
            else:
                ids = [frame.envelope_id for frame in server_frames.read(message) if isinstance(frame, Deliver)]
            if ids:
                count += len(ids)
                self.say(acks(ids))
        return count


class _World:
    """A relay over a store on the disk, and the messages to come."""

    def __init__(self, place: Path, store: EmbeddedMailboxStore, runner: RelayRunner, rounds: int) -> None:
        self.place = place
        self.store = store
        self.runner = runner
        self.shared = Connections(
            runner.relay, server=_SERVER, now=runner.now, random=SystemRandom(), floods=FloodLimits(line_deposits=10**9)
        )
        self.something = asyncio.Event()
        phones = [_Phone(account(place), self.shared, self.something) for place in range(2 * PAIRS)]
        self.senders, self.recipients = phones[:PAIRS], phones[PAIRS:]
        templates = [[_template(account(PAIRS + place))] for place in range(PAIRS)]
        starts = range(FIRST_NUMBER, FIRST_NUMBER + rounds * BURST, BURST)
        self.rounds = [[next(deposits(one, range(start, start + BURST))) for one in templates] for start in starts]
        self.acks = [[_acks_of(message) for message in some] for some in self.rounds]

    def deposit(self, number: int) -> None:
        """Each sender deposits a burst for its recipient."""
        for sender, message in zip(self.senders, self.rounds[number], strict=True):
            sender.say(message)

    async def durable(self) -> None:
        """Wait until everything that was taken is durable."""
        done = asyncio.Event()
        self.runner.relay.when_drained(done.set)
        await done.wait()

    @property
    def waiting(self) -> int:
        """How many envelopes wait."""
        return self.runner.relay.counts()["waiting"]


async def _online(world: _World, rounds: int) -> None:
    for phone in (*world.recipients, *world.senders):
        await phone.log_in()
    await asyncio.sleep(0)
    for phone in (*world.recipients, *world.senders):
        phone.transport.take()
    for number in range(rounds):
        world.deposit(number)
        await asyncio.sleep(0)
        for recipient, message in zip(world.recipients, world.acks[number], strict=True):
            recipient.say(message)
            recipient.transport.take()
        await asyncio.sleep(0)
    if world.waiting or any(len(phone.transport.sent) != rounds for phone in world.senders):
        raise RuntimeError("not everything went live and was answered")


async def _deposits(world: _World, rounds: int) -> None:
    for phone in world.senders:
        await phone.log_in()
    for number in range(rounds):
        world.deposit(number)
        if number % 4 == 3:
            await world.durable()
    await world.durable()
    if world.waiting != rounds * ROUND:
        raise RuntimeError("not everything was stored")


async def _drain(world: _World, rounds: int) -> None:
    """Drain as many of the mailboxes as make up `rounds`; all rounds are deposited before."""
    share = max(1, PAIRS * rounds // len(world.rounds))
    left = world.waiting * (PAIRS - share) // PAIRS
    for recipient in world.recipients[:share]:
        await recipient.log_in()
    while world.waiting > left:
        await world.something.wait()
        world.something.clear()
        for recipient in world.recipients[:share]:
            recipient.acknowledge()
    await world.durable()


WORKLOADS: Final = {"online": _online, "deposits": _deposits, "drain": _drain}


async def _run(name: str, rounds: int, made: int) -> float:
    """Run a workload; returns the processor seconds of all but the preparation."""
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=WORK) as folder:
        data = Path(folder)
        keyring = open_keyring(data, None, clock=SystemClock(), random=SystemRandom())
        store = await EmbeddedMailboxStore.open(data / "mail", keyring, SystemRandom())
        lines = LineTable([_line(account(place)) for place in range(2 * PAIRS)])
        runner = RelayRunner(lines, await store.load(), store, now=lambda: _NOW)
        running = asyncio.create_task(runner.run())  # ends with the measurement
        world = _World(data, store, runner, made)
        if name == "drain":
            await _deposits(world, made)
        settle_collector()
        start = time.process_time()
        await WORKLOADS[name](world, rounds)
        used = time.process_time() - start
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()
    return used


def _line(one: Account) -> Line:
    return Line(
        token=one.token,
        device=one.device,
        ed25519=one.key.public_key().public_bytes_raw(),
        grant_hash=grant_hash(one.grant),
        lease_ends=_NOW + 20 * DAY,
        envelope_keys=(ENVELOPE_KEY,),
    )


def _template(to: Account) -> Template:
    salt = to.device + bytes(8)
    return Template(
        token=to.token,
        device=to.device,
        grant=to.grant,
        origin=to.device[:8],
        salt=salt,
        size=SIZE,
        envelope_key=ENVELOPE_KEY,
    )


def _acks_of(message: bytes) -> bytes:
    frames = client_frames.read(message)
    return acks([envelope_id(one.parts[0].envelope) for one in frames if isinstance(one, Deposit)])


def _instructions(name: str, rounds: int, made: int) -> int:
    """Run a workload under valgrind; returns the instructions of the whole process."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--fair-sched=yes", sys.executable]
    command += ["-m", "bench.instructions", name, "--rounds", str(rounds), "--made", str(made)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    except FileNotFoundError:
        raise SystemExit("valgrind is not here: apt install valgrind; or use --cpu") from None
    found = _COLLECTED.search(done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"valgrind failed:\n{done.stderr[-2000:]}")
    return int(found.group(1))


def main(arguments: Sequence[str]) -> int:
    """Count what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"{', '.join(WORKLOADS)} (all)")
    parser.add_argument("--cpu", action="store_true", help="no valgrind: least processor time of five runs")
    parser.add_argument("--rounds", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--made", type=int, default=2 * ROUNDS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    names = options.workloads or list(WORKLOADS)
    if not set(names) <= set(WORKLOADS):
        parser.error(f"choose among {', '.join(WORKLOADS)}")
    for name in names:
        if options.rounds is not None:
            uvloop.run(_run(name, options.rounds, options.made))
        elif options.cpu:
            costs = [uvloop.run(_run(name, 2 * ROUNDS, 2 * ROUNDS)) for _ in range(25)]
            print(f"{name:10}{min(costs) / (2 * ROUNDS * ROUND) * 1e6:10.2f} us a message", flush=True)
        else:
            once, twice = (_instructions(name, rounds, options.made) for rounds in (ROUNDS, 2 * ROUNDS))
            print(f"{name:10}{(twice - once) / (ROUNDS * ROUND):10,.0f} instructions a message", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
