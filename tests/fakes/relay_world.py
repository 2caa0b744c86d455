"""A relay over an in-memory store, with time, commits, failures and crashes as steps that the test takes.

settle     commits, reads and asks until nothing is left, at once
advance    lets time pass: ticks when they are due, commits take `commit_s`
take, land, refuse   one batch by hand: it is away, it is durable, it found no space
crash      the process dies; a new relay starts from what was durable
"""

import hashlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sayso.protocol.frames import (
    Ack,
    Ask,
    Collect,
    Deliver,
    Deposit,
    Deposited,
    DepositState,
    Frame,
    Outcome,
    OutcomeState,
    Part,
    Recall,
    Refusal,
    Refused,
    Unreadable,
    Withdrawn,
    WrongDevices,
)
from sayso.protocol.ids import DeviceId, Token, envelope_id, grant_hash, handle_hash
from sayso.server.core.lines import Line, LineTable
from sayso.server.core.model import Batch
from sayso.server.core.relay.entries import Sender
from sayso.server.core.relay.ledger import NO_SPACE_S
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.relay.relay import Relay
from sayso.server.errors import NoSpaceError
from tests.fakes.link import RecordingLink
from tests.fakes.mailbox_store import Disk, FakeMailboxStore

KEY_ID = 7
START = 1_000.0
T = TypeVar("T")


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waits for something")


def handle_of(envelope: bytes) -> bytes:
    """Return the handle that a sender draws for an envelope, unless the test gives another."""
    return hashlib.sha256(b"handle of " + envelope).digest()


def grant_of(line: Line) -> bytes:
    return hashlib.sha256(b"grant of " + line.device).digest()


def make_line(name: str, *, hidden: bool = False, lease_ends: float = START + 72 * 3600) -> Line:
    """Make an enrolled line with one envelope key, `KEY_ID`."""
    digest = hashlib.sha256(name.encode()).digest()
    line = Line(
        token=Token(b"\x01" + digest),
        device=DeviceId(digest[:16]),
        ed25519=digest,
        grant_hash=grant_hash(b""),
        lease_ends=lease_ends,
        envelope_keys=(KEY_ID,),
        one_time_keys=50,
        hidden=hidden,
    )
    line.grant_hash = grant_hash(grant_of(line))
    return line


@dataclass
class Phone:
    """A connected device."""

    world: "RelayWorld"
    device: DeviceId
    mailbox: Mailbox
    link: RecordingLink

    def ack(self, envelope: bytes, code: Unreadable = Unreadable.SHOWN) -> None:
        self.world.relay.ack(self.mailbox, Ack(envelope_id(envelope), code), now=self.world.now)

    def ack_all(self) -> None:
        """Acknowledge everything that was delivered on this connection."""
        for frame in self.link.all(Deliver):
            self.world.relay.ack(self.mailbox, Ack(frame.envelope_id, Unreadable.SHOWN), now=self.world.now)

    def withdrawn(self, envelope: bytes, *, had_it: bool) -> None:
        self.world.relay.withdrawn(self.mailbox, Withdrawn(envelope_id(envelope), had_it), now=self.world.now)

    def congest(self) -> None:
        self.link.congested = True

    def read_again(self) -> None:
        self.link.congested = False
        self.world.relay.resume(self.mailbox)

    def leave(self) -> None:
        self.link.ended = True
        self.world.relay.logout(self.link, self.device)

    @property
    def got(self) -> list[bytes]:
        return self.link.delivered


