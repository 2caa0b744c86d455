"""The directory, as the services see it: four concerns, one store.

All times are the server's running seconds. Every method is one transaction, and durable when it returns.

Raises, everywhere:
    NoSpaceError: the disk is full, nothing was stored.
    StoreError: the storage failed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sayso.protocol.api import Claim, PublishKeys
from sayso.protocol.ids import DeviceId, EnrolmentId, GrantHash
from sayso.server.core.directory import Counts, Departed, Enrolment, Erasure, HeldKeys, Pending
from sayso.server.core.model import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What became of a right code."""

    result: bytes
    """The answer to give: the stored one, if the code had been confirmed before."""
    line: Line
    replaced: tuple[Erasure, ...]
    """Devices whose enrolment this one ended; their erasures are noted and wait to be finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimOutcome:
    """The answer to a claim."""

    answer: bytes
    """`protocol.api.Claimed`, JSON."""
    changed: tuple[Line, ...]
    """Lines that have fewer one-time keys now."""


class EnrolmentStore(Protocol):
    """Verification of numbers."""

    async def add_pending(self, pending: Pending, *, now: float, at_most: int) -> bool:
        """Note a pending enrolment. Returns False, and notes nothing, where no code may be sent.

        That is: the id is known; the line has `at_most` pending ones; or the device is enrolled with another key
        (somebody else's device id: the first holder keeps it).
        """
        ...

    async def pending(self, enrolment: EnrolmentId, *, now: float) -> Pending | None:
        """Look up a pending enrolment that has not expired."""
        ...

    async def take_try(self, enrolment: EnrolmentId, *, now: float) -> Pending | None:
        """Take one try, durably, before the code is compared. None: expired, unknown, or no try was left.

        Of any number of callers, in any number of processes, at most as many get one as there are tries.
        """
        ...

    async def confirm(self, pending: Pending, enrolment: Enrolment, *, result: bytes, now: float) -> Confirmed | None:
        """Enrol, once the code was right; give the try back; end earlier enrolments of the line and of the device.

        Confirmed before: the stored result, and nothing changes. None: expired, ended since, or the device is enrolled
        with another key.
        """
        ...


class KeyStore(Protocol):
    """Keys for others to claim."""

    async def publish(self, device: DeviceId, keys: PublishKeys, *, now: float) -> Line | None:
        """Take keys whose signatures were checked. None: not enrolled.

        A one-time key is taken only if its id is greater than every id that this device ever had taken, so that none
        is ever handed out twice; at most 100 are held. The fallback key replaces the one before. An envelope key
        whose id is held already changes nothing; another one becomes the newest, and the newest becomes the previous.
        """
        ...

    async def claim(self, device: DeviceId, claim: Claim, *, now: float, per_day: int) -> ClaimOutcome:
        """Hand out keys: deleted in the transaction that stores the answer under the request id, for ten minutes.

        Raises:
            Refused: the budget is spent, or the request id was used for other lines.
        """
        ...

    async def held_keys(self, device: DeviceId) -> HeldKeys:
        """Count what is held."""
        ...


class LineStore(Protocol):
    """Enrolled lines."""

    async def load_lines(self, *, now: float, devices: Collection[DeviceId] | None = None) -> list[Line]:
        """Read lines, asleep ones too: of some devices, or all of them for the relay at its start."""
        ...

    async def enrolment(self, device: DeviceId) -> Enrolment | None:
        """Look up a device's enrolment."""
        ...

    async def set_grant(self, device: DeviceId, grant_hash: GrantHash, *, now: float) -> Line | None:
        """Replace the hash of the line's grant. None: not enrolled."""
        ...

    async def renew_leases(self, leases: Mapping[DeviceId, float], *, now: float) -> list[Line]:
        """Move lease ends forward, never back. Returns the lines that are enrolled."""
        ...


class ErasureStore(Protocol):
    """The end of enrolments. Each end notes an erasure for the mailbox, which lies in another file (docs/adr/0005)."""

    async def withdraw(self, departed: Departed) -> Erasure | None:
        """Delete all of a device and keep, for some minutes, the answer. None: not enrolled (any more)."""
        ...

    async def departed(self, device: DeviceId, *, now: float) -> Departed | None:
        """Look up a device that withdrew some minutes ago."""
        ...

    async def erasures(self, device: DeviceId | None = None) -> list[Erasure]:
        """Return what has still to be finished: of one device, or all of it."""
        ...

    async def finished(self, erasure: Erasure) -> None:
        """Forget an erasure: the mailbox is gone."""
        ...


class SweepStore(Protocol):
    """What time does by itself."""

    async def expire(self, *, now: float) -> Sequence[Erasure]:
        """Delete enrolments 28 days after their last contact. Returns their erasures, which wait to be finished."""
        ...

    async def forget(self, *, now: float) -> list[Line]:
        """Delete what is past its time: codes, answers, departed devices, previous envelope keys after 48 hours.

        Returns the lines that serve fewer envelope keys now.
        """
        ...

    async def counts(self, *, now: float) -> Counts:
        """Count."""
        ...


class DirectoryStore(EnrolmentStore, KeyStore, LineStore, ErasureStore, SweepStore, Protocol):
    """The whole directory."""

    async def close(self) -> None:
        """Let go of the storage."""
        ...
