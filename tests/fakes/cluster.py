"""Several nodes in one process: relays over one disk, ownership in a dictionary, a bus that loses and repeats."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from sayso.protocol.frames import (
    Ack,
    Deliver,
    Deposit,
    Deposited,
    DepositState,
    Frame,
    Outcome,
    Part,
    Recall,
    Unreadable,
)
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash, Token, handle_hash
from sayso.server.cluster_port import Claimed, Delivery
from sayso.server.core.budgets import LineBudgets
from sayso.server.core.limits import FloodLimits
from sayso.server.core.lines import Line, LineTable
from sayso.server.core.model import Doubt, Held, Waiting
from sayso.server.core.relay.entries import Sender
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.services.cluster.cluster import Cluster
from sayso.server.services.cluster.holder import SEQ_BLOCK
from sayso.server.services.relay_runner import RelayRunner
from tests.fakes.link import RecordingLink
from tests.fakes.mailbox_store import Disk, FakeMailboxStore
from tests.fakes.relay_world import KEY_ID, grant_of, handle_of, make_line


class FakeBus:
    """A bus in memory. `lose` says of a message whether it, or its acknowledgement, is lost."""

    def __init__(self, listeners: dict[int, Callable[[bytes], bool]]) -> None:
        self._listeners = listeners
        self.lose: Callable[[], str | None] = lambda: None
        """Returns `message`, `answer`, or None."""
        self.delivered = 0

    async def listen(self, node: int, receive: Callable[[bytes], bool]) -> None:
        """Take what is for a node."""
        self._listeners[node] = receive

    async def deliver(self, node: int, message: bytes) -> Delivery:
        """Bring a message."""
        await asyncio.sleep(0)
        receive = self._listeners.get(node)
        if receive is None:
            return Delivery.NOBODY
        lost = self.lose()
        if lost == "message":
            return Delivery.UNDETERMINED
        taken = receive(message)
        self.delivered += taken
        return Delivery.ACKNOWLEDGED if taken and lost is None else Delivery.UNDETERMINED

    async def close(self) -> None:
        """Nothing is open."""


async def until(done: Callable[[], object]) -> None:
    """Let the nodes work until something is so."""
    while not done():  # noqa: ASYNC110  any of many things may have to happen
        await asyncio.sleep(0.005)


@dataclass
class Record:
    """What PostgreSQL is to real nodes."""

    disk: Disk = field(default_factory=Disk)
    lines: dict[DeviceId, Line] = field(default_factory=dict)
    owners: dict[DeviceId, int] = field(default_factory=dict)
    fenced: set[int] = field(default_factory=set)
    nodes: set[int] = field(default_factory=set)
    blocks: int = 0


class FakeOwnership:
    """`Ownership` and `Nodes` of one node, over a record."""

    def __init__(self, record: Record, node: int) -> None:
        self._record = record
        self._node = node

    async def claim(self, devices: Collection[DeviceId]) -> Claimed:
        """Take devices that nobody holds, or whose node is fenced."""
        await asyncio.sleep(0)
        record = self._record
        for device in devices:
            if record.owners.get(device, self._node) in {self._node, *record.fenced}:
                record.owners[device] = self._node
        mine = frozenset(device for device in devices if record.owners[device] == self._node)
        held = await FakeMailboxStore(record.disk).load()
        record.blocks += 1
        return Claimed(
            mine=mine,
            elsewhere={device: record.owners[device] for device in devices if device not in mine},
            held=Held(
                waiting=[one for one in held.waiting if one.device in mine],
                doubts=[one for one in held.doubts if one.device in mine],
                next_seq=record.blocks * SEQ_BLOCK + 1,
            ),
        )

    async def release(self, devices: Collection[DeviceId]) -> None:
        """Let devices go."""
        for device in devices:
            if self._record.owners.get(device) == self._node:
                del self._record.owners[device]

    async def locate(self, handle_hash: HandleHash) -> DeviceId | None:
        """Find the device of an envelope."""
        held = await FakeMailboxStore(self._record.disk).load()
        records: list[Waiting | Doubt] = [*held.waiting, *held.doubts]
        return next((one.device for one in records if one.handle_hash == handle_hash), None)

    async def owner(self, device: DeviceId) -> int | None:
        """Return who holds a device."""
        node = self._record.owners.get(device)
        return None if node in self._record.fenced else node

    async def overdue(self, *, now: float, at_most: int) -> list[DeviceId]:
        """Return devices that nobody holds, and for which something waits too long."""
        held = await FakeMailboxStore(self._record.disk).load()
        late = {one.device for one in held.waiting if one.expires <= now}
        return [device for device in late if await self.owner(device) is None][:at_most]

    async def holdings(self, device: DeviceId) -> tuple[int, int]:
        """Count what is stored for a device."""
        held = await FakeMailboxStore(self._record.disk).load()
        sizes = [one.size for one in held.waiting if one.device == device]
        return len(sizes), sum(sizes)

    async def living(self) -> list[int]:
        """Return the other nodes."""
        return sorted(self._record.nodes - self._record.fenced - {self._node})

    async def fence(self, node: int) -> bool:
        """Tell whether a node is fenced; tests fence."""
        return node in self._record.fenced


class _Store(FakeMailboxStore):
    def took_up(self, held: Held) -> None:
        """Nothing to follow."""

    def let_go(self, seqs: Collection[int]) -> None:
        """Nothing to follow."""


class FakeNode:
    """One node."""

    def __init__(self, number: int, record: Record, listeners: dict[int, Callable[[bytes], bool]]) -> None:
        self.number = number
        self.bus = FakeBus(listeners)
        self._record = record
        ownership = FakeOwnership(record, number)
        self.store = store = _Store(record.disk)
        self.runner = RelayRunner(
            LineTable(), Held(waiting=[], doubts=[], next_seq=0), store, now=asyncio.get_running_loop().time
        )
        self.cluster = Cluster(
            number,
            self.runner.relay,
            store,
            self.runner,
            ownership=ownership,
            nodes=ownership,
            bus=self.bus,
            secret=b"s" * 32,
            lines=self._lines,
            device_of=self._device_of,
            now=asyncio.get_running_loop().time,
        )
        record.nodes.add(number)
        self._running: list[asyncio.Task[None]] = []

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Run."""
        self._running = [tasks.create_task(self.cluster.run()), tasks.create_task(self.runner.run())]

    def kill(self) -> None:
        """Die, and be fenced."""
        for task in self._running:
            task.cancel()
        self._record.fenced.add(self.number)

    def stop(self) -> None:
        """Stop running."""
        for task in self._running:
            task.cancel()

    async def connect(self, line: Line) -> "FakePhone":
        """Log a device in."""
        admitted = asyncio.Event()
        self.cluster.admission.admit(line.device, admitted.set)
        await admitted.wait()
        return FakePhone(self, line)

    async def _lines(self, devices: Collection[DeviceId]) -> list[Line]:
        return [self._record.lines[device] for device in devices if device in self._record.lines]

    async def _device_of(self, token: Token) -> DeviceId | None:
        return next((line.device for line in self._record.lines.values() if token in line.tokens), None)


