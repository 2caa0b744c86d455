"""The directory's database: durable, private, migrated, its errors ours."""

import logging
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, text

from sayso.server.adapters.directory.engine import Database, open_database, open_engine
from sayso.server.adapters.directory.tables import erasures, metadata
from sayso.server.errors import ConfigError, NoSpaceError, StoreError
from tests.aio import run


def rights(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def note_erasures(database: Database, *devices: bytes, then: str = "SELECT 1") -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql(then)
        for device in devices:
            await connection.execute(insert(erasures).values(device=device, state=6))


async def note_and_stumble(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(erasures).values(device=b"d" * 16, state=6))
        raise ZeroDivisionError


def test_every_connection_is_durable_and_deletes_securely(tmp_path: Path) -> None:
    async def main() -> None:
        database = await open_database(tmp_path / "directory.db")
        # Held open together, so that they are different connections.
        async with database.read() as one, database.read() as two, database.write() as three:
            for connection in (one, two, three):
                for pragma, value in (
                    ("journal_mode", "wal"),
                    ("synchronous", 2),
                    ("secure_delete", 1),
                    ("foreign_keys", 1),
                ):
                    found = (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one()
                    assert found == value, pragma
        await database.close()

    run(main())


def test_the_server_refuses_to_start_where_a_commit_is_not_durable() -> None:
    # A database in memory cannot have a WAL; nor can some network file systems.
    with pytest.raises(ConfigError, match="journal_mode = memory and must have wal; choose a local file system"):
        run(open_engine("sqlite+aiosqlite:///file::memory:?cache=shared&uri=true"))


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    async def main() -> None:
        database = await open_database(tmp_path / "directory.db")
        await note_erasures(database, b"d" * 16)
        assert rights(tmp_path) == {"directory.db": 0o600, "directory.db-wal": 0o600, "directory.db-shm": 0o600}
        await database.close()

    run(main())


@pytest.mark.parametrize("what", ["no folder", "no database", "of a later Sayso"])
def test_what_cannot_be_opened_is_said(what: str, tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    if what == "no folder":
        path = tmp_path / "nowhere" / "directory.db"
    elif what == "no database":
        path.write_bytes(b"something else entirely " * 100)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
            connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.close()
    if path.exists():
        path.chmod(0o600)
    with pytest.raises(ConfigError, match="cannot be opened"):
        run(open_database(path))


def test_the_migrations_make_the_schema_that_the_statements_are_written_for(tmp_path: Path) -> None:
    async def main() -> None:
        database = await open_database(tmp_path / "directory.db")
        async with database.read() as connection:
            differences = await connection.run_sync(
                lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
            )
        assert differences == []
        await database.close()

    run(main())


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", "sayso.server.adapters.directory:migrations")
    (newest,) = ScriptDirectory.from_config(config).get_heads()

    async def main() -> None:
        for _ in range(2):
            database = await open_database(tmp_path / "directory.db")
            async with database.read() as connection:
                found = await connection.execute(text("SELECT version_num FROM alembic_version"))
                assert found.scalars().all() == [newest]
            await database.close()

    run(main())


def test_an_error_inside_a_transaction_undoes_it(tmp_path: Path) -> None:
    async def main() -> None:
        database = await open_database(tmp_path / "directory.db")
        with pytest.raises(ZeroDivisionError):
            await note_and_stumble(database)
        async with database.read() as connection:
            assert (await connection.execute(erasures.select())).all() == []
        await database.close()

    run(main())


def test_a_failing_statement_is_our_error_and_shows_no_value(tmp_path: Path) -> None:
    async def main() -> None:
        database = await open_database(tmp_path / "directory.db")
        with pytest.raises(StoreError) as failed:
            await note_erasures(database, b"planted-7f3a-123", b"planted-7f3a-123")
        assert not isinstance(failed.value, NoSpaceError)
        error: BaseException | None = failed.value
        while error is not None:
            assert "planted" not in str(error)
            error = error.__cause__
        await database.close()

    run(main())


def test_a_full_disk_is_told_apart(tmp_path: Path) -> None:
    async def main() -> None:
        database = await open_database(tmp_path / "directory.db")
        devices = [number.to_bytes(16, "big") for number in range(500)]
        with pytest.raises(NoSpaceError):
            await note_erasures(database, *devices, then="PRAGMA max_page_count = 1")
        await database.close()

    run(main())


def test_no_parameter_is_logged_at_any_level(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        database = await open_database(tmp_path / "directory.db")
        await note_erasures(database, b"planted-7f3a-123")
        await database.close()

    with caplog.at_level(logging.DEBUG):
        run(main())
    assert "planted" not in caplog.text
