"""Rows to records and back, and lines as the relay sees them."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol.ids import DeviceId, EnrolmentId, GrantHash, Token
from sayso.protocol.keys import DeviceKeys
from sayso.server.adapters.directory.tables import enrolments, envelope_keys, newcomers, one_time_keys
from sayso.server.core.directory import Enrolment, Pending
from sayso.server.core.held_keys import previous_is_served
from sayso.server.core.lines import Line


def to_pending(row: Row[tuple[object, ...]]) -> Pending:
    """Read a row of `pending_enrolments`."""
    return Pending(
        id=EnrolmentId(row.id),
        keys=_device_keys(row),
        token=Token(row.token),
        commitment=row.commitment,
        code_hash=row.code_hash,
        tries_left=row.tries_left,
        expires=row.expires,
        findable=row.findable,
        record_id=row.record_id,
        record_sha256=row.record_sha256,
        policy_sha256=row.policy_sha256,
        other_token=None if row.other_token is None else Token(row.other_token),
        result=row.result,
    )


def from_pending(pending: Pending) -> dict[str, object]:
    """Make a row of `pending_enrolments`."""
    return {
        "id": pending.id,
        **_key_columns(pending.keys),
        "token": pending.token,
        "commitment": pending.commitment,
        "code_hash": pending.code_hash,
        "tries_left": pending.tries_left,
        "expires": pending.expires,
        "findable": pending.findable,
        "record_id": pending.record_id,
        "record_sha256": pending.record_sha256,
        "policy_sha256": pending.policy_sha256,
        "other_token": pending.other_token,
        "result": pending.result,
    }


def to_enrolment(row: Row[tuple[object, ...]]) -> Enrolment:
    """Read a row of `enrolments`."""
    return Enrolment(
        token=Token(row.token),
        commitment=row.commitment,
        keys=_device_keys(row),
        grant_hash=GrantHash(row.grant_hash),
        findable=row.findable,
        lease_ends=row.lease_ends,
        receipt_sha256=row.receipt_sha256,
        policy_sha256=row.policy_sha256,
        enrolled_on=row.enrolled_on,
        previous_token=None if row.previous_token is None else Token(row.previous_token),
    )


def from_enrolment(enrolment: Enrolment) -> dict[str, object]:
    """Make a row of `enrolments` for a device that has published nothing yet."""
    return {
        **_key_columns(enrolment.keys),
        "token": enrolment.token,
        "commitment": enrolment.commitment,
        "grant_hash": enrolment.grant_hash,
        "findable": enrolment.findable,
        "lease_ends": enrolment.lease_ends,
        "receipt_sha256": enrolment.receipt_sha256,
        "policy_sha256": enrolment.policy_sha256,
        "enrolled_on": enrolment.enrolled_on,
        "previous_token": enrolment.previous_token,
        "highest_key": -1,
    }


def reached_under(tokens: Collection[bytes]) -> ColumnElement[bool]:
    """Say which enrolments are reached under one of some tokens."""
    return or_(enrolments.c.token.in_(tokens), enrolments.c.previous_token.in_(tokens))


async def read_lines(
    connection: AsyncConnection, *, now: float, devices: Collection[bytes] | None = None
) -> list[Line]:
    """Read lines: of some devices, or all of them."""
    counts = select(one_time_keys.c.device, func.count().label("held")).group_by(one_time_keys.c.device)
    served = select(envelope_keys.c.device, envelope_keys.c.id, envelope_keys.c.replaced_at)
    enrolled = select(enrolments, newcomers.c.until).outerjoin(newcomers, newcomers.c.holder == enrolments.c.device)
    if devices is not None:
        counts = counts.where(one_time_keys.c.device.in_(devices))
        served = served.where(envelope_keys.c.device.in_(devices))
        enrolled = enrolled.where(enrolments.c.device.in_(devices))
    held = {row.device: row.held for row in await connection.execute(counts)}
    envelope_ids: dict[bytes, list[int]] = {}
    for row in await connection.execute(_newest_first(served)):
        if row.replaced_at is None or previous_is_served(row.replaced_at, now):
            envelope_ids.setdefault(row.device, []).append(row.id)
    return [
        Line(
            token=Token(row.token),
            device=DeviceId(row.device),
            ed25519=row.ed25519,
            grant_hash=GrantHash(row.grant_hash),
            lease_ends=row.lease_ends,
            envelope_keys=tuple(envelope_ids.get(row.device, ())),
            one_time_keys=held.get(row.device, 0),
            hidden=row.findable != "everyone",
            newcomer_until=row.until,
            previous_token=None if row.previous_token is None else Token(row.previous_token),
        )
        for row in await connection.execute(enrolled)
    ]


async def read_line(connection: AsyncConnection, device: DeviceId, *, now: float) -> Line | None:
    """Read one line. None: not enrolled."""
    return next(iter(await read_lines(connection, now=now, devices=[device])), None)


def _newest_first(query: Select[tuple[bytes, int, float | None]]) -> Select[tuple[bytes, int, float | None]]:
    return query.order_by(envelope_keys.c.replaced_at.is_not(None))


def _device_keys(row: Row[tuple[object, ...]]) -> DeviceKeys:
    return DeviceKeys(row.device, row.ed25519, row.curve25519, row.identity_signature)


def _key_columns(keys: DeviceKeys) -> dict[str, object]:
    return {
        "device": keys.device,
        "ed25519": keys.ed25519,
        "curve25519": keys.curve25519,
        "identity_signature": keys.signature,
    }
