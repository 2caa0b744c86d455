"""The migrations form one chain, and end at the schema that the statements use."""

import asyncio
import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from sayso.server.adapters.directory.engine import SCHEMA, open_database
from sayso.server.adapters.directory.tables import metadata


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "sayso.server.adapters.directory:migrations")
    return ScriptDirectory.from_config(config)


def test_there_is_one_head_and_one_chain() -> None:
    assert scripts().get_heads() == [SCHEMA]
    assert len(scripts().get_bases()) == 1
    revisions = list(scripts().walk_revisions())
    assert all(len(one._all_down_revisions) <= 1 for one in revisions)


def test_a_new_database_has_the_schema_that_the_tables_say(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"

    async def make() -> None:
        await (await open_database(path)).close()

    asyncio.run(make())
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            assert differences(connection) == []
    finally:
        engine.dispose()


_OPEN = """
import asyncio, pathlib, sys
from sayso.server.adapters.directory.engine import open_database
async def main():
    await (await open_database(pathlib.Path(sys.argv[1]))).close()
asyncio.run(main())
print("alembic" in sys.modules)
"""


def test_a_schema_that_is_current_is_opened_without_alembic(tmp_path: Path) -> None:
    """To load it takes longer than everything else that a server opens: it would stand between a crash and the mail."""

    def loaded() -> bytes:
        command = [sys.executable, "-c", _OPEN, str(tmp_path / "directory.db")]
        return subprocess.run(command, check=True, capture_output=True).stdout

    assert loaded() == b"True\n"
    assert loaded() == b"False\n"


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))
