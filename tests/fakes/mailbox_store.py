"""A MailboxStore in memory that passes the same contract as the embedded one (tests/contract/mailbox_store.py)."""

import asyncio
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from msgspec.structs import replace

from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.server.core.model import Batch, Doubt, Held, StoredOutcome, Waiting
from sayso.server.errors import NoSpaceError, StoreError


@dataclass
class Disk:
    """What survives a crash of the process."""

    mail: dict[int, tuple[Waiting, bytes]] = field(default_factory=dict)
    handed: dict[DeviceId, int] = field(default_factory=dict)
    doubts: dict[tuple[DeviceId, EnvelopeId], Doubt] = field(default_factory=dict)
    outcomes: dict[HandleHash, StoredOutcome] = field(default_factory=dict)
    next_seq: int = 1
    generation: int = 0


class FakeMailboxStore:
    """Keeps mailboxes on a `Disk`; open a second one on the same disk to restart."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()
        self.fail_next: StoreError | None = None
        """Raised by the next commit, which stores nothing. All but a NoSpaceError end the store."""
        self.stuck: asyncio.Event | None = None
        """Set, a commit waits for it."""
        self.damaged: set[int] = set()
        """Seqs whose envelopes cannot be read."""
        self.commits: list[Batch] = []
        """What was committed, in order."""
        self._dead = False

    async def load(self) -> Held:
        """Return what is held, in order of seq."""
        self._refuse_dead()
        waiting = [
            replace(waiting, handed=waiting.handed or seq <= self.disk.handed.get(waiting.device, 0))
            for seq, (waiting, _) in sorted(self.disk.mail.items())
        ]
        return Held(waiting=waiting, doubts=list(self.disk.doubts.values()), next_seq=self.disk.next_seq)

    async def commit(self, batch: Batch) -> None:
        """Apply a batch, all or nothing."""
        self._refuse_dead()
        if self.stuck is not None:
            await self.stuck.wait()
        if self.fail_next is not None:
            error, self.fail_next = self.fail_next, None
            self._dead = not isinstance(error, NoSpaceError)
            raise error
        changed = deepcopy(self.disk)
        _apply(changed, batch)
        vars(self.disk).update(vars(changed))
        self.commits.append(batch)

    async def window(self, device: DeviceId, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return the envelopes that are there."""
        self._refuse_dead()
        found = [(seq, self.disk.mail[seq]) for seq in seqs if seq in self.disk.mail and seq not in self.damaged]
        return [(seq, envelope) for seq, (waiting, envelope) in found if waiting.device == device]

    async def outcome(self, handle_hash: HandleHash) -> StoredOutcome | None:
        """Look up an outcome."""
        self._refuse_dead()
        return self.disk.outcomes.get(handle_hash)

    async def turn(self, generation: int) -> None:
        """Note that the hour key was turned."""
        self._refuse_dead()
        self.disk.generation = max(self.disk.generation, generation)

    def _refuse_dead(self) -> None:
        if self._dead:
            raise StoreError("the store failed before")


def _apply(disk: Disk, batch: Batch) -> None:
    for put in batch.put:
        if put.waiting.seq in disk.mail:
            raise StoreError("this seq is taken")
        disk.mail[put.waiting.seq] = (replace(put.waiting), bytes(put.envelope))
        disk.next_seq = max(disk.next_seq, put.waiting.seq + 1)
    for device, upto in batch.handed.items():
        disk.handed[device] = max(disk.handed.get(device, 0), upto)
        disk.next_seq = max(disk.next_seq, upto + 1)
    for seq, _ in (*batch.settled, *batch.doubted):
        disk.mail.pop(seq, None)
    for _, doubt in batch.doubted:
        disk.doubts[doubt.device, doubt.envelope_id] = doubt
    for device, envelope_id, _ in batch.resolved:
        disk.doubts.pop((device, envelope_id), None)
    settled = [outcome for _, outcome in batch.settled]
    resolved = [outcome for _, _, outcome in batch.resolved]
    for outcome in (*settled, *resolved, *batch.outcomes):
        disk.outcomes[outcome.handle_hash] = outcome
    for handle_hash in batch.collected:
        disk.outcomes.pop(handle_hash, None)
    if batch.forget_before is not None:
        disk.outcomes = {key: o for key, o in disk.outcomes.items() if o.at >= batch.forget_before}
