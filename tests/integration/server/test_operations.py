"""A real server as its operator sees it: logs, metrics, dumps, counts, purges."""

import asyncio
import errno
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from picows import WSMsgType
from prometheus_client.parser import text_string_to_metric_families

from sayso.cli.log_fields import FIELDS
from sayso.cli.main import main as command_line
from sayso.protocol import api
from sayso.protocol.frames import Ask, Deposit, Deposited, Outcome, OutcomeState, Part
from sayso.protocol.ids import GrantHash, grant_hash, handle_hash
from sayso.server.core.metrics import EVENTS, GAUGES, PROCESS
from tests.accounting import not_tested
from tests.aio import run
from tests.fakes.device_stream import DeviceStream
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.real_server import real_server
from tests.integration.server.rubbish import misbehave

pytestmark = pytest.mark.slow

ALICE, BOB, CAROL = "+447700900001", "+447700900002", "+447700900003"
GRANT = b"g" * 32
HANDLE = b"h" * 32
ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:[0-9a-f]{0,4}:){2,}[0-9a-f]{0,4}\b|localhost")
LOG_FIELDS = set(FIELDS) | {"level", "logger", "at"}


async def held(device: EnrollingDevice) -> api.Holdings:
    answer = await device.post(api.ME_PATH, api.Empty())
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body, type=api.Holdings)


async def deposit(client: DeviceStream, to: api.Holdings, *, ref: int = 1) -> Deposited:
    """Deposit an envelope for somebody who is not there."""
    envelope = b"e" * 2048
    part = Part(to.device.device, to.envelope_keys[0], handle_hash(HANDLE), envelope)
    client.say(Deposit(ref, to.token, 3600, GRANT, [part], again=False))
    return await client.expect(Deposited)


def metrics(text: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(text.decode())
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def test_logs_hold_no_address_no_number_and_no_id(tmp_path: Path) -> None:
    async def main() -> None:
        async with real_server(tmp_path) as server:
            alice, bob = await server.enrolled(ALICE), await server.enrolled(BOB)
            async with server.stream(alice) as client:
                assert (await deposit(client, await held(bob))).ref == 1
                client.transport.send(WSMsgType.TEXT, b"text is not for us")
                await client.closed.wait()
            server.kannel.answer = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
            await server.device(CAROL).ask_code()
            await server.kannel.taken.get()
            await misbehave(server, CAROL)
            forged = await alice.post_raw(api.ME_PATH, b"{" + ALICE.encode() + b"}", await alice.nonce())
            assert forged.status == 400
            await bob.post(api.WITHDRAW_PATH, bob.withdrawal())
            secrets = [alice.device.hex(), bob.device.hex(), (await held(alice)).token.hex()]
            await server.stop()
            log = server.log.read_text()
        events = [json.loads(line) for line in log.splitlines()]
        for event in events:
            event.pop("timestamp")
            assert not ADDRESS.search(json.dumps(event)), event["event"]
        for number in (ALICE, BOB, CAROL):
            assert number[1:] not in log
        assert not any(secret in log for secret in secrets)
        assert {"enrolled", "withdrawn", "code sent", "code not sent"} <= {one["event"] for one in events}
        for event in events:
            assert set(event) <= LOG_FIELDS, event
            assert "dropped" not in event, f"a log call says what it must not: {event['event']}"

    run(main())


def test_metrics_are_counts_by_allow_list(tmp_path: Path) -> None:
    async def main() -> None:
        async with real_server(tmp_path) as server:
            alice, bob = await server.enrolled(ALICE), await server.enrolled(BOB)
            async with server.stream(alice) as client:
                await deposit(client, await held(bob))
                answer = await server.get("/metrics")
            assert answer.status == 200
            found = metrics(answer.body)
            assert found["sayso_lines"] == 2
            assert found["sayso_connected"] == 1
            assert found["sayso_envelopes_waiting"] == 1
            assert found["sayso_envelopes_waiting_bytes"] == 2048
            assert found["sayso_lines_without_current_consent"] == 0
            assert found["sayso_longest_wait_seconds"] == 0, "for somebody who is away it may wait"
            families = {one.name: one for one in text_string_to_metric_families(answer.body.decode())}
            assert set(families) <= set(GAUGES) | {EVENTS} | PROCESS
            assert set(GAUGES) <= set(families)
            events = {one.labels["event"]: one.value for one in families[EVENTS].samples}
            assert events["enrolled"] == 2
            assert (await server.get("/readyz")).body == b"ready\n"
            assert (await server.get("/healthz")).status == 200
            assert not ADDRESS.search(answer.body.decode())
            await server.stop()

    run(main())


def test_before_a_stop_it_says_that_it_is_not_ready_and_serves_on(tmp_path: Path) -> None:
    """A load balancer looks at /readyz, and sends nobody here any more, before anybody is sent away."""

    async def main() -> None:
        async with real_server(tmp_path, "--plain-keyring", "--drain-seconds", "600") as server:
            alice, bob = await server.enrolled(ALICE), await server.enrolled(BOB)
            async with server.stream(alice) as client:
                server.process.send_signal(signal.SIGTERM)
                while (answer := await server.get("/readyz")).status == 200:  # noqa: ASYNC110  nothing announces it
                    await asyncio.sleep(0.05)
                assert (answer.status, answer.body) == (503, b"the server stops\n")
                await deposit(client, await held(bob))  # accepted: who is here is served until the time is over
                assert server.process.returncode is None
            server.process.kill()

    run(main())


@pytest.mark.parametrize("address", ["0.0.0.0:0", "192.0.2.1:9464", "[::]:0", "example.com:9464"])
def test_metrics_are_shown_to_this_machine_only(tmp_path: Path, address: str) -> None:
    done = sayso(
        "server",
        "run",
        "--plain-keyring",
        "--metrics",
        address,
        "--smpp",
        "127.0.0.1:1",
        data=tmp_path / "s",
        more=["--smpp-system-id", "x", "--smpp-password-file", password(tmp_path)],
    )
    assert done.returncode == 1
    assert "this machine only" in done.stderr


ATTACH = """
import ctypes, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
PTRACE_SEIZE = 0x4206
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(ctypes.get_errno() if libc.ptrace(PTRACE_SEIZE, child.pid, 0, 0) else 0)
child.kill()
"""
"""A parent that starts a program, waits for its first line, and tries to look into it."""


def attach(*program: str) -> int:
    """Return the error of a debugger that has no rights but those of the program's own user; 0 for none."""
    as_user = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*as_user, sys.executable, "-c", ATTACH, *program], capture_output=True, text=True, timeout=60, check=True
    )
    return int(done.stdout)


