"""`DiscoveryBudgetStore` and `SetStore` in the directory's database, so that all processes over it share them."""

from collections.abc import Collection, Mapping

from sqlalchemy import Double, delete, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sayso.protocol.ids import DeviceId, Token
from sayso.server.adapters.directory.engine import Database
from sayso.server.adapters.directory.tables import discovery_budgets, enrolments, set_departures
from sayso.server.core.discovery_budget import Allowance, DiscoveryBudget, spend
from sayso.server.core.set_schedule import Candidate


class SqlDiscovery:
    """Both, in a database. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        """Take a database whose schema is current."""
        self._database = database

    async def spend(self, record: bytes, batch: bytes, elements: int, *, now: float, allowance: Allowance) -> None:
        """See `DiscoveryBudgetStore`; the transaction holds the record's lock from its beginning."""
        table = discovery_budgets
        async with self._database.write(record) as connection:
            before = await _find(connection, record)
            after = spend(before, batch, elements, now=now, allowance=allowance)
            await connection.execute(delete(table).where(table.c.id == record))
            await connection.execute(
                insert(table).values(id=record, full_at=after.full_at, last_batch=after.last_batch)
            )

    async def budget(self, record: bytes) -> DiscoveryBudget | None:
        """See `DiscoveryBudgetStore`."""
        async with self._database.read() as connection:
            return await _find(connection, record)

    async def forget_full(self, *, now: float) -> None:
        """See `DiscoveryBudgetStore`."""
        async with self._database.write() as connection:
            await connection.execute(delete(discovery_budgets).where(discovery_budgets.c.full_at <= now))

    async def candidates(self) -> list[Candidate]:
        """See `SetStore`."""
        table = enrolments
        query = select(
            table.c.device,
            table.c.token,
            table.c.previous_token,
            table.c.findable,
            table.c.lease_ends,
            set_departures.c.leaves_at,
        ).outerjoin_from(table, set_departures)
        async with self._database.read() as connection:
            return [
                Candidate(
                    device=DeviceId(row.device),
                    token=Token(row.token),
                    findable=row.findable == "everyone",
                    lease_ends=row.lease_ends,
                    previous_token=None if row.previous_token is None else Token(row.previous_token),
                    leaves_at=row.leaves_at,
                )
                for row in await connection.execute(query)
            ]

    async def note(self, drawn: Mapping[DeviceId, float], back: Collection[DeviceId]) -> None:
        """See `SetStore`."""
        table = set_departures
        async with self._database.write() as connection:
            for device in {*drawn, *back}:
                await connection.execute(delete(table).where(table.c.device == device))
            for device, leaves_at in drawn.items():
                known = select(enrolments.c.device, literal(leaves_at, Double)).where(enrolments.c.device == device)
                await connection.execute(insert(table).from_select(["device", "leaves_at"], known))

    async def leaves_at(self, device: DeviceId) -> float | None:
        """See `SetStore`."""
        query = select(set_departures.c.leaves_at).where(set_departures.c.device == device)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none()


async def _find(connection: AsyncConnection, record: bytes) -> DiscoveryBudget | None:
    table = discovery_budgets
    row = (await connection.execute(select(table).where(table.c.id == record))).first()
    return None if row is None else DiscoveryBudget(full_at=row.full_at, last_batch=row.last_batch)
