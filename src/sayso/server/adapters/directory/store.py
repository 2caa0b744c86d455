"""`SqlDirectory`, the `DirectoryStore` in SQL: each method is one transaction, its statements stand in the modules."""

from collections.abc import Collection, Mapping, Sequence

from sayso.protocol.api import Claim, PublishKeys
from sayso.protocol.ids import DeviceId, EnrolmentId, GrantHash, Token
from sayso.server.adapters.directory import claims, enrolments, epochs, erasures, keys, locks, rows
from sayso.server.adapters.directory.engine import Database
from sayso.server.core.directory import AgreedConsent, Counts, Departed, Enrolment, Erasure, HeldKeys, Pending
from sayso.server.core.lines import Line
from sayso.server.core.lock import Newcomer
from sayso.server.core.pin import HeldPin
from sayso.server.directory_port import ClaimOutcome, Confirmed, EndedEpochs, Locked


class SqlDirectory:
    """A directory in a database."""

    def __init__(self, database: Database) -> None:
        """Take a database whose schema is current."""
        self._database = database

    async def add_pending(self, pending: Pending, *, now: float, at_most: int) -> bool:
        """See `EnrolmentStore`."""
        async with self._database.write(pending.keys.device, *pending.tokens) as connection:
            return await enrolments.add_pending(connection, pending, now=now, at_most=at_most)

    async def pending(self, enrolment: EnrolmentId, *, now: float) -> Pending | None:
        """See `EnrolmentStore`."""
        async with self._database.read() as connection:
            return await enrolments.find_pending(connection, enrolment, now=now)

    async def take_try(self, enrolment: EnrolmentId, *, now: float) -> Pending | None:
        """See `EnrolmentStore`."""
        async with self._database.write(enrolment) as connection:
            return await enrolments.take_try(connection, enrolment, now=now)

    async def confirm(
        self, pending: Pending, enrolment: Enrolment, *, result: bytes, now: float, pin: bytes | None = None
    ) -> Confirmed | Locked | None:
        """See `EnrolmentStore`."""
        async with self._database.write() as connection:
            return await enrolments.confirm(connection, pending, enrolment, result=result, now=now, pin=pin)

    async def publish(self, device: DeviceId, keys_: PublishKeys, *, now: float) -> Line | None:
        """See `KeyStore`."""
        async with self._database.write(device) as connection:
            return await keys.publish(connection, device, keys_, now=now)

    async def claim(self, device: DeviceId, claim: Claim, *, now: float, per_day: int) -> ClaimOutcome:
        """See `KeyStore`."""
        async with self._database.write(device, *(line.token for line in claim.lines)) as connection:
            return await claims.claim(connection, device, claim, now=now, per_day=per_day)

    async def held_keys(self, device: DeviceId) -> HeldKeys:
        """See `KeyStore`."""
        async with self._database.read() as connection:
            return await keys.held(connection, device)

    async def load_lines(self, *, now: float, devices: Collection[DeviceId] | None = None) -> list[Line]:
        """See `LineStore`."""
        async with self._database.read() as connection:
            return await rows.read_lines(connection, now=now, devices=devices)

    async def enrolment(self, device: DeviceId) -> Enrolment | None:
        """See `LineStore`."""
        async with self._database.read() as connection:
            return await enrolments.find(connection, device)

    async def codes_asked(self, device: DeviceId, *, now: float) -> int:
        """See `LineStore`."""
        async with self._database.read() as connection:
            return await enrolments.count_codes(connection, device, now=now)

    async def set_grant(self, device: DeviceId, grant_hash: GrantHash, *, now: float) -> Line | None:
        """See `LineStore`."""
        async with self._database.write(device) as connection:
            await enrolments.set_grant(connection, device, grant_hash)
            return await rows.read_line(connection, device, now=now)

    async def set_consent(self, device: DeviceId, agreed: AgreedConsent, *, now: float) -> Line | None:
        """See `LineStore`."""
        async with self._database.write(device) as connection:
            await enrolments.set_consent(connection, device, agreed)
            return await rows.read_line(connection, device, now=now)

    async def renew_leases(self, leases: Mapping[DeviceId, float], *, now: float) -> list[Line]:
        """See `LineStore`."""
        if not leases:
            return []
        async with self._database.write(b"leases") as connection:
            await enrolments.renew(connection, leases)
            return await rows.read_lines(connection, now=now, devices=leases)

    async def pin(self, device: DeviceId) -> HeldPin | None:
        """See `PinStore`."""
        async with self._database.read() as connection:
            return await locks.find_pin(connection, device)

    async def try_pin(self, pending: Pending, *, now: float) -> bytes | None:
        """See `PinStore`."""
        async with self._database.write() as connection:
            return await locks.try_pin(connection, pending, now=now)

    async def try_own_pin(self, device: DeviceId) -> bytes | None:
        """See `PinStore`."""
        async with self._database.write(device) as connection:
            return await locks.try_own_pin(connection, device)

    async def begin_pin(self, device: DeviceId, salt: bytes, *, now: float) -> bool:
        """See `PinStore`."""
        async with self._database.write(device) as connection:
            return await locks.begin_pin(connection, device, salt, now=now)

    async def set_pin(self, device: DeviceId, verifier: bytes | None, *, now: float) -> bool:
        """See `PinStore`."""
        async with self._database.write() as connection:
            return await locks.set_pin(connection, device, verifier, now=now)

    async def newcomer(self, holder: DeviceId, *, now: float) -> Newcomer | None:
        """See `LockStore`."""
        async with self._database.read() as connection:
            return await locks.find_newcomer(connection, holder, now=now)

    async def newcomer_key(self, device: DeviceId) -> bytes | None:
        """See `LockStore`."""
        async with self._database.read() as connection:
            return await locks.newcomer_key(connection, device)

    async def refuse(self, pending: Pending, *, now: float) -> Line | None:
        """See `LockStore`."""
        async with self._database.write() as connection:
            return await locks.refuse(connection, pending, now=now)

    async def delay(self, device: DeviceId, proof: bytes, *, now: float) -> Line | None:
        """See `LockStore`."""
        async with self._database.write() as connection:
            return await locks.delay(connection, device, proof, now=now)

    async def cancel(self, device: DeviceId, ed25519: bytes, *, now: float) -> list[Line]:
        """See `LockStore`."""
        async with self._database.write() as connection:
            return await locks.cancel(connection, device, ed25519, now=now)

    async def move(self, device: DeviceId, old: Token, fresh: Token, *, now: float) -> Line | None:
        """See `EpochStore`."""
        async with self._database.write() as connection:
            return await epochs.move(connection, device, old, fresh, now=now)

    async def end_epochs(self, live: Collection[int], *, now: float) -> EndedEpochs:
        """See `EpochStore`."""
        async with self._database.write() as connection:
            ended = await epochs.end(connection, live, now=now)
        await self._database.scrub()
        return ended

    async def withdraw(self, departed: Departed) -> Erasure | None:
        """See `ErasureStore`."""
        async with self._database.write() as connection:
            return await erasures.withdraw(connection, departed)

    async def departed(self, device: DeviceId, *, now: float) -> Departed | None:
        """See `ErasureStore`."""
        async with self._database.read() as connection:
            return await erasures.find_departed(connection, device, now=now)

    async def erasures(self, device: DeviceId | None = None) -> list[Erasure]:
        """See `ErasureStore`."""
        async with self._database.read() as connection:
            return await erasures.pending(connection, device)

    async def finished(self, erasure: Erasure) -> None:
        """See `ErasureStore`."""
        async with self._database.write(erasure.device) as connection:
            await erasures.finished(connection, erasure)

    async def expire(self, *, now: float) -> Sequence[Erasure]:
        """See `SweepStore`."""
        async with self._database.write() as connection:
            return await erasures.expire(connection, now=now)

    async def forget(self, *, now: float) -> list[Line]:
        """See `SweepStore`."""
        async with self._database.write() as connection:
            changed = await erasures.forget(connection, now=now)
        await self._database.scrub()
        return changed

    async def counts(self, *, now: float) -> Counts:
        """See `SweepStore`."""
        async with self._database.read() as connection:
            return await erasures.counts(connection, now=now)

    async def without_consent(self, policy_sha256: bytes) -> int:
        """See `PurgeStore`."""
        async with self._database.read() as connection:
            return await erasures.without_consent(connection, policy_sha256)

    async def purge(self, policy_sha256: bytes) -> Sequence[Erasure]:
        """See `PurgeStore`."""
        async with self._database.write() as connection:
            return await erasures.purge(connection, policy_sha256)

    async def close(self) -> None:
        """See `DirectoryStore`."""
        await self._database.close()
