"""Statements about published keys."""

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol.api import PublishKeys
from sayso.protocol.ids import DeviceId
from sayso.protocol.keys import EnvelopeKey, RatchetKey
from sayso.server.adapters.directory import rows
from sayso.server.adapters.directory.tables import enrolments, envelope_keys, fallback_keys, one_time_keys
from sayso.server.core.claim_budget import ClaimBudget
from sayso.server.core.directory import HeldKeys
from sayso.server.core.held_keys import accept_one_time_keys
from sayso.server.core.lines import Line


async def publish(connection: AsyncConnection, device: DeviceId, keys: PublishKeys, *, now: float) -> Line | None:
    """See `KeyStore.publish`."""
    highest = await connection.scalar(select(enrolments.c.highest_key).where(enrolments.c.device == device))
    if highest is None:
        return None
    await _add_one_time_keys(connection, device, keys.one_time, highest)
    if keys.fallback is not None:
        await connection.execute(delete(fallback_keys).where(fallback_keys.c.device == device))
        await connection.execute(insert(fallback_keys).values(_ratchet_row(device, keys.fallback)))
    if keys.envelope is not None:
        await _add_envelope_key(connection, device, keys.envelope, now)
    return await rows.read_line(connection, device, now=now)


async def held(connection: AsyncConnection, device: DeviceId) -> HeldKeys:
    """See `KeyStore.held_keys`."""
    newest_first = select(envelope_keys.c.id).where(envelope_keys.c.device == device)
    newest_first = newest_first.order_by(envelope_keys.c.replaced_at.is_not(None))
    counted = select(enrolments.c.highest_key, enrolments.c.claims_since, enrolments.c.claims_spent)
    row = (await connection.execute(counted.where(enrolments.c.device == device))).first()
    claims = None
    if row is not None and row.claims_since is not None:
        claims = ClaimBudget(since=row.claims_since, spent=row.claims_spent)
    return HeldKeys(
        one_time_keys=await _count_one_time_keys(connection, device),
        fallback_key=bool(await connection.scalar(select(func.count()).where(fallback_keys.c.device == device))),
        envelope_keys=tuple((await connection.execute(newest_first)).scalars()),
        highest_key=-1 if row is None else row.highest_key,
        claims=claims,
    )


async def _add_one_time_keys(
    connection: AsyncConnection, device: DeviceId, published: list[RatchetKey], highest: int
) -> None:
    count = await _count_one_time_keys(connection, device)
    accepted = accept_one_time_keys(published, highest=highest, held=count)
    if not accepted:
        return
    await connection.execute(insert(one_time_keys), [_ratchet_row(device, key) for key in accepted])
    await connection.execute(
        update(enrolments).where(enrolments.c.device == device).values(highest_key=accepted[-1].id)
    )


async def _add_envelope_key(connection: AsyncConnection, device: DeviceId, key: EnvelopeKey, now: float) -> None:
    table = envelope_keys
    mine = table.c.device == device
    if await connection.scalar(select(func.count()).where(mine, table.c.id == key.id)):
        return
    await connection.execute(delete(table).where(mine, table.c.replaced_at.is_not(None)))
    await connection.execute(update(table).where(mine).values(replaced_at=now))
    await connection.execute(
        insert(table).values(
            device=device, id=key.id, created=key.created, key=key.key, signature=key.signature, replaced_at=None
        )
    )


async def _count_one_time_keys(connection: AsyncConnection, device: DeviceId) -> int:
    return await connection.scalar(select(func.count()).where(one_time_keys.c.device == device)) or 0


def _ratchet_row(device: DeviceId, key: RatchetKey) -> dict[str, object]:
    return {"device": device, "id": key.id, "key": key.key, "signature": key.signature}
