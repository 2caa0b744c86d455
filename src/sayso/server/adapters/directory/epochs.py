"""Statements about lines that have tokens of two epochs (docs/adr/0014)."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, delete, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, Token
from sayso.server.adapters.directory import erasures, rows
from sayso.server.adapters.directory.tables import enrolments, pending_enrolments
from sayso.server.core.directory import Erasure
from sayso.server.core.lines import Line
from sayso.server.directory_port import EndedEpochs


async def move(connection: AsyncConnection, device: DeviceId, old: Token, fresh: Token, *, now: float) -> Line | None:
    """See `EpochStore.move`."""
    table = enrolments
    moved = await connection.execute(
        update(table).where(table.c.device == device, table.c.token == old).values(token=fresh, previous_token=old)
    )
    return await rows.read_line(connection, device, now=now) if moved.rowcount == 1 else None


async def end(connection: AsyncConnection, live: Collection[int], *, now: float) -> EndedEpochs:
    """See `EpochStore.end_epochs`."""
    table = enrolments
    over = _of_none(table.c.token, live)
    gone = (await connection.execute(delete(table).where(over).returning(table.c.device))).scalars().all()
    ended = tuple(Erasure(device=DeviceId(device), state=OutcomeState.GONE) for device in gone)
    for erasure in ended:
        await erasures.note(connection, erasure)
    half_over = and_(table.c.previous_token.is_not(None), _of_none(table.c.previous_token, live))
    changed = await connection.execute(update(table).where(half_over).values(previous_token=None))
    codes = pending_enrolments
    await connection.execute(delete(codes).where(_of_none(codes.c.token, live)))
    stale = and_(codes.c.other_token.is_not(None), _of_none(codes.c.other_token, live))
    await connection.execute(update(codes).where(stale).values(other_token=None))
    # As a rule every line has moved, so they are read as at a start: all of them, in a few statements.
    lines = await rows.read_lines(connection, now=now) if changed.rowcount else []
    return EndedEpochs(erasures=ended, changed=tuple(lines))


def _of_none(token: ColumnElement[bytes], live: Collection[int]) -> ColumnElement[bool]:
    """Whether a token, which begins with its epoch, is of none of the live ones."""
    return func.substr(token, 1, 1).not_in([bytes([epoch]) for epoch in live])
