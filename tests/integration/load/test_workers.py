"""`sayso server run --workers`: several processes behind one port; one that dies is started anew."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.accounts import seed_into
from sayso.protocol.ids import KeyDigest
from tests.aio import run
from tests.fakes.cluster import until
from tests.fakes.nats_server import NatsServer
from tests.fakes.postgres_directory import open_directory
from tests.fakes.postgres_server import shared_server
from tests.integration.load.cluster_phones import Door, Phone, dial_loopback
from tests.integration.load.history import History

pytestmark = pytest.mark.slow
PHONES = 8


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def test_two_workers_are_one_server_and_a_dead_one_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        url = shared_server().new_schema()
        nats = NatsServer(tmp_path / "nats.log")
        nats.start()
        database = await open_directory(url)
        await seed_into(database, PHONES)
        await database.close()
        password = tmp_path / "password"
        password.write_text("unused\n", "ascii")
        password.chmod(0o600)
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sayso", "server", "run", "--data", str(tmp_path / "server"), "--plain-keyring"),
            *("--http", "127.0.0.1:0", "--stream", "127.0.0.1:0", "--workers", "2", "--postgres", url),
            *("--nats", nats.url, "--sms-gateway", "http://127.0.0.1:9/sendsms"),
            *("--sms-password-file", str(password), "--json"),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert server.stdout is not None
            ready = json.loads(await server.stdout.readline())
            door = Door(ready["stream"], lambda: dial_loopback(ready["stream"]))
            assert urlsplit(ready["stream"]).port
            history = History()
            key = KeyDigest(bytes.fromhex(ready["key"]))
            phones = [Phone(place, [door], history, key, seed=3) for place in range(PHONES)]
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(phone.run()) for phone in phones]
                for number in range(200):
                    phones[number % PHONES].send((number * 3 + 1) % PHONES)
                    if number == 100:
                        first = children(server.pid)[0]
                        os.kill(first, signal.SIGKILL)
                    await asyncio.sleep(0.01)
                await until(lambda: all(phone.settled for phone in phones) and not history.violations())
                assert history.violations() == []
                await until(lambda: len(children(server.pid)) == 2)
                assert first not in children(server.pid)
                for task in running:
                    task.cancel()
            server.terminate()
            assert await server.wait() == 0
        finally:
            if server.returncode is None:
                server.kill()
                await server.wait()
            nats.stop()

    run(main(), patience=150)
