"""Statements about pending enrolments and enrolments, on an open transaction."""

from collections.abc import Collection, Mapping

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnrolmentId, GrantHash, Token
from sayso.protocol.limits import LIMITS
from sayso.server.adapters.directory import erasures, locks, rows
from sayso.server.adapters.directory.tables import enrolments, pending_enrolments
from sayso.server.core.directory import AgreedConsent, Enrolment, Erasure, Pending
from sayso.server.core.pin import HeldPin
from sayso.server.directory_port import Confirmed, Locked


async def add_pending(connection: AsyncConnection, pending: Pending, *, now: float, at_most: int) -> bool:
    """See `EnrolmentStore.add_pending`."""
    table = pending_enrolments
    known = exists().where(table.c.id == pending.id)
    same_number = or_(table.c.token.in_(pending.tokens), table.c.other_token.in_(pending.tokens))
    asked = select(func.count()).where(same_number, table.c.expires > now).scalar_subquery()
    anothers = exists().where(_of_another(pending.keys.device, pending.keys.ed25519))
    # One question: whoever asks for code after code costs no more than that.
    if await connection.scalar(select(or_(known, anothers, asked >= at_most))):
        return False
    await connection.execute(insert(table).values(rows.from_pending(pending)))
    return True


async def find_pending(connection: AsyncConnection, enrolment: EnrolmentId, *, now: float) -> Pending | None:
    """See `EnrolmentStore.pending`."""
    table = pending_enrolments
    row = (await connection.execute(select(table).where(table.c.id == enrolment, table.c.expires > now))).first()
    return None if row is None else rows.to_pending(row)


async def take_try(connection: AsyncConnection, enrolment: EnrolmentId, *, now: float) -> Pending | None:
    """See `EnrolmentStore.take_try`: one statement, so that no two callers can take the same try."""
    table = pending_enrolments
    statement = (
        update(table)
        .where(table.c.id == enrolment, table.c.tries_left > 0, table.c.expires > now)
        .values(tries_left=table.c.tries_left - 1)
        .returning(*table.c)
    )
    row = (await connection.execute(statement)).first()
    return None if row is None else rows.to_pending(row)


async def confirm(
    connection: AsyncConnection,
    pending: Pending,
    enrolment: Enrolment,
    *,
    result: bytes,
    now: float,
    pin: bytes | None = None,
) -> Confirmed | Locked | None:
    """See `EnrolmentStore.confirm`."""
    table = pending_enrolments
    statement = (
        update(table)
        .where(table.c.id == pending.id, table.c.expires > now)
        .values(result=func.coalesce(table.c.result, result), tries_left=LIMITS.code_tries)
        .returning(table.c.result, table.c.token)
    )
    held = await find_pending(connection, pending.id, now=now)
    if held is None or await _is_anothers(connection, enrolment.device, enrolment.keys.ed25519):
        return None
    kept_pin: HeldPin | None = None
    if held.result is None:
        holder = await locks.holder_of(connection, held)
        if holder is None:
            kept_pin = await _own_pin(connection, enrolment)
        elif pin is not None and await locks.proves(connection, holder, pin):
            kept_pin = await locks.find_pin(connection, holder)
        elif not await locks.admits(connection, holder, held, now=now):
            return await _locked(connection, holder, held, wrong_pin=pin is not None, now=now)
    row = (await connection.execute(statement)).one()
    replaced: tuple[Erasure, ...] = ()
    if held.result is None:
        replaced = await _replace(connection, enrolment, held.tokens)
        if kept_pin is not None:
            await locks.carry_pin(connection, kept_pin, enrolment.device)
    line = await rows.read_line(connection, enrolment.device, now=now)
    if line is None or pending.token not in line.tokens:
        return None
    return Confirmed(result=row.result, line=line, replaced=replaced)


async def find(connection: AsyncConnection, device: DeviceId) -> Enrolment | None:
    """See `LineStore.enrolment`."""
    row = (await connection.execute(select(enrolments).where(enrolments.c.device == device))).first()
    return None if row is None else rows.to_enrolment(row)


async def count_codes(connection: AsyncConnection, device: DeviceId, *, now: float) -> int:
    """See `LineStore.codes_asked`."""
    table = pending_enrolments
    return await connection.scalar(select(func.count()).where(table.c.device == device, table.c.expires > now)) or 0


async def renew(connection: AsyncConnection, leases: Mapping[DeviceId, float]) -> None:
    """Move lease ends forward, never back."""
    if not leases:
        return
    table = enrolments
    ends: BindParameter[float] = bindparam("ends")
    moved = update(table).where(table.c.device == bindparam("who"), table.c.lease_ends < ends).values(lease_ends=ends)
    await connection.execute(moved, [{"who": device, "ends": lease_ends} for device, lease_ends in leases.items()])


async def set_grant(connection: AsyncConnection, device: DeviceId, grant_hash: GrantHash) -> None:
    """Replace the hash of a line's grant."""
    await connection.execute(update(enrolments).where(enrolments.c.device == device).values(grant_hash=grant_hash))


async def set_consent(connection: AsyncConnection, device: DeviceId, agreed: AgreedConsent) -> None:
    """See `LineStore.set_consent`."""
    values = {
        "findable": agreed.findable,
        "receipt_sha256": agreed.receipt_sha256,
        "policy_sha256": agreed.policy_sha256,
    }
    await connection.execute(update(enrolments).where(enrolments.c.device == device).values(**values))


async def _replace(connection: AsyncConnection, enrolment: Enrolment, tokens: Collection[Token]) -> tuple[Erasure, ...]:
    table = enrolments
    earlier = or_(rows.reached_under(tokens), table.c.device == enrolment.device)
    gone = (await connection.execute(delete(table).where(earlier).returning(table.c.device))).scalars().all()
    replaced = tuple(Erasure(device=DeviceId(device), state=OutcomeState.GONE) for device in gone)
    for erasure in replaced:
        await erasures.note(connection, erasure)
    await connection.execute(insert(table).values(rows.from_enrolment(enrolment)))
    return replaced


async def _own_pin(connection: AsyncConnection, enrolment: Enrolment) -> HeldPin | None:
    """Return the PIN that this device has set for this very line, to go on with it."""
    before = await find(connection, enrolment.device)
    if before is None or not set(enrolment.tokens).intersection(before.tokens):
        return None
    return await locks.find_pin(connection, enrolment.device)


async def _locked(
    connection: AsyncConnection, holder: DeviceId, pending: Pending, *, wrong_pin: bool, now: float
) -> Locked | None:
    newcomer = await locks.note_newcomer(connection, holder, pending, now=now)
    pin = await locks.find_pin(connection, holder)
    line = await rows.read_line(connection, holder, now=now)
    if line is None:
        return None
    return Locked(newcomer=newcomer, pin_tries=0 if pin is None else pin.tries_left, line=line, wrong_pin=wrong_pin)


async def _is_anothers(connection: AsyncConnection, device: bytes, ed25519: bytes) -> bool:
    return bool(await connection.scalar(select(exists().where(_of_another(device, ed25519)))))


def _of_another(device: bytes, ed25519: bytes) -> ColumnElement[bool]:
    """Whether a device id is enrolled with another key: then a stranger uses it, to end somebody's enrolment."""
    return and_(enrolments.c.device == device, enrolments.c.ed25519 != ed25519)
