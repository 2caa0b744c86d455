"""Statements about the registration lock: the newcomer that waits for a line's number, and the line's PIN.

Tries are taken by one statement each, so that no two callers can take the same one, and before anything is evaluated or
compared; a transaction that fails gives nothing away.
"""

from sqlalchemy import ColumnElement, Row, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import LIMITS
from sayso.server.adapters.directory import rows
from sayso.server.adapters.directory.tables import enrolments, newcomers, pending_enrolments, pins
from sayso.server.core.directory import Pending
from sayso.server.core.lines import Line
from sayso.server.core.lock import Newcomer, arrive, delayed, may_come_in, over
from sayso.server.core.pin import HeldPin, pin_fits


async def holder_of(connection: AsyncConnection, pending: Pending) -> DeviceId | None:
    """Return the device that holds the number, awake or asleep, if it is another one than the one that comes."""
    table = enrolments
    another = or_(table.c.device != pending.keys.device, table.c.ed25519 != pending.keys.ed25519)
    holder = await connection.scalar(select(table.c.device).where(rows.reached_under(pending.tokens), another))
    return None if holder is None else DeviceId(holder)


async def admits(connection: AsyncConnection, holder: DeviceId, pending: Pending, *, now: float) -> bool:
    """Whether the device has waited long enough."""
    newcomer = await find_newcomer(connection, holder, now=now)
    return may_come_in(newcomer, DeviceId(pending.keys.device), pending.keys.ed25519, now=now)


async def note_newcomer(connection: AsyncConnection, holder: DeviceId, pending: Pending, *, now: float) -> Newcomer:
    """Let the device wait from now on, or go on waiting; give the code's try back, since it was right."""
    before = await find_newcomer(connection, holder, now=now)
    newcomer = arrive(before, DeviceId(pending.keys.device), pending.keys.ed25519, now=now)
    if newcomer != before:
        await _put_newcomer(connection, holder, newcomer)
    await _give_back(connection, pending)
    return newcomer


async def find_newcomer(connection: AsyncConnection, holder: DeviceId, *, now: float) -> Newcomer | None:
    """See `LockStore.newcomer`."""
    row = (await connection.execute(select(newcomers).where(newcomers.c.holder == holder))).first()
    if row is None:
        return None
    newcomer = Newcomer(device=DeviceId(row.device), ed25519=row.ed25519, since=row.since, until=row.until)
    return None if over(newcomer, now=now) else newcomer


async def newcomer_key(connection: AsyncConnection, device: DeviceId) -> bytes | None:
    """See `LockStore.newcomer_key`."""
    return await connection.scalar(select(newcomers.c.ed25519).where(newcomers.c.device == device).limit(1))


async def refuse(connection: AsyncConnection, pending: Pending, *, now: float) -> Line | None:
    """See `LockStore.refuse`."""
    table = enrolments
    itself = and_(
        rows.reached_under(pending.tokens),
        table.c.device == pending.keys.device,
        table.c.ed25519 == pending.keys.ed25519,
    )
    # The code is single use; whoever deletes it first has used it.
    used = await connection.execute(
        delete(pending_enrolments).where(
            pending_enrolments.c.id == pending.id,
            pending_enrolments.c.expires > now,
            pending_enrolments.c.result.is_(None),
            select(table.c.device).where(itself).exists(),
        )
    )
    if used.rowcount != 1:
        return None
    holder = DeviceId(pending.keys.device)
    await connection.execute(delete(newcomers).where(newcomers.c.holder == holder))
    return await rows.read_line(connection, holder, now=now)


async def delay(connection: AsyncConnection, device: DeviceId, proof: bytes, *, now: float) -> Line | None:
    """See `LockStore.delay`."""
    table = pins
    mine = table.c.device == device
    taking = (
        update(table)
        .where(mine, table.c.own_tries_open > 0)
        .values(own_tries_open=table.c.own_tries_open - 1)
        .returning(table.c.verifier)
    )
    row = (await connection.execute(taking)).first()
    if row is None or row.verifier is None or not pin_fits(proof, row.verifier):
        return None
    await connection.execute(update(table).where(mine).values(own_tries_left=LIMITS.pin_tries, own_tries_open=0))
    newcomer = await find_newcomer(connection, device, now=now)
    if newcomer is not None:
        await _put_newcomer(connection, device, delayed(newcomer))
    return await rows.read_line(connection, device, now=now)


async def cancel(connection: AsyncConnection, device: DeviceId, ed25519: bytes, *, now: float) -> list[Line]:
    """See `LockStore.cancel`."""
    waiting = and_(newcomers.c.device == device, newcomers.c.ed25519 == ed25519)
    holders = (await connection.execute(delete(newcomers).where(waiting).returning(newcomers.c.holder))).scalars().all()
    mine = and_(pending_enrolments.c.device == device, pending_enrolments.c.ed25519 == ed25519)
    await connection.execute(delete(pending_enrolments).where(mine))
    return await rows.read_lines(connection, now=now, devices=holders)


