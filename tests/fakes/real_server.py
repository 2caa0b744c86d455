"""`sayso server run` as a process of its own, a gateway for its codes, and devices that enrol at it."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpcore

from sayso.phone.core.codes import code_in
from sayso.protocol import api
from sayso.protocol.frames import Hello, Login
from sayso.protocol.ids import KeyDigest
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose, sign
from tests.fakes.asgi import Answer
from tests.fakes.device_stream import DeviceStream, open_stream
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.kannel import FakeKannel
from tests.ports import free_ports

PASSWORD = "secret"


class HttpConnections:
    """Sends requests over connections that are kept."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = httpcore.AsyncConnectionPool(max_connections=20)

    async def request(self, method: str, path: str, fields: list[tuple[str, str]], body: bytes = b"") -> Answer:
        response = await self._pool.request(method, self._url + path, headers=fields, content=body)
        answered = [(name.decode().lower(), value.decode("latin-1")) for name, value in response.headers]
        return Answer(response.status, answered, response.content)

    async def close(self) -> None:
        await self._pool.aclose()


@dataclass
class RealServer:
    """One server process; `restart` begins another one on the same data."""

    folder: Path
    kannel: FakeKannel
    options: tuple[str, ...] = ()
    environment: dict[str, str] | None = None
    within: tuple[str, ...] = ()
    """A program that starts the server."""
    gateway: str = ""
    """URL of another gateway in place of `kannel`."""
    smpp: str = ""
    """Host and port of an SMSC, in place of a gateway."""
    password: str = PASSWORD
    """Of the gateway or the SMSC."""
    process: asyncio.subprocess.Process = field(init=False)
    client: HttpConnections = field(init=False)
    said: dict[str, str] = field(default_factory=dict)
    """The line that it prints when it serves."""
    seed: int = 500
    stream_port: int = 0

    @property
    def data(self) -> Path:
        return self.folder / "server"

    @property
    def log(self) -> Path:
        return self.folder / "server.err"

    @property
    def http_port(self) -> int:
        return int(self.said["http"].rpartition(":")[2])

    @property
    def key(self) -> KeyDigest:
        return KeyDigest(bytes.fromhex(self.said["key"]))

    async def start(self) -> None:
        # Known before it listens: with --public-stream it says where others find the stream, and not where it listens.
        [self.stream_port] = free_ports(1)
        password = self.folder / "password"
        password.write_text(f"{self.password}\n")
        password.chmod(0o600)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(*self.within, sys.executable, "-m", "sayso", "server", "run", "--data", str(self.data), "--json"),
                *("--http", "127.0.0.1:0", "--stream", f"127.0.0.1:{self.stream_port}", "--metrics", "127.0.0.1:0"),
                *self._sms(str(password)),
                *(self.options or ("--plain-keyring",)),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self.environment,
                cwd=self.folder,
            )
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        assert line, self.log.read_text()
        self.said = json.loads(line)
        assert self.said.get("event") == "ready", self.said
        self.client = HttpConnections(self.said["http"])

    def _sms(self, password: str) -> tuple[str, ...]:
        if self.smpp:
            return ("--smpp", self.smpp, "--smpp-system-id", "sayso", "--smpp-password-file", password)
        return ("--sms-gateway", self.gateway or self.kannel.url, "--sms-password-file", password)

    async def stop(self) -> None:
        """Stop gracefully."""
        await self.client.close()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        assert await self._ended() == 0, self.log.read_text()

    async def kill(self) -> None:
        """End it without warning."""
        await self.client.close()
        if self.process.returncode is None:
            self.process.kill()
        await self._ended()

    async def _ended(self) -> int:
        """Wait for the process, and for its workers, which hold its output open for a moment longer."""
        assert self.process.stdout is not None
        await self.process.stdout.read()
        return await self.process.wait()

    def device(self, number: str, *, findable: str = "everyone") -> EnrollingDevice:
        """A device that has not been in contact yet."""
        self.seed += 1
        return EnrollingDevice(self.client, self.key, number, self.seed, findable, now=time.time())

    async def enrolled(self, number: str, *, findable: str = "everyone") -> EnrollingDevice:
        """A device that is enrolled and has published keys."""
        device = self.device(number, findable=findable)
        enrolment = await device.ask_code()
        answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, await self.code()))
        assert answer.status == 200, answer.body
        published = await device.post(api.KEYS_PATH, device.all_keys())
        assert published.status == 200, published.body
        return device

    async def code(self) -> str:
        """The code in the next SMS."""
        code = code_in((await self.kannel.taken.get()).decode())
        assert code is not None, "the SMS has no code"
        return code

    async def get(self, path: str) -> Answer:
        """Ask the metrics listener."""
        pool = HttpConnections(self.said["metrics"])
        try:
            return await pool.request("GET", path, [("Host", "localhost")])
        finally:
            await pool.close()

    @asynccontextmanager
    async def stream(self, device: EnrollingDevice) -> AsyncIterator[DeviceStream]:
        """Open a stream, log in, and catch up."""
        async with open_stream(self.stream_port) as client:
            hello = await client.expect(Hello)
            signature = sign(
                device.key, Purpose.LOGIN, server=self.key, device=device.device, body=b"", nonce=hello.nonce
            )
            client.say(Hello(LIMITS.protocol_version, (), b""), Login(device.device, signature))
            await client.until(lambda: "CaughtUp" in client.names)
            yield client


@asynccontextmanager
async def real_server(
    folder: Path,
    *options: str,
    environment: dict[str, str] | None = None,
    within: tuple[str, ...] = (),
    gateway: str = "",
    smpp: str = "",
    password: str = PASSWORD,
) -> AsyncIterator[RealServer]:
    """Run a server; killed at the end, if the test has not stopped it."""
    async with FakeKannel().running() as kannel:
        server = RealServer(folder, kannel, options, environment, within, gateway, smpp, password)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()
