"""Changes on their way into the store.

The ledger collects what must become durable; one batch at a time is away being committed, and meanwhile the next one
grows: that is the group commit, and it adapts to load by itself.
"""

from collections.abc import Callable

from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.server.core.model import Batch, Doubt, Put, StoredOutcome
from sayso.server.core.relay.entries import Entry, Place

MAX_PUTS = 1024
"""Envelopes in one batch; more wait for the next."""
MAX_QUEUED = 32_768
"""Envelopes queued for the store; beyond it deposits are refused until it has caught up."""


class Ledger:
    """What is to be written, and what to do when it is."""

    def __init__(self, on_work: Callable[[], None]) -> None:
        """Take a callback that is called when there is something to commit."""
        self._on_work = on_work
        self._batch = Batch()
        self._queued: list[Entry] = []
        self._then: list[Callable[[], None]] = []
        self._away: tuple[Batch, list[Entry], list[Callable[[], None]]] | None = None
        self._fresh_outcomes: dict[bytes, StoredOutcome] = {}

    def poke(self) -> None:
        """Say that there is something to do."""
        self._on_work()

    @property
    def has_work(self) -> bool:
        """Whether something waits to be committed."""
        return bool(self._queued or self._batch or self._then)

    @property
    def is_full(self) -> bool:
        """Whether the store is too far behind to take more."""
        return len(self._queued) >= MAX_QUEUED

    def queue(self, entry: Entry) -> None:
        """Write an envelope with the next batch."""
        entry.place = Place.QUEUED
        self._queued.append(entry)
        self._on_work()

    def settle(self, entry: Entry, outcome: StoredOutcome) -> None:
        """Delete a stored envelope and write its outcome."""
        self._batch.settled.append((entry.seq, outcome))
        self._note(outcome)

    def doubt(self, entry: Entry, doubt: Doubt) -> None:
        """Delete a stored envelope's bytes and write the doubt."""
        self._batch.doubted.append((entry.seq, doubt))
        self._on_work()

    def resolve(self, device: DeviceId, envelope_id: EnvelopeId, outcome: StoredOutcome) -> None:
        """Delete a doubt and write the outcome."""
        self._batch.resolved.append((device, envelope_id, outcome))
        self._note(outcome)

    def remember(self, outcome: StoredOutcome) -> None:
        """Write the outcome of an envelope that never was in the store."""
        self._batch.outcomes.append(outcome)
        self._note(outcome)

    def collect(self, handle_hash: HandleHash) -> None:
        """Forget an outcome."""
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

    def then(self, action: Callable[[], None]) -> None:
        """Do something once all that was put in so far is durable."""
        self._then.append(action)
        self._on_work()

    def fresh_outcome(self, handle_hash: bytes) -> StoredOutcome | None:
        """Return an outcome that is not durable yet, so that nobody is told an older state meanwhile."""
        return self._fresh_outcomes.get(handle_hash)

    def take(self) -> Batch | None:
        """Take the next batch to commit; None while one is away, or when there is nothing to do.

        A batch with nothing in it but actions is possible: they wait only for what was away before them.
        """
        if self._away is not None or not self.has_work:
            return None
        taken, rest = self._queued[:MAX_PUTS], self._queued[MAX_PUTS:]
        batch = self._batch
        writing = []
        for entry in taken:
            if entry.place is Place.QUEUED and entry.envelope is not None:
                entry.place = Place.WRITING
                writing.append(entry)
                batch.put.append(Put(waiting=entry.waiting(), envelope=entry.envelope))
        self._queued = rest
        self._batch = Batch()
        actions: list[Callable[[], None]] = []
        if not rest:  # what is left over belongs to the actions too
            actions, self._then = self._then, []
        self._away = (batch, writing, actions)
        return batch

    def committed(self) -> tuple[list[Entry], list[Callable[[], None]]]:
        """Note that the batch that is away is durable. Returns its envelopes and actions."""
        batch, entries, actions = self._landed()
        for outcome in _outcomes(batch):
            if self._fresh_outcomes.get(outcome.handle_hash) is outcome:
                del self._fresh_outcomes[outcome.handle_hash]
        for entry in entries:
            if entry.place is Place.WRITING:
                entry.place = Place.STORED
        return entries, actions

    def failed(self) -> list[Entry]:
        """Note that nothing of the batch that is away was stored. Returns its envelopes; all else is tried again."""
        batch, entries, actions = self._landed()
        batch.put = []
        _merge(batch, self._batch)
        self._batch = batch
        self._then = actions + self._then
        return entries

    def _landed(self) -> tuple[Batch, list[Entry], list[Callable[[], None]]]:
        if self._away is None:
            raise RuntimeError("no batch is away")
        landed, self._away = self._away, None
        return landed

    def _note(self, outcome: StoredOutcome) -> None:
        self._fresh_outcomes[outcome.handle_hash] = outcome
        self._on_work()


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
