"""What custody has to be, whatever keeps the mailboxes: the relay over a store, through crashes.

Order, dedupe, the window of what is not acknowledged, redelivery after a crash, TTL, quota, recall and erasure are
decided by the relay; that they hold is up to the store as well. Subclass `CustodyContract` and give it a disk
(`mailbox_store.Disk`). A life that is left is a crash: nothing is settled.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sayso.protocol.frames import (
    Ack,
    Ask,
    Deliver,
    Deposit,
    Deposited,
    DepositState,
    Outcome,
    OutcomeState,
    Part,
    Recall,
    Refusal,
    Refused,
    Unreadable,
    Withdrawn,
)
from sayso.protocol.ids import envelope_id, handle_hash
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import LineTable
from sayso.server.core.relay.entries import Sender
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.ports import MailboxStore
from sayso.server.services.relay_runner import RelayRunner
from tests.aio import run
from tests.contract.mailbox_store import Disk
from tests.fakes.link import RecordingLink
from tests.fakes.relay_world import KEY_ID, START, grant_of, handle_of, make_line

TTL_S = 600


class Life:
    """One life of the relay, with one line, Bob's, and one connection that deposits."""

    def __init__(self, runner: RelayRunner, world: "Custody") -> None:
        self.runner = runner
        self.relay = runner.relay
        self.world = world
        self.line = world.line
        self.link = RecordingLink()
        self.sender = Sender(self.link)
        self._ref = 0
        self._read = 0
        self._said: dict[int, DepositState | Refusal | OutcomeState] = {}

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until something holds; the test's own bound on patience ends it otherwise."""
        while not what():  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.001)

    async def answers(self, refs: list[int]) -> list[DepositState | Refusal | OutcomeState]:
        """Wait for what is said about refs."""

        def all_said() -> bool:
            while self._read < len(self.link.frames):
                frame = self.link.frames[self._read]
                self._read += 1
                match frame:
                    case Deposited(ref=ref, state=state):
                        self._said[ref] = state
                    case Refused(ref=ref, reason=reason):
                        self._said[ref] = reason
                    case Outcome(ref=ref, state=outcome):
                        self._said[ref] = outcome
                    case _:
                        pass
            return all(ref in self._said for ref in refs)

        await self.until(all_said)
        return [self._said[ref] for ref in refs]

    async def answer(self, ref: int) -> DepositState | Refusal | OutcomeState:
        """Wait for what is said about a ref."""
        return (await self.answers([ref]))[0]

    async def settled(self, envelope: bytes) -> None:
        """Wait until an acknowledgement is durable."""
        while await self.world.store.outcome(handle_hash(handle_of(envelope))) is None:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.01)

    def begin(self, envelope: bytes, *, again: bool = False) -> int:
        """Deposit for Bob; returns the ref."""
        self._ref += 1
        part = Part(self.line.device, KEY_ID, handle_hash(handle_of(envelope)), envelope)
        frame = Deposit(self._ref, self.line.token, TTL_S, grant_of(self.line), [part], again)
        self.relay.deposit(self.sender, frame, now=self.world.now)
        return self._ref

    async def deposit(self, *envelopes: bytes, again: bool = False) -> None:
        """Deposit for Bob, who is away; all are accepted."""
        answers = await self.answers([self.begin(envelope, again=again) for envelope in envelopes])
        assert set(answers) == {DepositState.ACCEPTED}

    async def recall(self, envelope: bytes) -> object:
        """Take an envelope back; returns the answer."""
        self._ref += 1
        self.relay.recall(self.sender, Recall(self._ref, handle_of(envelope)), now=self.world.now)
        return await self.answer(self._ref)

    async def ask(self, envelope: bytes) -> object:
        """Ask what became of an envelope."""
        self._ref += 1
        self.relay.ask(self.sender, Ask(self._ref, handle_of(envelope)), now=self.world.now)
        return await self.answer(self._ref)

    async def bob(self) -> "Bob":
        """Connect Bob's phone; it is sent what waits, up to the window."""
        link = RecordingLink()
        phone = Bob(self, link, self.relay.login(link, self.line.device, now=self.world.now))
        await self.until(lambda: link.caught_up or len(link.delivered) >= LIMITS.unacknowledged_envelopes)
        return phone


