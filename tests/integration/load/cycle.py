"""A process that plays one deposit-deliver-acknowledge cycle over a real store, and writes a journal of what was said.

Run as `python -m tests.integration.load.cycle DATA JOURNAL PHASE`. It prints `THREADS main commit` (thread ids) and
waits for a line on its standard input, so that a tracer can attach to the threads that write before the first call that
counts. A storage that fails makes it close its store, as the server does, and end with `FAILED`.

    open    opens the store (makes it, or brings a crashed one back) after the line came
    cycle   opens it before, and plays the cycle after

The relay, its runner, the embedded store, the keyring and the heartbeat are the server's own; only the sockets are not
there: what would have left for a sender or a device goes to the journal, a file outside DATA that no fault touches.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from sayso.protocol.frames import (
    Ack,
    Ask,
    Deliver,
    Deposit,
    Deposited,
    Frame,
    Outcome,
    Part,
    Recall,
    Refused,
    Unreadable,
    Withdraw,
    Withdrawn,
)
from sayso.protocol.ids import envelope_id, handle_hash
from sayso.server.adapters.heartbeat import HeartbeatFile
from sayso.server.adapters.keyring.file_keyring import PlainKeyring
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.core.lines import LineTable
from sayso.server.core.relay.entries import Sender
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.running_clock import RunningClock
from sayso.server.errors import StoreError
from sayso.server.services.relay_runner import RelayRunner
from tests.fakes.relay_world import KEY_ID, grant_of, handle_of, make_line

ENVELOPE_BYTES: Final = 2048
PATIENCE_S: Final = 30.0
CLOCK: Final = SystemClock()


def envelope(number: int) -> bytes:
    """Return envelope `number`: its bytes, and so its id and its handle, follow from the number."""
    return (b"envelope %d " % number * ENVELOPE_BYTES)[:ENVELOPE_BYTES]


NUMBERS: Final = range(1, 13)
NUMBER_OF: Final = {bytes(envelope_id(envelope(number))): number for number in NUMBERS}
STRANGERS: Final = frozenset({5, 6})
"""Deposited without the grant, and by another sender."""
MAYBE_RECALLED: Final = 10
"""Left, and is not acknowledged in the cycle: whoever recalls it afterwards must not hear `recalled`."""
SENDER_OF: Final = {number: number in STRANGERS for number in NUMBERS}


FrameT = TypeVar("FrameT", bound=Frame)


class Journal:
    """Lines `event number state`, each of which a `kill -9` leaves."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, event: str, number: int = 0, state: str = "-") -> None:
        os.write(self._file, f"{event} {number} {state}\n".encode())


class JournalLink:
    """A connection whose frames end in the journal and in a list."""

    congested = False

    def __init__(self, journal: Journal, numbers: dict[int, int], stirred: asyncio.Event) -> None:
        self.frames: list[Frame] = []
        self._journal = journal
        self._numbers = numbers
        self._stirred = stirred

    def put(self, frame: Frame, size: int = 64) -> None:  # noqa: ARG002  Link's signature
        self.frames.append(frame)
        match frame:
            case Deposited():
                self._journal.note("told", self._numbers[frame.ref], frame.state.name)
            case Refused():
                self._journal.note("refused", self._numbers[frame.ref], frame.reason.name)
            case Outcome(ref=ref) if ref:
                self._journal.note("outcome", self._numbers[ref], frame.state.name)
            case Deliver():
                assert frame.envelope == envelope(NUMBER_OF[frame.envelope_id])
                self._journal.note("came", NUMBER_OF[frame.envelope_id])
            case _:
                pass
        self._stirred.set()

    def end(self) -> None:
        """Nothing is left to close."""