class FakePhone:
    """A device on a node: acknowledges what it gets, and deposits."""

    def __init__(self, node: FakeNode, line: Line) -> None:
        self.node = node
        self.line = line
        self.link = _Acking(self)
        self.sender = Sender(self.link)
        self.mailbox: Mailbox = node.runner.relay.login(self.link, line.device, now=node.runner.now())
        self._ref = 0

    @property
    def got(self) -> list[bytes]:
        """Envelopes, in order, each once."""
        return list(dict.fromkeys(self.link.delivered))

    def give_budget(self, most: int) -> None:
        """Let the line deposit and ask so many times, and never again."""
        limits = FloodLimits(line_deposits=most, line_deposits_per_s=0.0, line_questions=most, line_questions_per_s=0.0)
        self.sender = Sender(self.link, LineBudgets(limits), self.line.device)

    def send(self, to: Line, envelope: bytes) -> int:
        """Deposit for somebody who has given a grant."""
        self._ref += 1
        part = Part(to.device, KEY_ID, handle_hash(handle_of(envelope)), envelope)
        frame = Deposit(self._ref, to.token, 3600, grant_of(to), [part], again=False)
        self.node.cluster.router.deposit(self.sender, frame, now=self.node.runner.now())
        return self._ref

    def recall(self, envelope: bytes) -> int:
        """Take an envelope back."""
        self._ref += 1
        self.node.cluster.router.recall(self.sender, Recall(self._ref, handle_of(envelope)), now=self.node.runner.now())
        return self._ref

    def leave(self) -> None:
        """Hang up."""
        self.sender.link = None
        self.node.cluster.router.left(self.sender)
        self.node.runner.relay.logout(self.link, self.line.device)

    async def answer(self, ref: int) -> Frame:
        """Wait for the answer to a ref."""
        while True:
            for frame in self.link.frames:
                if getattr(frame, "ref", None) == ref:
                    return frame
            await asyncio.sleep(0.005)

    async def states(self, refs: Collection[int]) -> list[DepositState]:
        """Wait for the answers to deposits."""
        answers = [await self.answer(ref) for ref in refs]
        return [answer.state for answer in answers if isinstance(answer, Deposited)]

    async def outcome(self, ref: int) -> Outcome:
        """Wait for the answer to a recall."""
        answer = await self.answer(ref)
        assert isinstance(answer, Outcome)
        return answer

    async def until(self, count: int) -> list[bytes]:
        """Wait until so many envelopes have come."""
        await until(lambda: len(self.got) >= count)
        return self.got


