"""What discovery needs of the world: budgets, who is in the enrolled set, and where its builds lie.

All times are the server's running seconds. Every method is one transaction, and durable when it returns.

Raises, everywhere:
    NoSpaceError: the disk is full, nothing was stored.
    StoreError: the storage failed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sayso.protocol.ids import DeviceId
from sayso.server.core.discovery_budget import Allowance, DiscoveryBudget
from sayso.server.core.set_build import MadeSet, SetWork
from sayso.server.core.set_schedule import Candidate


class DiscoveryBudgetStore(Protocol):
    """What lines have spent. Whoever gets an error from it evaluates nothing."""

    async def spend(self, record: bytes, batch: bytes, elements: int, *, now: float, allowance: Allowance) -> None:
        """Take a batch out of a bucket. Of any number of callers, in any number of processes, none overdraws.

        Args:
            record: of `discovery_budget.record_id`.
            batch: of `discovery_budget.batch_digest`; the last one once more is free.
            elements: how many numbers.
            now: running seconds.
            allowance: of this server.

        Raises:
            Refused: more than is left; nothing is taken.
        """
        ...

    async def budget(self, record: bytes) -> DiscoveryBudget | None:
        """Look up what is remembered of a bucket."""
        ...

    async def forget_full(self, *, now: float) -> None:
        """Delete the records of full buckets."""
        ...


class SetStore(Protocol):
    """Who may be in the enrolled set."""

    async def candidates(self) -> list[Candidate]:
        """Read all enrolled lines, asleep and hidden ones too."""
        ...

    async def note(self, drawn: Mapping[DeviceId, float], back: Collection[DeviceId]) -> None:
        """Keep when lines leave the set, and forget it of lines that are back. Unknown devices change nothing."""
        ...

    async def leaves_at(self, device: DeviceId) -> float | None:
        """Look up when a line that lapsed leaves the set."""
        ...


class SetFiles(Protocol):
    """Where builds lie, addressed by SHA-256. Blobs are public; what is read is what was written, or nothing."""

    async def publish(self, built: int, document: bytes, blobs: Sequence[bytes], *, named: Collection[bytes]) -> None:
        """Put a build in place, durably: all its blobs first, its manifest then. Forget what no build needs any more.

        Args:
            built: the hour it is of.
            document: the signed manifest.
            blobs: those of this build that may be new.
            named: SHA-256 of all blobs that the manifest names; those of the last two builds before it are kept too.
        """
        ...

    async def latest(self) -> bytes | None:
        """Return the manifest of the newest build whose blobs are all there."""
        ...

    async def blob(self, sha256: bytes) -> bytes | None:
        """Return a blob of a build that is kept."""
        ...


class SetWorkshop(Protocol):
    """Makes sets, away from the event loop."""

    async def make(self, work: SetWork) -> MadeSet:
        """Make a set.

        Raises:
            ServerError: it could not be made.
        """
        ...