def test_nobody_but_root_can_look_into_a_server(tmp_path: Path) -> None:
    """A debugger is refused where a core would be: by the flag, since the limit says nothing about debuggers."""
    if attach(sys.executable, "-c", "print(1, flush=True); input()") != 0:
        not_tested("a debugger at a server: on this machine debuggers are forbidden anyway")
    server = (
        *(sys.executable, "-m", "sayso", "server", "run", "--data", str(tmp_path / "s"), "--plain-keyring", "--json"),
        *("--http", "127.0.0.1:0", "--stream", "127.0.0.1:0", "--smpp", "127.0.0.1:1", "--smpp-system-id", "x"),
        *("--smpp-password-file", password(tmp_path)),
    )
    assert attach(*server) == errno.EPERM
    assert attach(*server, "--debuggable") == 0


def test_a_crash_leaves_no_core(tmp_path: Path) -> None:
    async def main() -> None:
        async with real_server(tmp_path) as server:
            os.kill(server.process.pid, signal.SIGSEGV)
            assert await server.process.wait() == -signal.SIGSEGV

    run(main())
    assert not list(tmp_path.rglob("core*"))


def password(folder: Path) -> str:
    file = folder / "pw"
    file.write_text("secret\n")
    file.chmod(0o600)
    return str(file)


