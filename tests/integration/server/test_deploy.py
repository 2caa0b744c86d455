"""The shipped unit and proxy examples: valid, hardened, and without a log of any address, number or id."""

import re
import shutil
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpcore
import pytest
from cryptography import x509

from sayso.cli.server_run import run_server
from sayso.protocol import api
from sayso.protocol.ids import KeyDigest
from tests.accounting import not_tested
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.postgres_server import PostgresServer
from tests.fakes.real_server import real_server
from tests.fakes.recorder import Recorder
from tests.fakes.tls import self_signed
from tests.integration.server.rubbish import rubbish
from tests.integration.server.shipped import DEPLOY, Proxy, unit
from tests.integration.world import Ports

pytestmark = pytest.mark.slow

CLIENT = "127.0.0.77"
"""Where the client comes from: an address that stands in no configuration."""
NUMBER = "+447700900001"
HOST = "chat.example"
SAFE = {
    "DynamicUser": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "MemoryDenyWriteExecute": "yes",
    "LimitCORE": "0",
    "MemorySwapMax": "0",
    "StateDirectoryMode": "0700",
    "UMask": "0077",
    "ProtectProc": "invisible",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
}


def test_the_unit_is_hardened() -> None:
    service = unit()["Service"]
    assert {name: service.get(name) for name in SAFE} == SAFE
    assert "User" not in service


def test_the_units_command_is_one_that_the_server_takes() -> None:
    words = unit()["Service"]["ExecStart"].split()
    assert words[1:3] == ["server", "run"]
    known = {option for parameter in run_server.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
    assert not {"--plain-keyring", "--debuggable"} & set(words)


def test_systemd_finds_the_unit_well(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        not_tested("what systemd finds of the unit: systemd-analyze is not installed")
    file = tmp_path / "sayso.service"
    text = (DEPLOY / "systemd" / "sayso.service").read_text(encoding="utf-8")
    file.write_text(text.replace("/opt/sayso/bin/sayso", "/bin/true"), encoding="utf-8")
    well = subprocess.run([analyze, "verify", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert [line for line in well.stderr.splitlines() if line.startswith("sayso.service")] == []
    exposure = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert exposure.returncode == 0, exposure.stdout[-200:]


def test_the_server_needs_no_memory_that_is_written_and_run(tmp_path: Path) -> None:
    """What MemoryDenyWriteExecute does, by the kernel's own switch for it (prctl PR_SET_MDWE)."""
    if subprocess.run([sys.executable, "-c", MDWE, "/bin/true"], check=False, timeout=60).returncode != 0:
        not_tested("memory that is written and run: this kernel has no PR_SET_MDWE")

    async def main() -> None:
        async with real_server(tmp_path, within=(sys.executable, "-c", MDWE)) as server:
            await server.enrolled(NUMBER)
            await server.stop()

    run(main())


MDWE = """
import ctypes, os, sys
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    sys.exit(1)
os.execv(sys.argv[1], sys.argv[1:])
"""


class ProxiedClient:
    """Sends requests through the proxy, from an address of its own."""

    def __init__(self, port: int, certificate: Path) -> None:
        self._port = port
        context = ssl.create_default_context(cafile=str(certificate))
        self._pool = httpcore.AsyncConnectionPool(ssl_context=context, local_address=CLIENT)

    async def request(self, method: str, path: str, fields: list[tuple[str, str]], body: bytes = b"") -> Answer:
        response = await self._pool.request(
            method,
            f"https://127.0.0.1:{self._port}{path}",
            headers=fields,
            content=body,
            extensions={"sni_hostname": HOST},
        )
        answered = [(name.decode().lower(), value.decode("latin-1")) for name, value in response.headers]
        return Answer(response.status, answered, response.content)

    async def close(self) -> None:
        await self._pool.aclose()


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_a_proxy_passes_everything_on_and_writes_nobody_down(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    proxy = Proxy(name, folder, Ports.free().http)
    if not proxy.installed():
        not_tested(f"the shipped example for {name}: it is not installed")
    certificate, key = self_signed(folder, x509.DNSName(HOST))

    async def main() -> bytes:
        http, stream = Recorder(), Recorder()
        async with http.running(), stream.running(), real_server(tmp_path) as server:
            http.target, stream.target = server.http_port, server.stream_port
            command = proxy.configured(http.port, stream.port, certificate, key)
            async with proxy.running(command):
                client = ProxiedClient(proxy.port, certificate)
                device = EnrollingDevice(client, KeyDigest(server.key), NUMBER, 900, now=time.time())
                enrolment = await device.ask_code()
                confirmed = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, await server.code()))
                assert confirmed.status == 200, "signed over the authority that the phone sees"
                assert (await device.post(api.KEYS_PATH, device.all_keys(50))).status == 200
                upgraded = await client.request("GET", api.STREAM_PATH, UPGRADE)
                assert upgraded.status == 101
                await rubbish(proxy.port, client=CLIENT)
                await client.request("GET", f"/v1/lines/{NUMBER}?device={device.device.hex()}", [("Host", HOST)])
                await client.close()
                passed = b"".join(bytes(one.to_server) for one in (*http.passed.values(), *stream.passed.values()))
                await server.kill()
                http.target = stream.target = 1
                away = ProxiedClient(proxy.port, certificate)
                gone = await away.request("GET", api.STATEMENT_PATH, [("Host", HOST)])
                assert gone.status in {502, 503, 504}
                await away.close()
        assert b"GET /v1/stream" in passed
        assert b"x-forwarded" not in passed.lower()
        assert CLIENT.encode() not in passed
        return device.device

    device = run(main(), patience=120)
    left = proxy.left()
    for told in (CLIENT.encode(), NUMBER.encode(), NUMBER[1:].encode(), device, device.hex().encode()):
        assert told not in left


UPGRADE = [
    ("Host", HOST),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


def test_postgresql_writes_no_statement_and_no_value_down() -> None:
    """Errors, which with its own settings stand there with the value that was wrong, are Sayso's to tell."""
    shipped = (DEPLOY / "postgresql" / "sayso.conf").read_text(encoding="utf-8")
    postgres = PostgresServer()
    try:
        log = postgres.directory / "log"
        postgres.start()
        assert postgres.refuses(f"SELECT '{NUMBER}'::boolean")
        assert NUMBER.encode() in log.read_bytes(), "PostgreSQL's own settings"
        postgres.stop()
        log.unlink()
        with (postgres.data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(shipped)
        postgres.start()
        assert postgres.refuses(f"SELECT '{NUMBER}'::boolean")
        postgres.sql("CREATE TABLE kept (value text PRIMARY KEY)")
        postgres.sql(f"INSERT INTO kept VALUES ('{NUMBER}')")  # noqa: S608  a constant
        assert postgres.refuses(f"INSERT INTO kept VALUES ('{NUMBER}')"), "a second time"  # noqa: S608
        postgres.stop()
        said = log.read_bytes()
    finally:
        postgres.remove()
    assert b"ready to accept connections" in said
    assert NUMBER[1:].encode() not in said
    assert b"SELECT" not in said


@pytest.mark.parametrize(
    "file", ["nginx/nginx.conf", "caddy/Caddyfile", "systemd/sayso.service", "postgresql/sayso.conf"]
)
def test_an_example_holds_nothing_of_a_real_place(file: str) -> None:
    text = (DEPLOY / file).read_text(encoding="utf-8")
    hosts = set(re.findall(r"[a-z0-9.-]+\.(?:example|com|net|org|io)\b", text))
    assert hosts <= {"chat.example", "smsc.example", "sayso.example"}
