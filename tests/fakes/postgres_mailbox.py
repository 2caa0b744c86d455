"""Mailboxes in a schema of the shared PostgreSQL, which can be full or broken on command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sayso.server.adapters.postgres.hours import Hours
from sayso.server.adapters.postgres.mailbox import PostgresMailboxStore
from sayso.server.adapters.postgres.nodes import Node
from sayso.server.adapters.postgres.pool import Pool
from sayso.server.adapters.postgres.schema import make_schema
from sayso.server.adapters.system import SystemRandom
from sayso.server.ports import MailboxStore
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.postgres_server import shared_server

_TABLES = ("mail", "handed", "doubt", "outcome")


class FaultyPostgres:
    """A schema of its own; a trigger raises what a full or a failing disk raises."""

    def __init__(self) -> None:
        self.url = shared_server().emptied_schema("mailbox")
        self.schema = self.url.rpartition("search_path=")[2]
        self.keyring = MemoryKeyring()
        if shared_server().sql(f"SELECT to_regclass('{self.schema}.mail') IS NOT NULL") == "t":
            self.free()

    @asynccontextmanager
    async def store(self) -> AsyncIterator[MailboxStore]:
        pool = await Pool.open(self.url, connections=3)
        try:
            await pool.run(make_schema)
            hours = Hours(pool, self.keyring, SystemRandom())
            node = await Node.register(pool, generation=hours.generation, bus=False)
            try:
                yield PostgresMailboxStore(pool, node.id, hours, SystemRandom())
            finally:
                await node.leave()
        finally:
            await pool.close()

    def fill(self) -> None:
        self._fail("53100")

    def break_down(self) -> None:
        self._fail("58030")

    def free(self) -> None:
        dropping = ";".join(f"DROP TRIGGER IF EXISTS fault ON {self.schema}.{table}" for table in _TABLES)
        shared_server().sql(f"SET client_min_messages = warning; {dropping}")

    def _fail(self, code: str) -> None:
        function = (
            f"CREATE OR REPLACE FUNCTION {self.schema}.fault() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '{code}'; END $$"
        )
        triggers = ";".join(
            f"CREATE TRIGGER fault BEFORE INSERT OR UPDATE OR DELETE ON {self.schema}.{table}"
            f" EXECUTE FUNCTION {self.schema}.fault()"
            for table in _TABLES
        )
        shared_server().sql(f"{function}; {triggers}")
