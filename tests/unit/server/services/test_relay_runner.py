"""The relay over a store, with time of its own: commits, windows, questions, ticks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from sayso.protocol.frames import (
    Ack,
    Ask,
    ByeReason,
    Deposit,
    Deposited,
    DepositState,
    Outcome,
    OutcomeState,
    Part,
    Refusal,
    Refused,
    Unreadable,
)
from sayso.protocol.ids import envelope_id, handle_hash
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import Line, LineTable
from sayso.server.core.model import Batch
from sayso.server.core.relay.entries import Sender
from sayso.server.errors import NoSpaceError, StoreError
from sayso.server.services.relay_runner import RelayRunner
from tests.aio import run
from tests.fakes.link import RecordingLink
from tests.fakes.mailbox_store import Disk, FakeMailboxStore
from tests.fakes.relay_world import KEY_ID, START, grant_of, handle_of, make_line


class SlowStore(FakeMailboxStore):
    """A store whose commits wait until they are let go."""

    def __init__(self, disk: Disk | None = None) -> None:
        super().__init__(disk)
        self.gate = asyncio.Event()
        self.gate.set()

    async def commit(self, batch: Batch) -> None:
        await self.gate.wait()
        await super().commit(batch)


ROUNDING_S = 0.001
"""The loop's clock has whole milliseconds."""


@dataclass
class Bench:
    """A runner, its store, one line, one sender."""

    store: SlowStore = field(default_factory=SlowStore)
    line: Line = field(default_factory=lambda: make_line("bob"))
    link: RecordingLink = field(default_factory=RecordingLink)
    runner: RelayRunner = field(init=False)
    sender: Sender = field(init=False)
    began: float = 0.0

    def now(self) -> float:
        return START + asyncio.get_running_loop().time() - self.began

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bench"]:
        self.began = asyncio.get_running_loop().time()
        self.sender = Sender(self.link)
        held = await self.store.load()
        self.runner = RelayRunner(LineTable([self.line]), held, self.store, now=self.now, no_space_pause_s=0.01)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.runner.run())
            yield self
            task.cancel()

    def deposit(self, envelope: bytes, ref: int = 1, *, granted: bool = True) -> None:
        part = Part(self.line.device, KEY_ID, handle_hash(handle_of(envelope)), envelope)
        grant = grant_of(self.line) if granted else b""
        self.runner.relay.deposit(
            self.sender, Deposit(ref, self.line.token, 3600, grant, [part], again=False), now=self.now()
        )

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until something holds; the test's own bound on patience ends it otherwise."""
        while not what():  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0)


def test_a_deposit_is_answered_after_its_commit() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            bench.store.gate.clear()
            bench.deposit(b"one")
            for _ in range(20):
                await asyncio.sleep(0)
            assert bench.link.frames == []
            bench.store.gate.set()
            await bench.until(lambda: bench.link.frames)
            assert bench.link.frames == [Deposited(1, DepositState.ACCEPTED)]

    run(main())


def test_deposits_that_come_during_a_commit_share_the_next_one() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            bench.store.gate.clear()
            bench.deposit(b"first")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for number in range(50):
                bench.deposit(b"%d" % number, number + 2)
            bench.store.gate.set()
            await bench.until(lambda: len(bench.link.frames) == 51)
            assert [len(batch.put) for batch in bench.store.commits] == [1, 50]

    run(main())


def test_the_live_try_ends_by_the_clock() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            bench.runner.relay.login(RecordingLink(), bench.line.device, now=bench.now())
            begun = bench.now()
            bench.deposit(b"one")
            await bench.until(lambda: bench.link.frames)
            assert bench.now() - begun >= LIMITS.live_ack_ms / 1000 - ROUNDING_S

    run(main())


def test_a_stranger_is_answered_by_the_clock() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            begun = bench.now()
            bench.deposit(b"one", granted=False)
            await bench.until(lambda: bench.link.frames)
            assert bench.now() - begun >= LIMITS.stranger_answer_ms / 1000 - ROUNDING_S
            assert bench.link.frames == [Deposited(1, DepositState.ACCEPTED)]

    run(main())


