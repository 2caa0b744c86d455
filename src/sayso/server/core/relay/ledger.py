"""Changes on their way into the store.

The ledger collects what must become durable; one batch at a time is away being committed, and meanwhile the next one
grows: that is the group commit, and it adapts to load by itself.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, TypeAlias

from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.protocol.limits import KIB
from sayso.server.core.model import Batch, Doubt, Put, StoredOutcome
from sayso.server.core.relay.entries import Entry, Place

Action: TypeAlias = Callable[[float], None]
"""What is done once a change is durable; takes the running time at which it became so."""

MAX_PUTS: Final = 1024
"""Envelopes in one batch; more wait for the next."""
MAX_PUT_BYTES: Final = 16 * 1024 * KIB
"""Bytes of envelopes in one batch (or one envelope)."""
MAX_QUEUED: Final = 32_768
"""Envelopes queued for the store; beyond it deposits are refused until it has caught up."""
MAX_QUEUED_BYTES: Final = 256 * 1024 * KIB
"""The same by bytes: what is queued lies in memory."""
MAX_COLLECTED: Final = 65_536
"""Outcomes to forget that wait for the next batch; more are dropped, and go with their 14 days."""
NO_SPACE_S: Final = 1.0
"""After a full disk the store is tried again this much later; meanwhile what has to be stored is refused."""


class Ledger:
    """What is to be written, and what to do when it is."""

    def __init__(self, on_work: Callable[[], None]) -> None:
        """Take a callback that is called when there is something to commit."""
        self._on_work = on_work
        self._batch = Batch()
        self._queued: deque[Entry] = deque()
        self._queued_bytes = 0
        self._then: list[Action] = []
        self._drained: list[Callable[[], None]] = []
        self._away: tuple[Batch, list[Entry], list[Action]] | None = None
        self._fresh: dict[bytes, StoredOutcome] = {}
        self._landed: dict[bytes, StoredOutcome] | None = None
        self.is_full = False
        """Whether the store is too far behind to take more."""
        self.no_space_until = 0.0
        """Until this running time nothing that has to be stored is taken."""

    def poke(self) -> None:
        """Say that there is something to do."""
        self._on_work()

    @property
    def has_work(self) -> bool:
        """Whether something waits to be committed."""
        return bool(self._queued or self._batch or self._then)

    def oldest_queued(self) -> float | None:
        """Return when the oldest envelope on its way into the store was deposited (running seconds)."""
        away = self._away[1] if self._away is not None else []
        times = [entry.deposited for entry in (*away[:1], *islice(self._queued, 1))]
        return min(times, default=None)

    # Changes

    def queue(self, entry: Entry) -> None:
        """Write an envelope with the next batch."""
        entry.place = Place.QUEUED
        self._queued.append(entry)
        self._queued_bytes += entry.size
        self._see_whether_full()
        self._on_work()

    def requeue(self, entries: Sequence[Entry]) -> None:
        """Write envelopes of a batch that failed before all others, so that nothing younger overtakes them."""
        for entry in reversed(entries):
            entry.place = Place.QUEUED
            self._queued.appendleft(entry)
            self._queued_bytes += entry.size
        self._see_whether_full()
        self._on_work()

    def settle(self, entry: Entry, outcome: StoredOutcome) -> None:
        """Delete a stored envelope and write its outcome."""
        self._batch.settled.append((entry.seq, outcome))
        self.note(outcome)

    def doubt(self, entry: Entry, doubt: Doubt) -> None:
        """Delete a stored envelope's bytes and write the doubt."""
        self._batch.doubted.append((entry.seq, doubt))
        self._on_work()

    def resolve(self, device: DeviceId, envelope_id: EnvelopeId, outcome: StoredOutcome) -> None:
        """Delete a doubt and write the outcome."""
        self._batch.resolved.append((device, envelope_id, outcome))
        self.note(outcome)

    def remember(self, outcome: StoredOutcome) -> None:
        """Write the outcome of an envelope that never was in the store."""
        self._batch.outcomes.append(outcome)
        self.note(outcome)

    def collect(self, handle_hash: HandleHash) -> None:
        """Forget an outcome."""
        if len(self._batch.collected) < MAX_COLLECTED:
            self._batch.collected.append(handle_hash)
            self._on_work()

    def forget_before(self, running: float) -> None:
        """Forget outcomes that became final before this."""
        self._batch.forget_before = running
        self._on_work()

    def mark_handed(self, device: DeviceId, seq: int) -> None:
        """Raise a device's watermark."""
        self._batch.handed[device] = max(seq, self._batch.handed.get(device, 0))
        self._on_work()

    def then(self, action: Action) -> None:
        """Do something once the changes put in so far are durable. Envelopes still queued may follow later."""
        self._then.append(action)
        self._on_work()

    def when_drained(self, action: Callable[[], None]) -> None:
        """Do something once nothing is left to be written."""
        self._drained.append(action)
        self._on_work()

    # Outcomes that the store does not show yet

    def note(self, outcome: StoredOutcome) -> None:
        """Know an outcome before it is durable, so that nobody is told an older state meanwhile."""
        self._fresh[outcome.handle_hash] = outcome
        self._on_work()

    def watch(self) -> None:
        """A look-up in the store begins: keep what lands meanwhile, since it may see the state of before."""
        self._landed = {}

    def fresh_outcome(self, handle_hash: bytes) -> StoredOutcome | None:
        """Return an outcome that a look-up since `watch` may have missed."""
        fresh = self._fresh.get(handle_hash)
        if fresh is None and self._landed:
            return self._landed.get(handle_hash)
        return fresh

    # Batches

    def take(self) -> Batch | None:
        """Take the next batch to commit; None while one is away, or when there is nothing to do.

        A batch with nothing in it but actions is possible: they wait only for what was away before them.
        """
        if self._away is not None or not (self.has_work or self._drained):
            return None
        batch, self._batch = self._batch, Batch()
        actions, self._then = self._then, []
        writing: list[Entry] = []
        used = 0
        while self._queued and len(writing) < MAX_PUTS and used < MAX_PUT_BYTES:
            entry = self._queued.popleft()
            self._queued_bytes -= entry.size
            if entry.place is Place.QUEUED and entry.envelope is not None:
                entry.place = Place.WRITING
                used += entry.size
                writing.append(entry)
                batch.put.append(Put(waiting=entry.waiting(), envelope=entry.envelope))
        self._see_whether_full()
        self._away = (batch, writing, actions)
        return batch

    def committed(self) -> tuple[list[Entry], list[Action]]:
        """Note that the batch that is away is durable. Returns its envelopes and actions."""
        batch, entries, actions = self._back()
        if batch:
            self.no_space_until = 0.0
        for outcome in _outcomes(batch):
            if self._fresh.get(outcome.handle_hash) is outcome:
                del self._fresh[outcome.handle_hash]
            if self._landed is not None:
                self._landed[outcome.handle_hash] = outcome
        for entry in entries:
            entry.place = Place.STORED
        return entries, actions

    def failed(self, *, now: float) -> list[Entry]:
        """Note that nothing of the batch that is away was stored. Returns its envelopes; all else is tried again."""
        batch, entries, actions = self._back()
        self.no_space_until = now + NO_SPACE_S
        batch.put = []
        _merge(batch, self._batch)
        self._batch = batch
        self._then = actions + self._then
        return entries

    def take_drained(self) -> list[Callable[[], None]]:
        """Return what waited for nothing to be left, if nothing is."""
        if self._away is not None or self.has_work:
            return []
        drained, self._drained = self._drained, []
        return drained

    def _see_whether_full(self) -> None:
        self.is_full = len(self._queued) >= MAX_QUEUED or self._queued_bytes >= MAX_QUEUED_BYTES

    def _back(self) -> tuple[Batch, list[Entry], list[Action]]:
        if self._away is None:
            raise RuntimeError("no batch is away")
        back, self._away = self._away, None
        return back


def _outcomes(batch: Batch) -> list[StoredOutcome]:
    settled = [outcome for _, outcome in batch.settled]
    resolved = [outcome for _, _, outcome in batch.resolved]
    return settled + resolved + batch.outcomes


def _merge(older: Batch, newer: Batch) -> None:
    """Put `newer` behind `older`, in place."""
    for device, seq in newer.handed.items():
        older.handed[device] = max(seq, older.handed.get(device, 0))
    older.settled += newer.settled
    older.doubted += newer.doubted
    older.resolved += newer.resolved
    older.outcomes += newer.outcomes
    older.collected += newer.collected
    if newer.forget_before is not None:
        older.forget_before = newer.forget_before