class Bob:
    """Bob's connected phone."""

    def __init__(self, life: Life, link: RecordingLink, mailbox: Mailbox) -> None:
        self._life = life
        self.link = link
        self._mailbox = mailbox

    @property
    def got(self) -> list[bytes]:
        """Envelopes, in the order in which they came."""
        return self.link.delivered

    async def gets_more_than(self, count: int) -> None:
        """Wait until more envelopes have come than so many."""
        await self._life.until(lambda: len(self.got) > count)

    def ack(self, *envelopes: bytes) -> None:
        """Acknowledge."""
        for envelope in envelopes:
            ack = Ack(envelope_id(envelope), Unreadable.SHOWN)
            self._life.relay.ack(self._mailbox, ack, now=self._life.world.now)

    def refuse(self, envelope: bytes) -> None:
        """Say that it was never shown, and never will be."""
        said = Withdrawn(envelope_id(envelope), False)
        self._life.relay.withdrawn(self._mailbox, said, now=self._life.world.now)

    def leave(self) -> None:
        """Hang up."""
        self.link.ended = True
        self._life.relay.logout(self.link, self._life.line.device)


class Custody:
    """A disk, Bob's line, and the running time; lives follow one another on it."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.line = make_line("bob", lease_ends=math.inf)
        self.skipped = 0.0
        """Seconds that the test lets pass at once, beside those that go by."""
        self.store: MailboxStore

    @property
    def now(self) -> float:
        """Running seconds."""
        return START + self.skipped + asyncio.get_running_loop().time()

    @asynccontextmanager
    async def life(self) -> AsyncIterator[Life]:
        """Start from what is durable; the end of the block is a crash."""
        async with self._disk.store() as store:
            self.store = store
            runner = RelayRunner(LineTable([self.line]), await store.load(), store, now=lambda: self.now)
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(runner.run())
                yield Life(runner, self)
                running.cancel()


def texts(count: int) -> list[bytes]:
    return [b"text %d" % number for number in range(count)]


class CustodyContract:
    """Subclass it and say what a disk is."""

    def new_disk(self) -> Disk:
        """Return an empty one."""
        raise NotImplementedError

    def test_order_holds_through_commits_windows_and_a_crash(self) -> None:
        async def main() -> None:
            custody, all_ = Custody(self.new_disk()), texts(700)
            async with custody.life() as life:
                for start in range(0, 700, 70):
                    await life.deposit(*all_[start : start + 70])
            async with custody.life() as life:
                bob = await life.bob()
                while len(bob.got) < 700:
                    seen = len(bob.got)
                    bob.ack(*bob.got)
                    await bob.gets_more_than(seen)
                assert bob.got == all_

        run(main())

    def test_no_more_than_the_window_is_unacknowledged(self) -> None:
        async def main() -> None:
            window = LIMITS.unacknowledged_envelopes
            custody, all_ = Custody(self.new_disk()), texts(2 * window)
            async with custody.life() as life:
                for start in range(0, len(all_), 250):
                    await life.deposit(*all_[start : start + 250])
                bob = await life.bob()
                assert bob.got == all_[:window]
                acked = window // 2  # with half of it free, it is filled up
                bob.ack(*all_[:acked])
                await life.until(lambda: len(bob.got) >= window + acked)
                assert bob.got == all_[: window + acked]

        run(main())

    def test_a_repeated_deposit_is_kept_once_also_after_a_crash(self) -> None:
        async def main() -> None:
            custody = Custody(self.new_disk())
            async with custody.life() as life:
                await life.deposit(b"one", b"two")
                await life.deposit(b"one", again=True)
            async with custody.life() as life:
                await life.deposit(b"two", b"one", again=True)
                bob = await life.bob()
                assert bob.got == [b"one", b"two"]
                bob.ack(b"one", b"two")
                await life.settled(b"two")
            async with custody.life() as life:
                # Of what has gone nothing is left to compare with. It is kept as one that may have been shown already:
                # the phone, which knows it by its id, decides, and it cannot be taken back unasked.
                await life.deposit(b"one", again=True)
                assert await life.recall(b"one") is OutcomeState.IN_DOUBT

        run(main())

    def test_after_a_crash_what_was_not_acknowledged_comes_again_and_nothing_else(self) -> None:
        async def main() -> None:
            custody = Custody(self.new_disk())
            async with custody.life() as life:
                await life.deposit(b"one", b"two", b"three")
                bob = await life.bob()
                bob.ack(b"one")
                await life.settled(b"one")
            async with custody.life() as life:
                assert (await life.bob()).got == [b"two", b"three"]
                assert await life.ask(b"one") is OutcomeState.DELIVERED
                # What the crash has left in doubt is asked, and not taken back.
                assert await life.recall(b"two") is OutcomeState.IN_DOUBT

        run(main())

    def test_what_nobody_fetched_in_time_has_expired(self) -> None:
        async def main() -> None:
            custody = Custody(self.new_disk())
            async with custody.life() as life:
                await life.deposit(b"one")
                custody.skipped += TTL_S / 2
                await life.deposit(b"two")
            async with custody.life() as life:
                custody.skipped += TTL_S / 2
                life.runner.sweep()
                await life.until(lambda: life.relay.holdings(life.line.device)[0] == 1)
                assert await life.ask(b"one") is OutcomeState.EXPIRED
            async with custody.life() as life:
                assert (await life.bob()).got == [b"two"]
                assert await life.ask(b"one") is OutcomeState.EXPIRED

        run(main())

    def test_a_full_mailbox_refuses_until_there_is_room_again(self) -> None:
        async def main() -> None:
            custody, all_ = Custody(self.new_disk()), texts(LIMITS.mailbox_envelopes)
            async with custody.life() as life:
                for start in range(0, len(all_), 250):
                    await life.deposit(*all_[start : start + 250])
            async with custody.life() as life:
                assert await life.answer(life.begin(b"one more")) is Refusal.MAILBOX_FULL
                bob = await life.bob()
                bob.ack(all_[0])
                bob.leave()
                await life.until(lambda: life.relay.holdings(life.line.device)[0] < len(all_))
                await life.deposit(b"one more")
            async with custody.life() as life:
                assert life.relay.holdings(life.line.device)[0] == len(all_)

        run(main())

    def test_a_recall_takes_back_what_never_left_and_nothing_else(self) -> None:
        async def main() -> None:
            custody = Custody(self.new_disk())
            async with custody.life() as life:
                await life.deposit(b"one", b"two")
                assert await life.recall(b"one") is OutcomeState.RECALLED
            async with custody.life() as life:
                bob = await life.bob()
                assert bob.got == [b"two"]
                bob.leave()
                assert await life.ask(b"one") is OutcomeState.RECALLED
            async with custody.life() as life:
                assert await life.recall(b"two") is OutcomeState.IN_DOUBT
            async with custody.life() as life:
                bob = await life.bob()
                await life.until(lambda: bob.link.withdrawn)
                assert (bob.got, bob.link.withdrawn) == ([], [envelope_id(b"two")])
                bob.refuse(b"two")
                await life.settled(b"two")
            async with custody.life() as life:
                assert await life.ask(b"two") is OutcomeState.RECALLED

        run(main())

    def test_an_erased_mailbox_is_empty_and_its_senders_are_told(self) -> None:
        async def main() -> None:
            custody = Custody(self.new_disk())
            async with custody.life() as life:
                await life.deposit(b"one", b"two")
                bob = await life.bob()
                bob.leave()
                await life.deposit(b"three")
                await life.runner.end_custody(life.line.device, OutcomeState.GONE)
                held = await custody.store.load()
                assert (held.waiting, held.doubts) == ([], [])
            async with custody.life() as life:
                # The first two had left for the phone: whether it showed them nobody can tell any more.
                assert [await life.ask(one) for one in (b"one", b"two")] == [OutcomeState.UNKNOWN] * 2
                assert await life.ask(b"three") is OutcomeState.GONE
                assert not life.link.all(Deliver)

        run(main())
