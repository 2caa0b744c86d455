"""`SmsBudgetStore` in the directory's database, so that all processes over it share one budget."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol.ids import EnrolmentId
from sayso.server.adapters.directory.engine import Database
from sayso.server.adapters.directory.tables import sms_buckets, sms_charges
from sayso.server.core.sms_budget import Bucket, BucketCharge, BucketKey, Decision, give_back, spend

_COLUMNS: Final = ("level", "at", "per_second", "shut_until", "reopens_below")


class SqlSmsBudget:
    """What has been spent, in a database. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        """Take a database whose schema is current."""
        self._database = database

    async def spend(
        self, enrolment: EnrolmentId, charges: Sequence[BucketCharge], *, now: float, expires: float
    ) -> Decision:
        """See `SmsBudgetStore`."""
        async with self._database.write(enrolment, *(charge.key for charge in charges)) as connection:
            held = await _read(connection, [charge.key for charge in charges])
            decision = spend(held, charges, now=now)
            await _keep(connection, decision.changed)
            if decision.full is None:
                # An id that comes again after its time would be in the way.
                await connection.execute(delete(sms_charges).where(sms_charges.c.enrolment == enrolment))
                await connection.execute(
                    insert(sms_charges),
                    [
                        {
                            "enrolment": enrolment,
                            "bucket": charge.key,
                            "unconfirmed": charge.cap.unconfirmed,
                            "expires": expires,
                        }
                        for charge in charges
                    ],
                )
        return decision

    async def give_back(self, enrolment: EnrolmentId, *, confirmed: bool, now: float) -> None:
        """See `SmsBudgetStore`."""
        table = sms_charges
        settled = delete(table).where(table.c.enrolment == enrolment)
        async with self._database.write() as connection:
            rows = (await connection.execute(settled.returning(*table.c))).all()
            keys = [row.bucket for row in rows if row.expires > now and (row.unconfirmed or not confirmed)]
            held = await _read(connection, keys)
            await _keep(connection, {key: give_back(bucket, now=now) for key, bucket in held.items()})

    async def forget_spent(self, *, now: float) -> None:
        """See `SmsBudgetStore`."""
        async with self._database.write() as connection:
            await connection.execute(delete(sms_buckets).where(sms_buckets.c.empty_at <= now))
            await connection.execute(delete(sms_charges).where(sms_charges.c.expires <= now))


async def _read(connection: AsyncConnection, keys: Iterable[BucketKey]) -> dict[BucketKey, Bucket]:
    rows = await connection.execute(select(sms_buckets).where(sms_buckets.c.key.in_(list(keys))))
    return {BucketKey(row.key): _bucket(row) for row in rows}


async def _keep(connection: AsyncConnection, buckets: Mapping[BucketKey, Bucket]) -> None:
    if not buckets:
        return
    await connection.execute(delete(sms_buckets).where(sms_buckets.c.key.in_(list(buckets))))
    await connection.execute(
        insert(sms_buckets),
        [
            {"key": key, "empty_at": bucket.empty_at} | {name: getattr(bucket, name) for name in _COLUMNS}
            for key, bucket in buckets.items()
        ],
    )


def _bucket(row: Row[tuple[object, ...]]) -> Bucket:
    return Bucket(
        level=row.level,
        at=row.at,
        per_second=row.per_second,
        shut_until=row.shut_until,
        reopens_below=row.reopens_below,
    )