class _Acking(RecordingLink):
    def __init__(self, phone: FakePhone) -> None:
        super().__init__()
        self._phone = phone
        self.acks = True

    def put(self, frame: Frame, size: int = 64) -> None:
        super().put(frame, size)
        if isinstance(frame, Deliver) and self.acks and not self.ended:
            asyncio.get_running_loop().call_soon(self._ack, frame.envelope_id)

    def _ack(self, named: bytes) -> None:
        phone = self._phone
        if not self.ended and phone.mailbox.link is self:
            phone.node.runner.relay.ack(
                phone.mailbox, Ack(EnvelopeId(named), Unreadable.SHOWN), now=phone.node.runner.now()
            )


@dataclass
class ClusterWorld:
    """Nodes, lines, and what is durable."""

    record: Record
    nodes: list[FakeNode]

    def line(self, name: str) -> Line:
        """Enrol a line."""
        line = make_line(name, lease_ends=asyncio.get_running_loop().time() + 72 * 3600)
        self.record.lines[line.device] = line
        return line

    def lossy(self, seed: int, share: float) -> None:
        """Have every bus lose messages and acknowledgements."""
        source = Random(seed)

        def lose() -> str | None:
            drawn = source.random()
            return "message" if drawn < share / 2 else "answer" if drawn < share else None

        for node in self.nodes:
            node.bus.lose = lose


@asynccontextmanager
async def cluster_world(count: int = 3) -> AsyncIterator[ClusterWorld]:
    """Start nodes; they stop at the end."""
    record = Record()
    listeners: dict[int, Callable[[bytes], bool]] = {}
    nodes = [FakeNode(number, record, listeners) for number in range(1, count + 1)]
    async with asyncio.TaskGroup() as tasks:
        for node in nodes:
            node.start(tasks)
        await asyncio.sleep(0.01)  # until all parts run
        yield ClusterWorld(record, nodes)
        for node in nodes:
            node.stop()
