"""A batch as a handful of statements on an open transaction: rows travel as arrays, one for each column."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

import asyncpg

from sayso.server.adapters.mailbox.sealing import KEY_BYTES, RANDOM_BYTES, WrapKeys, seal
from sayso.server.core.model import Batch, Doubt, Put, StoredOutcome
from sayso.server.ports import Random

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Row: TypeAlias = tuple[Any, ...]

_MAIL_COLUMNS: Final = (
    "device",
    "seq",
    "eid",
    "hh",
    "deposited",
    "expires",
    "size",
    "granted",
    "handed",
    "generation",
    "wrap",
    "sealed",
)
_OUTCOMES: Final = (
    "INSERT INTO outcome SELECT * FROM unnest($1::bytea[], $2::int[], $3::bool[], $4::float8[], $5::float8[])"
    " ON CONFLICT (hh) DO UPDATE SET state = excluded.state, granted = excluded.granted,"
    " deposited = excluded.deposited, at = excluded.at"
)
_DOUBTS: Final = (
    "INSERT INTO doubt SELECT * FROM"
    " unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bool[], $5::float8[], $6::float8[], $7::int[])"
    " ON CONFLICT (device, eid) DO UPDATE SET hh = excluded.hh, granted = excluded.granted,"
    " deposited = excluded.deposited, expires = excluded.expires, refused_means = excluded.refused_means"
)
_HANDED: Final = (
    "INSERT INTO handed SELECT * FROM unnest($1::bytea[], $2::bigint[])"
    " ON CONFLICT (device) DO UPDATE SET upto = greatest(handed.upto, excluded.upto)"
)


def sealed_rows(puts: Sequence[Put], *, keys: WrapKeys, random: Random) -> list[Row]:
    """Seal envelopes and return the rows of `mail`; no database is needed for it."""
    drawn = random.token_bytes(RANDOM_BYTES * len(puts))
    rows: list[Row] = []
    for place, put in enumerate(puts):
        one = put.waiting
        offset = place * RANDOM_BYTES
        key = drawn[offset : offset + KEY_BYTES]
        nonce = drawn[offset + KEY_BYTES : offset + RANDOM_BYTES]
        rows.append(
            (
                one.device,
                one.seq,
                one.envelope_id,
                one.handle_hash,
                one.deposited,
                one.expires,
                one.size,
                one.granted,
                one.handed,
                keys.newest_generation,
                keys.wrap(key, nonce, seq=one.seq, envelope_id=one.envelope_id),
                seal(put.envelope, key, device=one.device, envelope_id=one.envelope_id, seq=one.seq),
            )
        )
    return rows


async def write(connection: Connection, batch: Batch, rows: Sequence[Row], leaving: Mapping[int, bytes]) -> None:
    """Write a batch in the order of its fields.

    Args:
        connection: inside a transaction.
        batch: what to write.
        rows: of `sealed_rows`, for the batch's puts.
        leaving: seq to device, of the envelopes that the batch deletes.

    Raises:
        asyncpg.PostgresError: the database failed.
    """
    if rows:
        await connection.copy_records_to_table("mail", records=rows, columns=_MAIL_COLUMNS)
    if batch.handed:
        await connection.execute(_HANDED, list(batch.handed), list(batch.handed.values()))
    if leaving:
        await connection.execute(
            "DELETE FROM mail USING unnest($1::bytea[], $2::bigint[]) AS gone (device, seq)"
            " WHERE mail.device = gone.device AND mail.seq = gone.seq",
            list(leaving.values()),
            list(leaving),
        )
    if batch.doubted:
        await _doubts(connection, [doubt for _, doubt in batch.doubted])
    if batch.resolved:
        await connection.execute(
            "DELETE FROM doubt USING unnest($1::bytea[], $2::bytea[]) AS gone (device, eid)"
            " WHERE doubt.device = gone.device AND doubt.eid = gone.eid",
            [device for device, _, _ in batch.resolved],
            [envelope_id for _, envelope_id, _ in batch.resolved],
        )
    await _outcomes(
        connection,
        [o for _, o in batch.settled] + [o for _, _, o in batch.resolved] + batch.outcomes,
    )
    if batch.collected:
        await connection.execute("DELETE FROM outcome WHERE hh = ANY($1::bytea[])", list(batch.collected))
    if batch.forget_before is not None:
        await connection.execute("DELETE FROM outcome WHERE at < $1", batch.forget_before)


async def _outcomes(connection: Connection, outcomes: Sequence[StoredOutcome]) -> None:
    if not outcomes:
        return
    # Of several for one handle the last one counts; PostgreSQL refuses to update a row twice in a statement.
    latest = {o.handle_hash: o for o in outcomes}.values()
    await connection.execute(
        _OUTCOMES, *_columns([(o.handle_hash, int(o.state), o.granted, o.deposited, o.at) for o in latest])
    )


async def _doubts(connection: Connection, doubts: Sequence[Doubt]) -> None:
    latest = {(d.device, d.envelope_id): d for d in doubts}.values()
    rows = [
        (d.device, d.envelope_id, d.handle_hash, d.granted, d.deposited, d.expires, int(d.refused_means))
        for d in latest
    ]
    await connection.execute(_DOUBTS, *_columns(rows))


def _columns(rows: Collection[Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
