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
from sayso.protocol.ids import DeviceId, EnrolmentId, GrantHash, Token
from sayso.server.core.directory import AgreedConsent, Counts, Departed, Enrolment, Erasure, HeldKeys, Pending
from sayso.server.core.lines import Line
from sayso.server.core.lock import Newcomer
from sayso.server.core.pin import HeldPin


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What became of a right code."""

    result: bytes
    """The answer to give: the stored one, if the code had been confirmed before."""
    line: Line
    replaced: tuple[Erasure, ...]
    """Devices whose enrolment this one ended; their erasures are noted and wait to be finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """The code was right, and another device holds the number: whoever came has to wait, or to prove the PIN."""

    newcomer: Newcomer
    pin_tries: int
    """0 also where there is no PIN."""
    line: Line
    """The holder's: it is to be told."""
    wrong_pin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimOutcome:
    """The answer to a claim."""

    answer: bytes
    """`protocol.api.Claimed`, JSON."""
    changed: tuple[Line, ...]
    """Lines that have fewer one-time keys now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedEpochs:
    """What the end of an epoch changed."""

    erasures: tuple[Erasure, ...]
    """Of lines that never moved; they wait to be finished."""
    changed: tuple[Line, ...]
    """Lines, some of which are reached under one token again."""


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

    async def confirm(
        self, pending: Pending, enrolment: Enrolment, *, result: bytes, now: float, pin: bytes | None = None
    ) -> Confirmed | Locked | None:
        """Enrol, once the code was right; give the try back; end earlier enrolments of the line and of the device.

        Confirmed before: the stored result, and nothing changes. None: expired, ended since, or the device is enrolled
        with another key. Where another device holds the number, awake or asleep, the one that comes has to have waited
        long enough, or to bring the `pin`'s proof after `try_pin`: then the PIN stays the line's. Else it begins to
        wait, or goes on, in the place of any other that waits.
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

    async def codes_asked(self, device: DeviceId, *, now: float) -> int:
        """Count the codes that a device has asked for and that have not expired."""
        ...

    async def set_grant(self, device: DeviceId, grant_hash: GrantHash, *, now: float) -> Line | None:
        """Replace the hash of the line's grant. None: not enrolled."""
        ...

    async def set_consent(self, device: DeviceId, agreed: AgreedConsent, *, now: float) -> Line | None:
        """Put another consent in force for the same enrolment. None: not enrolled."""
        ...

    async def renew_leases(self, leases: Mapping[DeviceId, float], *, now: float) -> list[Line]:
        """Move lease ends forward, never back. Returns the lines that are enrolled."""
        ...


class PinStore(Protocol):
    """PINs of registration locks."""

    async def pin(self, device: DeviceId) -> HeldPin | None:
        """Look up an enrolled device's PIN."""
        ...

    async def try_pin(self, pending: Pending, *, now: float) -> bytes | None:
        """Take one of the newcomers' tries, durably, before a guess is evaluated; returns the PIN's salt (16 bytes).

        The code was right: its try is given back. None: no such lock, no PIN, or no try was left. Of any number of
        callers, in any number of processes, at most as many get one as there are tries.
        """
        ...

    async def try_own_pin(self, device: DeviceId) -> bytes | None:
        """As `try_pin`, of the enrolled device's own tries."""
        ...

    async def begin_pin(self, device: DeviceId, salt: bytes, *, now: float) -> bool:
        """Keep the salt of a PIN that is about to be set. False: a newcomer waits, and the PIN stays as it is."""
        ...

    async def set_pin(self, device: DeviceId, verifier: bytes | None, *, now: float) -> bool:
        """Set the PIN under the salt begun with, with fresh tries; None removes it.

        False, and nothing changes: a newcomer waits, or no PIN was begun.
        """
        ...


class LockStore(Protocol):
    """Devices that wait for the number of an enrolled line, one at most for each."""

    async def newcomer(self, holder: DeviceId, *, now: float) -> Newcomer | None:
        """Look up who waits for an enrolled device's number."""
        ...

    async def newcomer_key(self, device: DeviceId) -> bytes | None:
        """Return the signing key of a device that waits."""
        ...

    async def refuse(self, pending: Pending, *, now: float) -> Line | None:
        """Send the newcomer away and use the code up, which was right. None: expired, or not the holder's."""
        ...

    async def delay(self, device: DeviceId, proof: bytes, *, now: float) -> Line | None:
        """Let the newcomer wait longer, for a proof of the PIN after `try_own_pin`. None: it is not."""
        ...

    async def cancel(self, device: DeviceId, ed25519: bytes, *, now: float) -> list[Line]:
        """Forget a device that waits, and codes it asked for. Returns the lines that it waited for."""
        ...


class EpochStore(Protocol):
    """Lines on their way from one epoch to the next (docs/adr/0014)."""

    async def move(self, device: DeviceId, old: Token, fresh: Token, *, now: float) -> Line | None:
        """Give a line its token of the current epoch beside the one that it has. None: it has another one by now."""
        ...

    async def end_epochs(self, live: Collection[int], *, now: float) -> EndedEpochs:
        """Forget every token of an epoch that is not live; lines that have no other one are deleted."""
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


class PurgeStore(Protocol):
    """Enrolments whose consent was given to another policy than the server's."""

    async def without_consent(self, policy_sha256: bytes) -> int:
        """Count them; changes nothing."""
        ...

    async def purge(self, policy_sha256: bytes) -> Sequence[Erasure]:
        """Delete them, and codes under way for another policy. Returns their erasures, which wait to be finished."""
        ...


class DirectoryStore(
    EnrolmentStore, KeyStore, LineStore, PinStore, LockStore, EpochStore, ErasureStore, SweepStore, PurgeStore, Protocol
):
    """The whole directory."""

    async def close(self) -> None:
        """Let go of the storage."""
        ...