def test_what_waits_is_read_and_sent_and_settled() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            bench.deposit(b"one")
            await bench.until(lambda: bench.link.frames)
            phone = RecordingLink()
            mailbox = bench.runner.relay.login(phone, bench.line.device, now=bench.now())
            await bench.until(lambda: phone.caught_up)
            assert phone.delivered == [b"one"]
            bench.runner.relay.ack(mailbox, Ack(envelope_id(b"one"), Unreadable.SHOWN), now=bench.now())
            await bench.until(lambda: not bench.store.disk.mail)
            assert await bench.runner.holdings(bench.line.device) == (0, 0)

    run(main())


def test_questions_are_looked_up_in_the_store() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            bench.runner.relay.ask(bench.sender, Ask(5, bytes(32)))
            await bench.until(lambda: bench.link.frames)
            assert bench.link.frames == [Outcome(5, handle_hash(bytes(32)), OutcomeState.UNKNOWN)]

    run(main())


def test_a_full_disk_refuses_and_comes_back_by_itself() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            bench.store.fail_next = NoSpaceError("the disk is full")
            bench.deposit(b"one")
            await bench.until(lambda: bench.link.frames)
            assert bench.link.frames == [Refused(1, Refusal.NO_SPACE)]
            await bench.until(lambda: bench.now() > START + 1.1)
            bench.deposit(b"one", 2)
            await bench.until(lambda: len(bench.link.frames) == 2)
            assert bench.link.frames[1] == Deposited(2, DepositState.ACCEPTED)

    run(main())


def test_a_store_that_failed_ends_the_run_and_nothing_more_is_answered() -> None:
    async def main() -> None:
        bench = Bench()
        bench.store.fail_next = StoreError("the disk is gone")

        async def deposit_and_wait() -> None:
            async with bench.running():
                bench.deposit(b"one")
                await asyncio.Event().wait()

        with pytest.raises(ExceptionGroup) as group:
            await deposit_and_wait()
        assert group.group_contains(StoreError)
        assert bench.link.frames == []

    run(main())


def test_a_graceful_stop_makes_what_is_live_durable() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            phone = RecordingLink()
            bench.runner.relay.login(phone, bench.line.device, now=bench.now())
            bench.deposit(b"live")
            await bench.runner.settle()
            assert [envelope for _, envelope in bench.store.disk.mail.values()] == [b"live"]
            assert bench.link.frames == [Deposited(1, DepositState.ACCEPTED)]
            bench.runner.say_bye(ByeReason.STOPPING)
            assert [bye.reason for bye in phone.byes] == [ByeReason.STOPPING]
            await bench.runner.settle()  # a second time there is nothing left to do

    run(main())


def test_the_end_of_an_enrolment_waits_until_it_is_durable() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            bench.deposit(b"one")
            await bench.until(lambda: bench.link.frames)
            bench.store.gate.clear()
            async with asyncio.TaskGroup() as tasks:
                ending = tasks.create_task(bench.runner.end_custody(bench.line.device, OutcomeState.GONE))
                for _ in range(20):
                    await asyncio.sleep(0)
                assert not ending.done()
                bench.store.gate.set()
            assert bench.store.disk.mail == {}

    run(main())


def test_a_changed_line_is_taken_up_and_the_minute_sweeps() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            other = make_line("carol")
            bench.runner.line_changed(other)
            assert bench.runner.relay.lines.by_token(other.token) is other
            bench.runner.sweep()
            await bench.until(lambda: bench.store.commits)
            assert bench.store.commits[0].forget_before == pytest.approx(START - LIMITS.outcome_kept_s, abs=5)
            bench.runner.sweep()
            await asyncio.sleep(0)
            assert len(bench.store.commits) == 1

    run(main())


def test_a_damaged_envelope_is_reported_and_the_others_go_on() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            bench.deposit(b"one", 1)
            bench.deposit(b"two", 2)
            await bench.until(lambda: len(bench.link.frames) == 2)
            bench.store.damaged.add(1)
            phone = RecordingLink()
            bench.runner.relay.login(phone, bench.line.device, now=bench.now())
            await bench.until(lambda: phone.caught_up)
            assert phone.delivered == [b"two"]

    run(main())
