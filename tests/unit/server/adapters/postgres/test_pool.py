"""A PostgreSQL that would lose what it has acknowledged is refused, and the message says which setting to change."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayso.server.adapters.postgres.pool import Pool
from sayso.server.errors import ConfigError, StoreError
from tests.aio import run
from tests.fakes.postgres_server import PostgresServer, binaries, shared_server


async def opened(url: str) -> None:
    pool = await Pool.open(url, connections=1)
    await pool.close()


@pytest.mark.parametrize("level", ["off", "local", "remote_write"])
def test_a_commit_that_does_not_wait_for_the_disk_is_refused(level: str) -> None:
    with pytest.raises(ConfigError, match=f"synchronous_commit = {level}"):
        run(opened(f"{shared_server().url}&synchronous_commit={level}"))


@pytest.mark.parametrize("level", ["on", "remote_apply"])
def test_one_that_waits_is_taken(level: str) -> None:
    run(opened(f"{shared_server().url}&synchronous_commit={level}"))


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    server = PostgresServer(port=5433)
    yield server
    server.remove()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_does_not_write_safely_is_refused(own_server: PostgresServer, setting: str) -> None:
    with (own_server.data / "postgresql.conf").open("a") as conf:
        conf.write(f"{setting} = off\n")
    own_server.start()
    with pytest.raises(ConfigError, match=f"{setting} = off"):
        run(opened(own_server.url))


def test_a_standby_that_is_not_waited_for_is_refused_until_there_is_a_quorum(own_server: PostgresServer) -> None:
    own_server.start()
    standby = own_server.directory / "standby"
    as_user = ("runuser", "-u", "postgres", "--")
    subprocess.run(
        [
            *(*as_user, str(binaries() / "pg_basebackup"), "-h", str(own_server.directory)),
            *("-p", str(own_server.port), "-U", "sayso", "-D", str(standby), "-R", "--no-sync", "-c", "fast"),
        ],
        check=True,
        cwd="/",
        capture_output=True,
    )
    with (standby / "postgresql.conf").open("a") as conf:
        conf.write("port = 5434\n")
    control = [*as_user, str(binaries() / "pg_ctl"), "-D", str(standby), "-w", "-l", str(standby / "log")]
    subprocess.run([*control, "start"], check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with pytest.raises(ConfigError, match="does not wait for it"):
            run(opened(own_server.url))
        own_server.sql("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
        own_server.sql("SELECT pg_reload_conf()")
        run(opened(own_server.url))
    finally:
        subprocess.run(
            [*control, "-m", "immediate", "stop"],
            check=False,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        shutil.rmtree(standby, ignore_errors=True)


def test_without_a_server_or_a_database_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be reached"):
        run(opened(f"postgresql://sayso@/postgres?host={tmp_path}"))
    with pytest.raises(ConfigError, match="does not let us in"):
        run(opened(shared_server().url.replace("/postgres?", "/nothing?")))


def test_work_is_done_again_when_the_connection_is_lost_under_it() -> None:
    async def main() -> None:
        pool = await Pool.open(shared_server().url, connections=2)
        tries = 0

        async def work(connection: object) -> int:
            nonlocal tries
            tries += 1
            if tries == 1:
                async with pool.connection() as other:
                    pid = await connection.fetchval("SELECT pg_backend_pid()")  # type: ignore[attr-defined]
                    await other.execute("SELECT pg_terminate_backend($1)", pid)
                    await asyncio.sleep(0.1)
            value: int = await connection.fetchval("SELECT 7")  # type: ignore[attr-defined]
            return value

        assert await pool.run(work) == 7
        assert tries == 2
        await pool.close()

    run(main())


def test_patience_ends() -> None:
    async def main() -> None:
        pool = await Pool.open(shared_server().url, connections=1, patience_s=0.0)

        async def work(_: object) -> None:
            raise ConnectionResetError

        with pytest.raises(StoreError, match="cannot be reached"):
            await pool.run(work)
        await pool.close()

    run(main())