@dataclass
class Client:
    """A connection that deposits."""

    world: "RelayWorld"
    link: RecordingLink
    sender: Sender
    _ref: int = 0

    def deposit(
        self,
        line: Line,
        envelope: bytes,
        *,
        granted: bool = True,
        handle: bytes | None = None,
        ttl_s: int = 3600,
        grant: bytes | None = None,
        parts: list[Part] | None = None,
        again: bool = False,
    ) -> int:
        """Deposit an envelope; returns the ref."""
        handle = handle_of(envelope) if handle is None else handle
        part = Part(line.device, KEY_ID, handle_hash(handle), envelope)
        own_grant = grant_of(line) if granted else b""
        grant = own_grant if grant is None else grant
        frame = Deposit(self.next_ref(), line.token, ttl_s, grant, parts or [part], again)
        self.world.relay.deposit(self.sender, frame, now=self.world.now)
        return frame.ref

    def recall(self, envelope: bytes) -> int:
        """Recall by the handle of an envelope; returns the ref."""
        ref = self.next_ref()
        self.world.relay.recall(self.sender, Recall(ref, handle_of(envelope)))
        return ref

    def ask(self, envelope: bytes) -> int:
        """Ask by the handle of an envelope; returns the ref."""
        ref = self.next_ref()
        self.world.relay.ask(self.sender, Ask(ref, handle_of(envelope)))
        return ref

    def collect(self, envelope: bytes) -> None:
        self.world.relay.collect(Collect(handle_of(envelope)))

    def next_ref(self) -> int:
        self._ref += 1
        return self._ref

    def answers(self, ref: int) -> list[DepositState | Refusal | OutcomeState | WrongDevices]:
        """Return what was said about a ref: at most one thing, ever."""
        said: list[DepositState | Refusal | OutcomeState | WrongDevices] = []
        for frame in self.link.frames:
            match frame:
                case Deposited(ref=of, state=state) if of == ref:
                    said.append(state)
                case Refused(ref=of, reason=reason) if of == ref:
                    said.append(reason)
                case Outcome(ref=of, state=outcome) if of == ref:
                    said.append(outcome)
                case WrongDevices(ref=of) if of == ref:
                    said.append(frame)
                case _:
                    pass
        assert len(said) <= 1
        return said

    def answer(self, ref: int) -> DepositState | Refusal | OutcomeState | WrongDevices | None:
        """Return the answer about a ref, if it has come."""
        said = self.answers(ref)
        return said[0] if said else None

    def news(self, envelope: bytes) -> list[OutcomeState]:
        """Return what was said unasked about an envelope."""
        digest = handle_hash(handle_of(envelope))
        return [one.state for one in self.link.all(Outcome) if one.ref == 0 and one.handle_hash == digest]

    def leave(self) -> None:
        self.sender.link = None


