"""Statements about ends: withdrawal, expiry, and what time deletes by itself."""

from sqlalchemy import and_, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId
from sayso.server.adapters.directory import locks, rows
from sayso.server.adapters.directory.tables import (
    claim_answers,
    departed_devices,
    enrolments,
    envelope_keys,
    erasures,
    one_time_keys,
    pending_enrolments,
)
from sayso.server.core.directory import Counts, Departed, Erasure
from sayso.server.core.held_keys import PREVIOUS_ENVELOPE_KEY_S
from sayso.server.core.lease import lapse_of_expired
from sayso.server.core.lines import Line


async def note(connection: AsyncConnection, erasure: Erasure) -> None:
    """Note, in the transaction that ends an enrolment, that the device's mailbox has to go too."""
    await connection.execute(delete(erasures).where(erasures.c.device == erasure.device))
    await connection.execute(insert(erasures).values(device=erasure.device, state=int(erasure.state)))


async def pending(connection: AsyncConnection, device: DeviceId | None) -> list[Erasure]:
    """See `ErasureStore.erasures`."""
    query = select(erasures)
    if device is not None:
        query = query.where(erasures.c.device == device)
    return [
        Erasure(device=DeviceId(row.device), state=OutcomeState(row.state)) for row in await connection.execute(query)
    ]


async def finished(connection: AsyncConnection, erasure: Erasure) -> None:
    """See `ErasureStore.finished`."""
    await connection.execute(delete(erasures).where(erasures.c.device == erasure.device))


async def withdraw(connection: AsyncConnection, departed: Departed) -> Erasure | None:
    """See `ErasureStore.withdraw`; the keys go with the enrolment, by their foreign keys."""
    gone = await connection.execute(
        delete(enrolments).where(enrolments.c.device == departed.device, enrolments.c.ed25519 == departed.ed25519)
    )
    if gone.rowcount != 1:
        return None
    erasure = Erasure(device=departed.device, state=OutcomeState.GONE)
    await note(connection, erasure)
    await connection.execute(delete(pending_enrolments).where(pending_enrolments.c.device == departed.device))
    await connection.execute(delete(departed_devices).where(departed_devices.c.device == departed.device))
    await connection.execute(
        insert(departed_devices).values(
            device=departed.device,
            ed25519=departed.ed25519,
            withdrawal_sha256=departed.withdrawal_sha256,
            receipt=departed.receipt,
            until=departed.until,
        )
    )
    return erasure


async def find_departed(connection: AsyncConnection, device: DeviceId, *, now: float) -> Departed | None:
    """See `ErasureStore.departed`."""
    table = departed_devices
    row = (await connection.execute(select(table).where(table.c.device == device, table.c.until > now))).first()
    if row is None:
        return None
    return Departed(
        device=DeviceId(row.device),
        ed25519=row.ed25519,
        withdrawal_sha256=row.withdrawal_sha256,
        receipt=row.receipt,
        until=row.until,
    )


async def expire(connection: AsyncConnection, *, now: float) -> list[Erasure]:
    """See `SweepStore.expire`."""
    over = enrolments.c.lease_ends <= lapse_of_expired(now)
    gone = (await connection.execute(delete(enrolments).where(over).returning(enrolments.c.device))).scalars().all()
    expired = [Erasure(device=DeviceId(device), state=OutcomeState.GONE) for device in gone]
    for erasure in expired:
        await note(connection, erasure)
    return expired


async def without_consent(connection: AsyncConnection, policy_sha256: bytes) -> int:
    """See `PurgeStore.without_consent`."""
    query = select(func.count()).select_from(enrolments).where(enrolments.c.policy_sha256 != policy_sha256)
    return await connection.scalar(query) or 0


async def purge(connection: AsyncConnection, policy_sha256: bytes) -> list[Erasure]:
    """See `PurgeStore.purge`."""
    other = enrolments.c.policy_sha256 != policy_sha256
    gone = (await connection.execute(delete(enrolments).where(other).returning(enrolments.c.device))).scalars().all()
    purged = [Erasure(device=DeviceId(device), state=OutcomeState.GONE) for device in gone]
    for erasure in purged:
        await note(connection, erasure)
    await connection.execute(delete(pending_enrolments).where(pending_enrolments.c.policy_sha256 != policy_sha256))
    return purged


async def forget(connection: AsyncConnection, *, now: float) -> list[Line]:
    """See `SweepStore.forget`."""
    await connection.execute(delete(pending_enrolments).where(pending_enrolments.c.expires <= now))
    await connection.execute(delete(claim_answers).where(claim_answers.c.expires <= now))
    await connection.execute(delete(departed_devices).where(departed_devices.c.until <= now))
    table = envelope_keys
    stale = and_(table.c.replaced_at.is_not(None), table.c.replaced_at <= now - PREVIOUS_ENVELOPE_KEY_S)
    gone = (await connection.execute(delete(table).where(stale).returning(table.c.device))).scalars().all()
    changed = await rows.read_lines(connection, now=now, devices=set(gone)) if gone else []
    return [*changed, *await locks.forget(connection, now=now)]


async def counts(connection: AsyncConnection, *, now: float) -> Counts:
    """See `SweepStore.counts`."""
    queries = {
        "pending": select(func.count()).select_from(pending_enrolments),
        "enrolments": select(func.count()).select_from(enrolments),
        "lapsed": select(func.count()).where(enrolments.c.lease_ends <= now),
        "one_time_keys": select(func.count()).select_from(one_time_keys),
        "erasures": select(func.count()).select_from(erasures),
    }
    return Counts(**{name: await connection.scalar(query) or 0 for name, query in queries.items()})
