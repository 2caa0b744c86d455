"""Statements that hand keys out.

The number of statements, and of ids in each, depends on the number of lines asked for only; so does the number of rows
that are read. What a claim for a lapsed, a hidden and an unknown line takes is compared by `make bench ARGS=timing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Row, delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol.api import Claim, Claimed, ClaimedLine, ClaimLine, DeviceBundle, ProblemType
from sayso.protocol.ids import DeviceId, grant_hash, same
from sayso.protocol.keys import EnvelopeKey, RatchetKey
from sayso.server.adapters.directory import rows
from sayso.server.adapters.directory.tables import (
    claim_answers,
    enrolments,
    envelope_keys,
    fallback_keys,
    one_time_keys,
)
from sayso.server.core import claim_answer
from sayso.server.core.claim_budget import ClaimBudget, spend
from sayso.server.core.directory import Enrolment
from sayso.server.core.lease import lapsed
from sayso.server.directory_port import ClaimOutcome
from sayso.server.errors import Refused


@dataclass(frozen=True, slots=True)
class _Asked:
    """A line as asked for, and the device to look up: its own, or one that nobody has."""

    line: ClaimLine
    enrolment: Enrolment | None
    device: bytes


async def claim(
    connection: AsyncConnection, device: DeviceId, wanted: Claim, *, now: float, per_day: int
) -> ClaimOutcome:
    """See `KeyStore.claim`."""
    row_id = claim_answer.answer_id(device, wanted)
    table = claim_answers
    stored = (await connection.execute(select(table).where(table.c.id == row_id, table.c.expires > now))).first()
    if stored is not None:
        answer = claim_answer.open_answer(stored.sealed, device, wanted, expires=stored.expires)
        return ClaimOutcome(answer=answer, changed=())
    await _spend(connection, device, len(wanted.lines), now=now, per_day=per_day)
    asked = await _look_up(connection, wanted.lines, now)
    bundles = await _take(connection, asked)
    answer = msgspec.json.encode(
        Claimed([ClaimedLine(one.line.token, [bundles[one.device]] if one.device in bundles else []) for one in asked])
    )
    expires = now + claim_answer.KEPT_S
    sealed = claim_answer.seal_answer(answer, device, wanted, expires=expires)
    await connection.execute(delete(table).where(table.c.id == row_id))
    await connection.execute(insert(table).values(id=row_id, sealed=sealed, expires=expires))
    changed = await rows.read_lines(connection, now=now, devices=[one.device for one in asked])
    return ClaimOutcome(answer=answer, changed=tuple(line for line in changed if line.device in bundles))


async def _spend(connection: AsyncConnection, device: DeviceId, lines: int, *, now: float, per_day: int) -> None:
    table = enrolments
    mine = table.c.device == device
    row = (await connection.execute(select(table.c.claims_since, table.c.claims_spent).where(mine))).first()
    if row is None:
        raise Refused(ProblemType.NOT_ENROLLED, "This device is not enrolled.")
    before = None if row.claims_since is None else ClaimBudget(since=row.claims_since, spent=row.claims_spent)
    after = spend(before, lines, now=now, per_day=per_day)
    await connection.execute(update(table).where(mine).values(claims_since=after.since, claims_spent=after.spent))


async def _look_up(connection: AsyncConnection, lines: Sequence[ClaimLine], now: float) -> list[_Asked]:
    tokens = [line.token for line in lines]
    query = select(enrolments).where(rows.reached_under(tokens))
    known = [rows.to_enrolment(row) for row in await connection.execute(query)]
    found: dict[bytes, Enrolment] = {token: one for one in known for token in one.tokens}
    missing = [line for line in lines if line.token not in found]
    # To read and understand a row takes some 50 µs: for each line that does not exist, one of somebody else's is.
    others = [rows.to_enrolment(row) for row in await connection.execute(select(enrolments).limit(len(missing)))]
    asked = []
    for place, line in enumerate(lines):
        enrolment = found.get(line.token)
        # 17 bytes are nobody's device id, so this is looked up like one, and found nowhere.
        nobody = place.to_bytes(17, "big")
        looked_at = others.pop() if enrolment is None and others else enrolment
        visible = looked_at is not None and _visible(looked_at, line.grant, now)
        asked.append(_Asked(line, enrolment, enrolment.device if enrolment and visible else nobody))
    return asked


def _visible(enrolment: Enrolment, grant: bytes, now: float) -> bool:
    granted = same(enrolment.grant_hash, grant_hash(grant))
    return not lapsed(enrolment.lease_ends, now) and (enrolment.findable == "everyone" or granted)


async def _take(connection: AsyncConnection, asked: Sequence[_Asked]) -> dict[bytes, DeviceBundle]:
    """Take a ratchet key of each device that can be written to."""
    devices = [one.device for one in asked]
    newest = select(envelope_keys).where(envelope_keys.c.device.in_(devices), envelope_keys.c.replaced_at.is_(None))
    envelope = {row.device: row for row in await connection.execute(newest)}
    usable = [one.device if one.device in envelope else one.device + b"\0" for one in asked]
    fallbacks = select(fallback_keys).where(fallback_keys.c.device.in_(devices))
    fallback = {row.device: row for row in await connection.execute(fallbacks)}
    keys = one_time_keys.c
    oldest = select(keys.device, func.min(keys.id)).where(keys.device.in_(usable)).group_by(keys.device)
    taking = delete(one_time_keys).where(tuple_(keys.device, keys.id).in_(oldest)).returning(*keys)
    one_time = {row.device: row for row in await connection.execute(taking)}
    bundles = {}
    for one in asked:
        ratchet = one_time.get(one.device, fallback.get(one.device))
        if one.enrolment is None or one.device not in envelope or ratchet is None:
            continue
        bundles[one.device] = DeviceBundle(
            keys=one.enrolment.keys,
            ratchet=RatchetKey(ratchet.id, ratchet.key, ratchet.signature),
            fallback=one.device not in one_time,
            envelope=_envelope_key(envelope[one.device]),
        )
    return bundles


def _envelope_key(row: Row[tuple[object, ...]]) -> EnvelopeKey:
    return EnvelopeKey(row.id, row.created, row.key, row.signature)
