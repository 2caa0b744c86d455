"""The honest server with the real relay: custody, recall, withdraw, doubts, outcomes as production has them.

Its control plane is the fake's; streams may be stalled (nothing passes, nothing is lost) and cut (some of what was
under way is lost), and the process may crash, before or after a batch that is being written has become durable.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from sayso.phone.errors import LoginRefusedError, UnreachableError
from sayso.phone.ports import StreamLink
from sayso.protocol import api
from sayso.protocol.frames import (
    Ack,
    Ask,
    ByeReason,
    Collect,
    Deposit,
    Frame,
    LockNotice,
    OutcomeState,
    Recall,
    Refusal,
    Refused,
    ServerFrame,
    Withdrawn,
)
from sayso.protocol.ids import DeviceId, GrantHash, Token
from sayso.protocol.stream import client_frames, write
from sayso.server.core.lines import Line, LineTable
from sayso.server.core.lock import wait_s
from sayso.server.core.model import Batch
from sayso.server.core.relay.entries import Sender
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.relay.relay import Relay
from tests.fakes.honest_server import FakeGate, ServerConnector, ServerLink
from tests.fakes.locking_server import LockingServer
from tests.fakes.mailbox_store import Disk, FakeMailboxStore
from tests.fakes.modem import FakeNetwork
from tests.fakes.phone_clock import FakeClock
from tests.fakes.relay_world import at_once

LEASE_S = 72 * 3600


class RelayServer(LockingServer):
    """The server."""

    def __init__(self, clock: FakeClock, network: FakeNetwork) -> None:
        super().__init__(clock, network)
        self.chance = Random(0)
        self.on_traffic: Callable[[bytes], None] = lambda _: None
        """Called with the device for each request, connection and frame."""
        self.cut_off: Callable[[bytes], bool] = lambda _: False
        """Whether a device has no way to the server."""
        self.refuses: Refusal | None = None
        """Deposits are not taken, for this reason ..."""
        self.refuses_left = 0
        """... for so many more."""
        self.disk = Disk()
        self.streams: dict[bytes, StreamOfDevice] = {}
        self._stirred = False
        self._ticking: asyncio.Task[None] | None = None
        self._boot()

    def _boot(self) -> None:
        self._store = FakeMailboxStore(self.disk)
        self._table = LineTable(self._line(device) for device in self.enrolments)
        self.relay = Relay(self._table, at_once(self._store.load()), on_work=self._stir)

    def reachable(self, device: bytes) -> bool:
        return not (self.off or self.cut_off(device))

    @property
    def now(self) -> float:
        """The server's running time."""
        return self.clock.monotonic()

    def stop(self) -> None:
        self.off = True
        self.crash()

    def start(self) -> None:
        """Answer again."""
        self.off = False

    def crash(self, *, written: bool | None = None) -> None:
        """The process dies and starts from what was durable; `written` says whether the batch under way was."""
        batch: Batch | None = self.relay.take_batch()
        if batch and (self.chance.random() < 0.5 if written is None else written):
            at_once(self._store.commit(batch))
        for stream in list(self.streams.values()):
            stream.cut()
        self._boot()

    def sweep(self) -> None:
        """What the server does once a minute."""
        for line in [one for one in self._table if one.lease_ends <= self.now]:
            self.relay.end_custody(line.device, OutcomeState.GONE, now=self.now, done=lambda: None)
        self.relay.sweep(now=self.now)
        self.relay.forget_old_outcomes(now=self.now)
        self._work()

    def expire(self) -> None:
        """The time of everything that waits is over."""
        for mailbox in self.relay._books.mailboxes.values():
            for entry in mailbox.waiting.values():
                entry.expires = self.now
        self.sweep()

    def lapse(self, device: bytes) -> None:
        """The lease of a device is over: to everybody it looks as if it had never enrolled."""
        line = self._table.by_device(device)
        if line is not None:
            line.lease_ends = self.now - 1
            self.relay.end_custody(line.device, OutcomeState.GONE, now=self.now, done=lambda: None)
            self.enrolments.pop(device, None)
            self._work()

    # ---- the control plane ----

    def confirm(self, body: api.Confirm) -> api.Enrolled:
        answer = super().confirm(body)
        for device in self.enrolments:
            self._tell_relay(device)
        return answer

    def publish(self, device: bytes, body: api.PublishKeys) -> api.KeysLeft:
        left = super().publish(device, body)
        self._tell_relay(device)
        return left

    def set_grant(self, device: bytes, body: api.SetGrant) -> api.Empty:
        done = super().set_grant(device, body)
        self._tell_relay(device)
        return done

    def move(self, device: bytes, body: api.MoveEpoch, nonce: str) -> api.Moved:
        moved = super().move(device, body, nonce)
        self._tell_relay(device)
        return moved

    def forget(self, device: bytes) -> None:
        self.enrolments.pop(device, None)
        self.relay.end_custody(DeviceId(device), OutcomeState.GONE, now=self.now, done=lambda: None)
        self._work()
        stream = self.streams.pop(device, None)
        if stream is not None:
            stream.hang_up(ByeReason.WITHDRAWN)

    def tell(self, device: bytes) -> None:
        stream = self.streams.get(device)
        if stream is not None:
            stream.put(LockNotice(wait_s(self.newcomers.get(device), now=self.clock.wall())))

    def _tell_relay(self, device: bytes) -> None:
        self.relay.line_changed(self._line(device), now=self.now)
        self._work()

    def _line(self, device: bytes) -> Line:
        enrolment = self.enrolments[device]
        return Line(
            token=Token(enrolment.token),
            device=DeviceId(device),
            ed25519=enrolment.keys.ed25519,
            grant_hash=GrantHash(enrolment.grant_hash),
            lease_ends=self.now + LEASE_S,
            envelope_keys=tuple(key.id for key in enrolment.envelope_keys),
            one_time_keys=len(enrolment.one_time),
            hidden=enrolment.record.record.findable == "nobody",
            previous_token=None if enrolment.previous_token is None else Token(enrolment.previous_token),
        )

    # ---- the relay ----

    def connector(self, device: DeviceId, gate: FakeGate) -> ServerConnector:
        return RelayConnector(self, device, gate)

    def attach(self, stream: "StreamOfDevice") -> None:
        """Log a device's stream in."""
        self.streams[stream.device] = stream
        stream.mailbox = self.relay.login(stream, DeviceId(stream.device), now=self.now)
        self._work()
        if stream.device in self.newcomers:
            self.tell(stream.device)

    def detach(self, stream: "StreamOfDevice") -> None:
        """Note that a stream is gone."""
        stream.sender.link = None
        if self.streams.get(stream.device) is stream:
            del self.streams[stream.device]
        self.relay.logout(stream, DeviceId(stream.device))
        self._work()

    def take(self, stream: "StreamOfDevice", frame: object) -> None:
        """Take one frame of a phone."""
        self.on_traffic(stream.device)
        match frame:
            case Deposit() if self._refuses(frame):
                stream.put(Refused(frame.ref, self.refuses or Refusal.TOO_MANY))
            case Deposit():
                self.deposits.append(frame)
                self.relay.deposit(stream.sender, frame, now=self.now)
            case Ack() if stream.mailbox is not None:
                self.relay.ack(stream.mailbox, frame, now=self.now)
            case Withdrawn() if stream.mailbox is not None:
                stream.withdrawn.append(frame)
                self.relay.withdrawn(stream.mailbox, frame, now=self.now)
            case Ask():
                self.relay.ask(stream.sender, frame)
            case Recall():
                self.relay.recall(stream.sender, frame)
            case Collect():
                self.relay.collect(frame)
            case _:
                stream.odd.append(frame)
        self._work()

    def _refuses(self, frame: Deposit) -> bool:
        """Whether this one is not taken; a first try only, since of another one something may be known."""
        if self.refuses is None or self.refuses_left < 1 or frame.again:
            return False
        self.refuses_left -= 1
        return True

    def _stir(self) -> None:
        if not self._stirred:
            self._stirred = True
            asyncio.get_running_loop().call_soon(self._work)

    def _work(self) -> None:
        """Do everything that can be done at this moment, and wake again when time brings more."""
        self._stirred = False
        relay = self.relay
        relay.tick(now=self.now)
        while self._commit() or self._read() or self._look_up():
            pass
        due = relay.next_tick()
        if due is not None and (self._ticking is None or self._ticking.done()):
            self._ticking = asyncio.get_running_loop().create_task(self._tick(max(0.001, due - self.now)))

    async def _tick(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        asyncio.get_running_loop().call_soon(self._work)

    def _commit(self) -> bool:
        batch = self.relay.take_batch()
        if batch is None:
            return False
        if batch:
            at_once(self._store.commit(batch))
        self.relay.committed(now=self.now)
        return True

    def _read(self) -> bool:
        if not self.relay.readings:
            return False
        reading = self.relay.readings.popleft()
        rows = at_once(self._store.window(reading.mailbox.device, [entry.seq for entry in reading.entries]))
        self.relay.window_read(reading, rows)
        return True

    def _look_up(self) -> bool:
        question = self.relay.inquiries.next_question()
        if question is None:
            return False
        self.relay.inquiries.answer(question, at_once(self._store.outcome(question.handle_hash)), now=self.now)
        return True


class RelayConnector(ServerConnector):
    """One device's way to a stream."""

    async def connect(self, url: str) -> StreamLink:
        del url
        server = self._server
        assert isinstance(server, RelayServer)
        await asyncio.sleep(0)
        self._require_open()
        server.on_traffic(self._device)
        if not server.reachable(self._device):
            raise UnreachableError("nobody answers")
        if self._device not in server.enrolments:
            raise LoginRefusedError("the server does not know this device")
        stream = StreamOfDevice(server, self._device, len(server.enrolments[self._device].one_time))
        self._gate.links.append(stream)
        server.attach(stream)
        return stream


class StreamOfDevice(ServerLink):
    """A stream whose other end is the relay; also the relay's `Link`."""

    congested = False

    def __init__(self, server: RelayServer, device: bytes, one_time_keys: int) -> None:
        super().__init__(server, device, one_time_keys)
        self._relay_server = server
        self.sender = Sender(self)
        self.mailbox: Mailbox | None = None
        self.stalled = False
        self._up: deque[object] = deque()
        self._down: deque[ServerFrame] = deque()
        self._gone = False

    # ---- the phone's end ----

    def send(self, frames: Sequence[Frame]) -> None:
        if self.closed:
            return
        self._up.extend(client_frames.read(write(frames)))
        asyncio.get_running_loop().call_soon(self._flow)

    async def close(self) -> None:
        self._up.clear()
        self._leave()
        await super().close()

    # ---- the relay's end ----

    def put(self, frame: Frame, size: int = 64) -> None:
        del size
        if not self.closed:
            self._down.append(frame)  # type: ignore[arg-type]  # the relay puts the server's frames only
            asyncio.get_running_loop().call_soon(self._flow)

    def end(self) -> None:
        asyncio.get_running_loop().call_soon(self.hang_up)

    def hang_up(self, reason: ByeReason | None = None) -> None:
        self._leave()
        super().hang_up(reason)

    # ---- the world's end ----

    def stall(self, *, on: bool) -> None:
        """Hold everything that is under way, both ways; or let it go on."""
        self.stalled = on
        self._flow()

    def cut(self) -> None:
        """Break, losing some of what is under way: each end has got a first part of it."""
        chance = self._relay_server.chance
        for _ in range(chance.randint(0, len(self._up))):
            self._relay_server.take(self, self._up.popleft())
        for _ in range(chance.randint(0, len(self._down))):
            self.say(self._down.popleft())
        self._up.clear()
        self._down.clear()
        self.hang_up()

    def _flow(self) -> None:
        while not self.stalled and not self._gone and (self._up or self._down):
            if self._up:
                self._relay_server.take(self, self._up.popleft())
            if self._down and not self.closed:
                self.say(self._down.popleft())

    def _leave(self) -> None:
        if not self._gone:
            self._gone = True
            self._relay_server.detach(self)