class Life:
    """One life of a relay over the data, with two senders and one device."""

    def __init__(self, data: Path, journal: Journal) -> None:
        """Open everything, in the thread that calls."""
        random = SystemRandom()
        self.keyring = PlainKeyring(data / "keyring", random=random, clock=CLOCK)
        self.store = EmbeddedMailboxStore(data / "mailbox", self.keyring, random)
        self.journal = journal
        self._heartbeat = HeartbeatFile(data / "heartbeat")
        self._stirred = asyncio.Event()
        self._numbers: dict[int, int] = {}
        self.line = make_line("bo", lease_ends=1e9)
        self.mailbox: Mailbox | None = None
        self.device = self._link()

    def _link(self) -> JournalLink:
        return JournalLink(self.journal, self._numbers, self._stirred)

    async def start(self) -> None:
        """Load what is held."""
        held = await self.store.load()
        self.running = RunningClock(
            self._heartbeat.read(), wall=CLOCK.wall(), monotonic=CLOCK.monotonic(), floor=self.store.latest
        )
        lines = LineTable()
        lines.put(self.line)
        self.runner = RelayRunner(lines, held, self.store, now=self.now)
        self.relay = self.runner.relay
        self.senders = {stranger: Sender(self._link()) for stranger in (False, True)}

    def now(self) -> float:
        return self.running.now(CLOCK.monotonic())

    # What senders do

    def deposit(self, *numbers: int, again: bool = False) -> None:
        for number in numbers:
            body, stranger = envelope(number), SENDER_OF[number]
            self.journal.note("sent", number)
            part = Part(self.line.device, KEY_ID, handle_hash(handle_of(body)), body)
            grant = b"" if stranger else grant_of(self.line)
            frame = Deposit(self._ref(number), self.line.token, 3600, grant, [part], again)
            self.relay.deposit(self.senders[stranger], frame, now=self.now())

    def recall(self, number: int) -> None:
        self.journal.note("recalling", number)
        self.relay.recall(self.senders[SENDER_OF[number]], Recall(self._ref(number), handle_of(envelope(number))))

    def ask(self, number: int) -> None:
        self.relay.ask(self.senders[SENDER_OF[number]], Ask(self._ref(number), handle_of(envelope(number))))

    def _ref(self, number: int) -> int:
        ref = len(self._numbers) + 1
        self._numbers[ref] = number
        return ref

    # What the device does

    def connect(self) -> None:
        self.device = self._link()
        self.mailbox = self.relay.login(self.device, self.line.device, now=self.now())

    def disconnect(self) -> None:
        self.relay.logout(self.device, self.line.device)
        self.mailbox = None

    def ack(self, *numbers: int) -> None:
        for number in numbers:
            assert self.mailbox is not None
            self.journal.note("shown", number)
            frame = Ack(envelope_id(envelope(number)), Unreadable.SHOWN)
            self.relay.ack(self.mailbox, frame, now=self.now())

    def answer(self, number: int, *, had_it: bool) -> None:
        """Answer a withdrawal: the device has shown it, or has noted never to."""
        assert self.mailbox is not None
        self.journal.note("shown" if had_it else "never-show", number)
        self.relay.withdrawn(self.mailbox, Withdrawn(envelope_id(envelope(number)), had_it), now=self.now())

    # What the server does by the clock

    def beat(self) -> None:
        self._heartbeat.write(self.running.heartbeat(wall=CLOCK.wall(), monotonic=CLOCK.monotonic()))

    async def turn(self) -> None:
        await self.store.turn(self.store.generation + 1)

    # Waiting

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                self._stirred.clear()
                await self._stirred.wait()

    async def told(self, *numbers: int) -> None:
        """Wait until deposits are answered."""
        await self.until(lambda: set(numbers) <= set(self._answered(Deposited)))

    async def outcome(self, *numbers: int) -> None:
        """Wait until questions are answered."""
        await self.until(lambda: set(numbers) <= set(self._answered(Outcome)))

    async def came(self, *numbers: int) -> None:
        """Wait until envelopes are with the device."""
        await self.until(lambda: set(numbers) <= set(self.delivered()))

    async def withdrawal(self, number: int) -> None:
        """Wait until the device is asked about an envelope."""
        await self.until(lambda: number in self.withdrawals())

    def delivered(self) -> list[int]:
        """Return what came on the present connection, in order."""
        return [NUMBER_OF[frame.envelope_id] for frame in self.device.frames if isinstance(frame, Deliver)]

    def withdrawals(self) -> list[int]:
        """Return what the device was asked about on the present connection."""
        return [NUMBER_OF[frame.envelope_id] for frame in self.device.frames if isinstance(frame, Withdraw)]

    def answers(self) -> list[tuple[int, str]]:
        """Return the answers to questions, in order: number and state."""
        return [(self._numbers[frame.ref], frame.state.name) for frame in self.said(Outcome) if frame.ref]

    def _answered(self, kind: type[Deposited | Outcome]) -> list[int]:
        return [self._numbers[frame.ref] for frame in self.said(kind) if frame.ref]

    def said(self, kind: type[FrameT]) -> list[FrameT]:
        """Return what senders were told, of one kind."""
        links = [sender.link for sender in self.senders.values()]
        frames = [frame for link in links if isinstance(link, JournalLink) for frame in link.frames]
        return [frame for frame in frames if isinstance(frame, kind)]


async def play(life: Life) -> None:
    """Play the cycle: every kind of change that the store knows, and the files beside it."""
    life.deposit(1, 2, 3, 4)
    life.deposit(5, 6)
    await life.told(1, 2, 3, 4, 5, 6)
    life.recall(4)  # never left: recalled at once
    await life.outcome(4)
    life.connect()
    await life.came(1, 2, 3, 5, 6)  # after the handed mark
    life.ack(1, 2, 5, 6)
    life.recall(3)  # left: the device has the word
    await life.withdrawal(3)
    life.answer(3, had_it=False)
    await life.turn()
    life.deposit(7)  # live, acknowledged: never on disk
    await life.came(7)
    life.ack(7)
    life.deposit(8)  # live, never acknowledged: to the mailbox after 250 ms
    await life.told(7, 8)
    life.beat()
    life.disconnect()
    life.deposit(9, 10)
    await life.told(9, 10)
    life.connect()
    await life.came(8, 9, 10)
    life.ack(8)
    life.recall(9)
    await life.outcome(3, 9)
    await life.withdrawal(9)
    life.answer(9, had_it=True)
    life.disconnect()
    life.deposit(11, 12)
    await life.told(11, 12)
    await life.runner.settle()


async def _cycle(life: Life) -> None:
    await life.start()
    async with asyncio.TaskGroup() as tasks:
        driving = tasks.create_task(life.runner.run())
        thread = await asyncio.get_running_loop().run_in_executor(life.store._commits, threading.get_native_id)
        _wait_for_tracer(thread)
        await play(life)
        driving.cancel()
    life.journal.note("end")


def _wait_for_tracer(commit_thread: int) -> None:
    sys.stdout.write(f"THREADS {threading.get_native_id()} {commit_thread}\n")
    sys.stdout.flush()
    sys.stdin.readline()


async def main(data: Path, journal: Path, phase: str) -> None:
    """Play a phase, then wait to be killed: a clean end would tidy up what a crash leaves."""
    if phase == "open":
        _wait_for_tracer(0)
        life = Life(data, Journal(journal))
        await life.start()
        life.journal.note("end")
        _end("END")
        return
    life = Life(data, Journal(journal))
    failed = False
    try:
        await _cycle(life)
    except* StoreError:
        failed = True
    if failed:
        await life.store.close()
        sys.stdout.write("FAILED\n")
    else:
        _end("END")


def _end(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