@dataclass
class RelayWorld:
    """One relay, its store, its lines, and the running time."""

    lines: LineTable = field(default_factory=LineTable)
    disk: Disk = field(default_factory=Disk)
    now: float = START
    commit_s: float = 0.0
    """How long a commit takes in `advance`."""
    full: bool = False
    """Whether commits find no space in `advance`."""

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start a relay from what is durable."""
        self.store = FakeMailboxStore(self.disk)
        self.pokes = 0
        self._away: Batch | None = None
        self._lands: float | None = None
        self._pause_until = 0.0
        self.relay = Relay(self.lines, at_once(self.store.load()), on_work=self._poke)

    def _poke(self) -> None:
        self.pokes += 1

    # People

    def line(self, name: str, *, hidden: bool = False) -> Line:
        """Enrol a line."""
        line = make_line(name, hidden=hidden, lease_ends=self.now + 71 * 3600)
        self.lines.put(line)
        return line

    def connect(self, line: Line, *, congested: bool = False) -> Phone:
        """Log a line's device in."""
        link = RecordingLink()
        link.congested = congested
        return Phone(self, line.device, self.relay.login(link, line.device, now=self.now), link)

    def online(self, line: Line) -> Phone:
        """Log a line's device in and let it catch up."""
        phone = self.connect(line)
        self.settle()
        assert phone.link.caught_up == 1
        return phone

    def client(self) -> Client:
        """Open a connection that deposits."""
        link = RecordingLink(lambda: self.now)
        return Client(self, link, Sender(link))

    # Time

    def settle(self) -> None:
        """Do everything that can be done at this moment."""
        for _ in range(10_000):
            # All three in turn: a mailbox that is to be let go commits nothing until a question is looked up.
            if not any([self._commit_one(), self.read(), self.look_up()]):
                return
        raise AssertionError("the relay never comes to rest")

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        self._work_slowly()
        while True:
            resumes = self._pause_until if self._pause_until > self.now else None
            due = [when for when in (self.relay.next_tick(), self._lands, resumes) if when is not None and when <= end]
            if not due:
                break
            self.now = max(self.now, min(due))
            self.relay.tick(now=self.now)
            self._work_slowly()
        self.now = end

    def _work_slowly(self) -> None:
        while self._land_if_due() or self._begin_commit() or self.read() or self.look_up():
            pass

    def _begin_commit(self) -> bool:
        if self.is_away or self.now < self._pause_until or not self.take():
            return False
        self._lands = self.now + (self.commit_s if self.away else 0.0)
        return True

    def _land_if_due(self) -> bool:
        if self._lands is None or self._lands > self.now:
            return False
        if self.full and self._away:
            self.refuse()
            self._pause_until = self.now + NO_SPACE_S
        else:
            self.land()
        return True

    # One step at a time

    def take(self) -> bool:
        """Take a batch, if there is one; then it is away."""
        assert self._away is None
        self._away = self.relay.take_batch()
        return self._away is not None

    def land(self) -> None:
        """The batch that is away becomes durable."""
        assert self._away is not None
        batch, self._away, self._lands = self._away, None, None
        if batch:
            at_once(self.store.commit(batch))
        self.relay.committed(now=self.now)

    def lost_power_after(self) -> None:
        """The batch that is away becomes durable, and nobody hears of it: the process dies."""
        assert self._away is not None
        if self._away:
            at_once(self.store.commit(self._away))
        self.crash()

    def refuse(self) -> None:
        """The batch that is away finds no space."""
        assert self._away is not None
        batch, self._away, self._lands = self._away, None, None
        if batch:
            self.store.fail_next = NoSpaceError("the disk is full")
            try:
                at_once(self.store.commit(batch))
            except NoSpaceError:
                self.relay.failed(now=self.now)
        else:
            self.relay.committed(now=self.now)

    @property
    def is_away(self) -> bool:
        """Whether a batch is being committed."""
        return self._away is not None

    @property
    def away(self) -> Batch:
        """The batch that is being committed."""
        assert self._away is not None
        return self._away

    def read(self) -> bool:
        """Read a window, if one is to be read."""
        if not self.relay.readings:
            return False
        reading = self.relay.readings.popleft()
        rows = at_once(self.store.window(reading.mailbox.device, [entry.seq for entry in reading.entries]))
        self.relay.window_read(reading, rows)
        return True

    def look_up(self) -> bool:
        """Answer a question, if there is one."""
        question = self.relay.inquiries.next_question()
        if question is None:
            return False
        stored = at_once(self.store.outcome(question.handle_hash))
        self.relay.inquiries.answer(question, stored, now=self.now)
        return True

    def _commit_one(self) -> bool:
        if self._away is None and not self.take():
            return False
        self.land()
        return True

    def crash(self) -> None:
        """The process dies, and starts again from what was durable."""
        self.start()

    # What is durable

    @property
    def stored(self) -> list[bytes]:
        """Envelopes in the store, by seq."""
        return [envelope for _, (_, envelope) in sorted(self.disk.mail.items())]

    def outcome(self, envelope: bytes) -> OutcomeState | None:
        """Return the durable outcome of an envelope."""
        found = self.disk.outcomes.get(handle_hash(handle_of(envelope)))
        return None if found is None else found.state

    def doubted(self, envelope: bytes) -> bool:
        """Whether an envelope is durably in doubt."""
        return any(eid == envelope_id(envelope) for _, eid in self.disk.doubts)

    def is_durably_handed(self, envelope: bytes) -> bool:
        """Whether a restart would know that an envelope in the store has left."""
        held = at_once(FakeMailboxStore(self.disk).load())
        return any(one.handed for one in held.waiting if one.envelope_id == envelope_id(envelope))

    def assert_empty(self) -> None:
        """Check that the relay holds nothing and leaks nothing; strangers' echoes must have ended before."""
        self.settle()
        self.relay.sweep(now=self.now)
        self.settle()
        books = self.relay._books
        assert books.handles == {}
        assert books.doubts == {}
        for mailbox in books.mailboxes.values():
            assert mailbox.link is not None
            assert mailbox.in_flight == mailbox.bytes_held == mailbox.from_strangers == 0
            assert mailbox.bytes_from_strangers == 0
            left = [mailbox.held, mailbox.unsent, mailbox.unwritten, mailbox.behind, mailbox.echoes]
            assert not any(left)
        assert not self.relay._ledger._fresh
        assert self.relay._ledger._queued_bytes == 0


def kinds(frames: list[Frame]) -> list[str]:
    """Name the frames, for comparing transcripts."""
    return [type(frame).__name__ for frame in frames]
