"""Drives the relay: commits its batches, reads its windows, asks its questions, keeps its time."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from sayso.protocol.frames import ByeReason, OutcomeState
from sayso.protocol.ids import DeviceId
from sayso.server.core.lines import Line, LineTable
from sayso.server.core.model import Held
from sayso.server.core.relay.ledger import NO_SPACE_S
from sayso.server.core.relay.relay import Relay
from sayso.server.errors import NoSpaceError
from sayso.server.ports import MailboxStore

_SHORTEST_TICK_S: Final = 0.005
_FORGET_EVERY_S: Final = 3600.0

log = structlog.get_logger()


class RelayRunner:
    """Runs one relay over one store. `RelayControl` for the control plane."""

    def __init__(
        self,
        lines: LineTable,
        held: Held,
        store: MailboxStore,
        *,
        now: Callable[[], float],
        no_space_pause_s: float = NO_SPACE_S,
    ) -> None:
        """Make the relay.

        Args:
            lines: the enrolled lines.
            held: what the store holds, from `store.load()`.
            store: commits and reads; used by this runner only.
            now: the server's running time, in seconds.
            no_space_pause_s: how long a full disk is left alone.
        """
        self.relay: Final = Relay(lines, held, on_work=self._on_work)
        self._store = store
        self._now = now
        self._no_space_pause_s = no_space_pause_s
        self._work: asyncio.Event = asyncio.Event()
        self._to_read: asyncio.Event = asyncio.Event()
        self._to_ask: asyncio.Event = asyncio.Event()
        self._stirred = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._next_forget = 0.0
        self._committing_since: float | None = None

    def now(self) -> float:
        """Return the server's running seconds."""
        return self._now()

    def committing_s(self) -> float:
        """Return how long the batch that is being written has been under way; 0 when none is."""
        return 0.0 if self._committing_since is None else self._now() - self._committing_since

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            StoreError: the storage failed; the server has to stop and to be started anew. In an ExceptionGroup.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._commit_batches())
                tasks.create_task(self._read_windows())
                tasks.create_task(self._answer_questions())
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def settle(self) -> None:
        """Take nothing more and wait until everything taken is durable: the end of a graceful stop.

        A full disk makes it wait; the caller limits its patience. What is lost then was never answered.
        """
        done = asyncio.Event()
        self.relay.stop(now=self._now())
        self.relay.when_drained(done.set)
        await done.wait()

    def sweep(self) -> None:
        """Do what is due once a minute."""
        now = self._now()
        self.relay.sweep(now=now)
        if now >= self._next_forget:
            self._next_forget = now + _FORGET_EVERY_S
            self.relay.forget_old_outcomes(now=now)

    def say_bye(self, reason: ByeReason) -> None:
        """Close all streams."""
        self.relay.say_bye(reason)

    # RelayControl

    def line_changed(self, line: Line) -> None:
        """See `RelayControl`."""
        self.relay.line_changed(line, now=self._now())

    async def end_custody(self, device: DeviceId, state: OutcomeState) -> None:
        """See `RelayControl`."""
        done = asyncio.Event()
        self.relay.end_custody(device, state, now=self._now(), done=done.set)
        await done.wait()

    async def holdings(self, device: DeviceId) -> tuple[int, int]:
        """See `RelayControl`."""
        return self.relay.holdings(device)

    # The loop

    def _on_work(self) -> None:
        if not self._stirred:
            self._stirred = True
            asyncio.get_running_loop().call_soon(self._look_around)

    def _look_around(self) -> None:
        self._stirred = False
        self._work.set()
        if self.relay.readings:
            self._to_read.set()
        if self.relay.inquiries.waiting:
            self._to_ask.set()
        self._arm()

    def _arm(self) -> None:
        """Set the timer for the relay's next tick, if it has one and no earlier timer is running."""
        due = self.relay.next_tick()
        if due is None or (self._timer is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        delay = max(due - self._now(), _SHORTEST_TICK_S)
        self._timer_at = due
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.relay.tick(now=self._now())
        self._arm()

    async def _commit_batches(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while (batch := self.relay.take_batch()) is not None:
                try:
                    if batch:
                        self._committing_since = self._now()
                        await self._store.commit(batch)
                    else:
                        await asyncio.sleep(0)  # what waits for a look-up must not keep it from being made
                except NoSpaceError:
                    self._committing_since = None
                    log.warning("mailbox-no-space", envelopes=len(batch.put))
                    self.relay.failed(now=self._now())
                    await asyncio.sleep(self._no_space_pause_s)
                else:
                    self._committing_since = None
                    self.relay.committed(now=self._now())

    async def _read_windows(self) -> None:
        while True:
            await self._to_read.wait()
            self._to_read.clear()
            while self.relay.readings:
                reading = self.relay.readings.popleft()
                rows = await self._store.window(reading.mailbox.device, [entry.seq for entry in reading.entries])
                damaged = reading.damaged(rows)
                if damaged:
                    log.error("mailbox-damaged", unreadable=damaged)
                self.relay.window_read(reading, rows)

    async def _answer_questions(self) -> None:
        inquiries = self.relay.inquiries
        while True:
            await self._to_ask.wait()
            self._to_ask.clear()
            while (question := inquiries.next_question()) is not None:
                stored = await self._store.outcome(question.handle_hash)
                inquiries.answer(question, stored, now=self._now())