async def forget(connection: AsyncConnection, *, now: float) -> list[Line]:
    """Delete newcomers that did not come in when they might have. Returns the lines that they waited for."""
    late = newcomers.c.until <= now - LIMITS.lock_kept_s
    holders = (await connection.execute(delete(newcomers).where(late).returning(newcomers.c.holder))).scalars().all()
    return await rows.read_lines(connection, now=now, devices=holders) if holders else []


async def find_pin(connection: AsyncConnection, device: DeviceId) -> HeldPin | None:
    """See `PinStore.pin`."""
    row = await _pin_row(connection, device)
    if row is None or row.verifier is None:
        return None
    return HeldPin(salt=row.salt, verifier=row.verifier, tries_left=row.tries_left, own_tries_left=row.own_tries_left)


async def try_pin(connection: AsyncConnection, pending: Pending, *, now: float) -> bytes | None:
    """See `PinStore.try_pin`."""
    await _give_back(connection, pending)
    holder = await holder_of(connection, pending)
    if holder is None or await find_newcomer(connection, holder, now=now) is None:
        return None
    table = pins
    statement = (
        update(table)
        .where(table.c.device == holder, table.c.verifier.is_not(None), table.c.tries_left > 0)
        .values(tries_left=table.c.tries_left - 1, tries_open=table.c.tries_open + 1)
        .returning(table.c.salt)
    )
    salt: bytes | None = await connection.scalar(statement)
    return salt


async def try_own_pin(connection: AsyncConnection, device: DeviceId) -> bytes | None:
    """See `PinStore.try_own_pin`."""
    table = pins
    statement = (
        update(table)
        .where(table.c.device == device, table.c.verifier.is_not(None), table.c.own_tries_left > 0)
        .values(own_tries_left=table.c.own_tries_left - 1, own_tries_open=table.c.own_tries_open + 1)
        .returning(table.c.salt)
    )
    salt: bytes | None = await connection.scalar(statement)
    return salt


async def proves(connection: AsyncConnection, holder: DeviceId, proof: bytes) -> bool:
    """Compare a newcomer's proof, for an evaluation that was paid for and not used yet."""
    table = pins
    statement = (
        update(table)
        .where(table.c.device == holder, table.c.tries_open > 0)
        .values(tries_open=table.c.tries_open - 1)
        .returning(table.c.verifier)
    )
    row = (await connection.execute(statement)).first()
    return row is not None and row.verifier is not None and pin_fits(proof, row.verifier)


async def begin_pin(connection: AsyncConnection, device: DeviceId, salt: bytes, *, now: float) -> bool:
    """See `PinStore.begin_pin`."""
    if await find_newcomer(connection, device, now=now) is not None:
        return False
    if await _pin_row(connection, device) is None:
        await _put_pin(connection, device)
    await connection.execute(update(pins).where(pins.c.device == device).values(fresh_salt=salt))
    return True


async def set_pin(connection: AsyncConnection, device: DeviceId, verifier: bytes | None, *, now: float) -> bool:
    """See `PinStore.set_pin`."""
    if await find_newcomer(connection, device, now=now) is not None:
        return False
    mine = pins.c.device == device
    salt = await connection.scalar(select(pins.c.fresh_salt).where(mine))
    if verifier is not None and salt is None:
        return False
    await connection.execute(delete(pins).where(mine))
    if verifier is not None:
        await _put_pin(connection, device, salt=salt, verifier=verifier)
    return True


async def carry_pin(connection: AsyncConnection, pin: HeldPin, device: DeviceId) -> None:
    """Give a line's PIN to the device that came in by it, with fresh tries."""
    await _put_pin(connection, device, salt=pin.salt, verifier=pin.verifier)


async def _pin_row(connection: AsyncConnection, device: DeviceId) -> Row[tuple[object, ...]] | None:
    return (await connection.execute(select(pins).where(pins.c.device == device))).first()


async def _put_pin(
    connection: AsyncConnection, device: DeviceId, *, salt: bytes | None = None, verifier: bytes | None = None
) -> None:
    await connection.execute(
        insert(pins).values(
            device=device,
            salt=salt,
            verifier=verifier,
            tries_left=LIMITS.pin_tries,
            tries_open=0,
            own_tries_left=LIMITS.pin_tries,
            own_tries_open=0,
            fresh_salt=None,
        )
    )


async def _put_newcomer(connection: AsyncConnection, holder: DeviceId, newcomer: Newcomer) -> None:
    await connection.execute(delete(newcomers).where(newcomers.c.holder == holder))
    await connection.execute(
        insert(newcomers).values(
            holder=holder,
            device=newcomer.device,
            ed25519=newcomer.ed25519,
            since=newcomer.since,
            until=newcomer.until,
        )
    )


async def _give_back(connection: AsyncConnection, pending: Pending) -> None:
    table = pending_enrolments
    itself: ColumnElement[bool] = table.c.id == pending.id
    await connection.execute(update(table).where(itself).values(tries_left=LIMITS.code_tries))