def sayso(*words: str, data: Path, more: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sayso", *words, "--data", str(data), *(more or [])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def asked(*words: str, data: Path) -> Any:
    """Run a command with --json beside the server, and return what it said."""
    done = await asyncio.to_thread(sayso, *words, "--json", data=data)
    return json.loads(done.stdout)


def forget_policy(data: Path, device: bytes) -> None:
    """Make a line's consent one to another policy, as if the server had been updated since."""
    with sqlite3.connect(data / "directory.db") as database:
        database.execute("UPDATE enrolments SET policy_sha256 = zeroblob(32) WHERE device = ?", (device,))
    database.close()


def test_a_purge_erases_what_no_consent_covers_and_tells_the_senders(tmp_path: Path) -> None:
    async def main() -> None:
        async with real_server(tmp_path) as server:
            alice, bob = await server.enrolled(ALICE), await server.enrolled(BOB)
            assert (await bob.post(api.GRANT_PATH, api.SetGrant(GrantHash(grant_hash(GRANT))))).status == 200
            async with server.stream(alice) as client:
                await deposit(client, await held(bob))
            await server.stop()
            forget_policy(server.data, bob.device)
            await server.start()

            purge = ("server", "purge", "--without-current-consent")
            counted = await asked(*purge, "--dry-run", data=server.data)
            assert counted == {"event": "purged", "dry_run": True, "enrolments": 1, "envelopes": 0}
            refused = await asked(*purge, data=server.data)
            assert "stop it first" in refused["error"]
            inspected = await asked("server", "inspect", data=server.data)
            assert (inspected["lines"], inspected["lines_without_current_consent"]) == (2, 1)
            assert (inspected["envelopes_waiting"], inspected["envelopes_waiting_bytes"]) == (1, 2048)
            assert metrics((await server.get("/metrics")).body)["sayso_lines_without_current_consent"] == 1
            await server.stop()

            purged = await asked(*purge, data=server.data)
            assert purged == {"event": "purged", "dry_run": False, "enrolments": 1, "envelopes": 1}
            inspected = await asked("server", "inspect", data=server.data)
            assert (inspected["lines"], inspected["envelopes_waiting"], inspected["outcomes"]) == (1, 0, 1)
            assert inspected["erasures_pending"] == 0
            again = await asked(*purge, data=server.data)
            assert again["enrolments"] == 0

            await server.start()
            alice.client, bob.client = server.client, server.client
            async with server.stream(alice) as client:
                client.say(Ask(2, HANDLE))
                assert (await client.expect(Outcome)).state is OutcomeState.GONE
            alice.nonces.clear()
            assert (await held(alice)).device.device == alice.device
            bob.nonces.clear()
            assert (await bob.post(api.ME_PATH, api.Empty())).problem == "bad-signature"
            await server.stop()

    run(main(), patience=300)  # eight commands, and four starts of the server


def test_the_key_to_pin_is_the_same_from_the_server_its_file_and_its_keyring(tmp_path: Path) -> None:
    def key(data: Path, *options: str) -> Any:
        """Ask for it in this process: an interpreter that imports the server takes three seconds of CPU each time."""
        done = CliRunner().invoke(command_line, ["server", "key", "--data", str(data), "--json", *options])
        return json.loads(done.stdout)

    async def main() -> None:
        file = tmp_path / "passphrase"
        file.write_text("correct horse\n")
        file.chmod(0o600)
        async with real_server(tmp_path, "--passphrase-file", str(file)) as server:
            assert (await asyncio.to_thread(key, server.data))["key"] == server.said["key"]
            await server.stop()
            sealed = await asyncio.to_thread(key, server.data, "--passphrase-file", str(file))
            assert sealed["key"] == server.said["key"]
            wrong = await asked("server", "key", "--plain-keyring", data=server.data)
            assert "keyring" in wrong["error"]

    run(main())


def test_the_passphrase_can_come_from_systemd(tmp_path: Path) -> None:
    async def main() -> None:
        credentials = tmp_path / "credentials"
        credentials.mkdir(mode=0o700)
        (credentials / "keyring").write_text("correct horse\n")
        (credentials / "keyring").chmod(0o440)
        environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)}
        options = ("--passphrase-credential", "keyring")
        async with real_server(tmp_path, *options, environment=environment) as server:
            first = server.said["key"]
            await server.stop()
            await server.start()
            assert server.said["key"] == first
            await server.stop()
            content = (server.data / "keyring" / "secrets").read_bytes()
            server.environment = None
        assert b"long_term" not in content
        missing = sayso("server", "key", "--passphrase-credential", "keyring", data=server.data)
        assert "CREDENTIALS_DIRECTORY is not set" in missing.stderr

    run(main())


@pytest.mark.parametrize("command", [("inspect",), ("key",), ("purge", "--without-current-consent")])
def test_where_no_server_is_nothing_is_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = sayso("server", *command, data=tmp_path)
    assert done.returncode == 1
    assert "there is no server in" in done.stderr
    assert list(tmp_path.iterdir()) == []
