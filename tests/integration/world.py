"""Carrier, server and phones as processes of their own, watched at every commit, and restarted when they are killed.

A world is a directory and a few ports; it can be copied while nothing runs in it, and goes on in the copy.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.control import ListSent, SentSms
from sayso.carrier.core.events import Inject
from sayso.phone import command_types as types
from sayso.phone.adapters.commands import SOCKET_NAME, ask
from sayso.phone.adapters.daemon_client import DaemonClient
from sayso.phone.errors import CommandError
from sayso.protocol.limits import HOUR
from sayso.protocol.modem import MODEM_PROTOCOL_VERSION, Attach, encode
from tests.aio import run
from tests.integration.boundaries import Boundary
from tests.integration.nursery import Born, Nursery
from tests.ports import free_ports

ALICE: Final = "+447700900001"
BOB: Final = "+447700900002"
CAROL: Final = "+447700900003"
"""Has a SIM and no phone of Sayso's."""
NUMBERS: Final = {"alice": ALICE, "bob": BOB, "carol": CAROL}
PATIENCE_S: Final = 30.0
_NOTICED_S: Final = 5.0
"""Within this time a process that hung up turns out to be dead."""
SETS_EVERY_S: Final = 4 * HOUR
BEGINS_S: Final = 3.5 * HOUR
"""Each world begins half an hour before the enrolled set is built anew, so that all runs pass the same commits."""

T = TypeVar("T")


@dataclass(frozen=True)
class Ports:
    """Where a world listens; the same after each restart, since phones know it."""

    gateway: int
    http: int
    stream: int

    @classmethod
    def free(cls) -> "Ports":
        """Find ports that nobody holds."""
        return cls(*free_ports(3))


@dataclass(frozen=True)
class Told:
    """A process passed a boundary."""

    who: str
    boundary: Boundary


class Daemon:
    """One part. Restarted at once, and not armed any more, when it is killed; any other end fails the test."""

    def __init__(self, world: "World", who: str, words: list[str]) -> None:
        self.who: Final = who
        self.words = words
        self.starts = 0
        self.kills = 0
        self._world = world
        self._up = asyncio.Event()
        self._died = asyncio.Event()
        self._stopping = False
        self._process: Born | None = None
        self.ready: dict[str, str] = {}
        self.environment: dict[str, str] = {}
        """More of it, for the tests' entry point."""

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    async def start(self, armed: Boundary | None = None) -> None:
        """Start, and wait until it is ready, or dead of its arming and up again."""
        self._stopping = False
        await self._start(armed)
        self._world.tasks.create_task(self._keep())
        await self.up()

    async def up(self) -> None:
        """Wait until it is ready."""
        async with asyncio.timeout(PATIENCE_S):
            await self._up.wait()

    async def stop(self) -> None:
        """Stop gracefully: SIGTERM, exit code 0; one that is killed on the way is started again, and stopped."""
        if self._process is None or self._stopping:
            return
        await self.up()  # before that it has no ear for a signal
        self._stopping = True
        while self._process.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_S):
                code = await self._process.wait()
            self._up.clear()
            if code == -signal.SIGKILL:
                self.kills += 1
                await self._start(None)
                await self.up()
            else:
                assert code == 0, f"{self.who} ended with {code}: {self._complaints()}"

    def let_go(self) -> None:
        """Restart it no more."""
        self._stopping = True

    def kill(self) -> None:
        """Send SIGKILL, if it runs; it is restarted at once."""
        if self._process is not None and self._process.code is None:
            self._up.clear()
            os.kill(self._process.pid, signal.SIGKILL)

    async def died_since(self, starts: int) -> bool:
        """Whether it has died since its `starts`th start; waits a little for the news."""
        try:
            async with asyncio.timeout(_NOTICED_S):
                while self.starts == starts and self._up.is_set():
                    self._died.clear()
                    await self._died.wait()
        except TimeoutError:
            return False
        return True

    async def _start(self, armed: Boundary | None) -> None:
        self.starts += 1
        environment = {"SAYSO_TEST_WHO": self.who, "SAYSO_TEST_TOLD": str(self._world.told_path), **self.environment}
        environment["SAYSO_TEST_AHEAD"] = str(self._world.ahead_path)
        environment["SAYSO_TEST_KILL"] = "" if armed is None else str(armed)
        reading, writing = os.pipe()
        errors = os.open(self._error_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await self._world.nursery.start(self.words, environment, stdout=writing, stderr=errors)
        finally:
            os.close(writing)
            os.close(errors)
        self._world.tasks.create_task(self._listen(self._process, reading))

    async def _listen(self, process: Born, reading: int) -> None:
        """Hear when it is ready, and go on reading until it is gone."""
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", buffering=0)
        )
        try:
            line = await stream.readline()
            if line.endswith(b"\n") and self._process is process and process.code is None:
                self.ready = json.loads(line)
                if self.ready.get("event") == "ready":
                    self._up.set()
            await process.wait()
        finally:
            transport.close()

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            code = await self._process.wait()
            self._up.clear()
            self._died.set()
            if self._stopping:
                return
            assert code == -signal.SIGKILL, f"{self.who} ended by itself with {code}: {self._complaints()}"
            self.kills += 1
            await self._start(None)

    @property
    def _error_path(self) -> Path:
        return self._world.data / f"{self.who}.err"

    def _complaints(self) -> str:
        return f"{self.ready} {self._error_path.read_text('utf-8', 'replace')[-3000:]}"


class Person:
    """Somebody with a phone, who looks at the screen before typing anything again."""

    def __init__(self, daemon: Daemon, name: str, data: Path) -> None:
        self.name: Final = name
        self.number: Final = NUMBERS[name]
        self.daemon: Final = daemon
        self.data: Final = data
        self.phone: Final = DaemonClient(data)

    async def send(self, to: str, text: str) -> types.Message:
        """Send a text once. Where the answer is lost, see first whether the phone has it."""

        async def once() -> types.Message:
            for message in await self.phone.messages():
                if (message.direction, message.number, message.text) == ("out", to, text):
                    return message
            return (await self.phone.ask(types.Send(to=to, text=text), types.Sending)).message

        return await self.while_up(once)

    async def sees(self, text: str, *states: str, notice: str | None = None) -> types.Message:
        """Wait until a text of that wording is there, in one of these states (in any, where none is given).

        Where a notice is given, a text that waits counts only with it: why it waits may change until then.
        """

        def wanted(message: types.Message) -> bool:
            fits = message.text == text and (not states or message.state in states)
            return fits and (message.state not in {"queued", "deposited"} or notice in {None, message.notice})

        async def look() -> types.Message:
            return await self.phone.wait_for_message(
                wanted,
                what=f"{text[:20]!r} to be {' or '.join(states) or 'there'} at {self.name}",
            )

        return await self.while_up(look)

    async def line_is(self, state: str, *, connected: bool | None = None) -> types.Line:
        """Wait until the line is in a state."""

        async def look() -> types.Line:
            return await self.phone.wait_for_line(
                lambda line: line.state == state and connected in {None, line.connected},
                what=f"{self.name}'s line to be {state}",
            )

        return await self.while_up(look)

    async def messages(self) -> list[types.Message]:
        """Return what the phone shows."""
        return await self.while_up(self.phone.messages)

    async def do(self, command: types.Command) -> None:
        """Give a command that may be given twice, until it is done."""
        await self.while_up(lambda: ask(self.data / SOCKET_NAME, command))

    async def while_up(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something with the phone; again, when the phone died meanwhile."""
        while True:
            await self.daemon.up()
            starts = self.daemon.starts
            try:
                async with asyncio.timeout(PATIENCE_S):
                    return await work()
            except CommandError:
                if not await self.daemon.died_since(starts):
                    raise
            except TimeoutError as error:
                raise AssertionError(f"{self.name} waited in vain; {await self._sight()}") from error

    async def _sight(self) -> str:
        """Tell what the phone shows, for a test that fails; its numbers and texts are made up."""
        lines = [f"{one.state} connected={one.connected} {one.trouble or ''}" for one in await self.phone.lines()]
        messages = [
            f"{one.direction} {one.channel} {one.state} {one.text[:20]!r} {one.notice or ''}"
            for one in await self.phone.messages()
        ]
        return "\n".join(["it shows:", *lines, *messages])


@dataclass
class World:
    """What runs below one directory."""

    data: Path
    ports: Ports
    nursery: Nursery
    tasks: asyncio.TaskGroup
    web: bool = True
    """Whether the phones serve their web app; more than half of a phone's start goes into making it."""
    told: list[Told] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.carrier = Daemon(self, "carrier", self._carrier_words())
        self.server = Daemon(self, "server", [])
        modems = self.data / "carrier" / "modems"
        self.people = {
            name: Person(
                Daemon(
                    self,
                    name,
                    [
                        *("phone", "run", "--data", str(self.data / name), "--plain-store-key", "--json"),
                        # A copied world goes on as if it were the only one: its marks come along.
                        *("--mark-dir", str(self.data / "marks")),
                        *("--modem", f"sim={modems / name}.sock", "--web" if self.web else "--no-web"),
                    ],
                ),
                name,
                self.data / name,
            )
            for name in ("alice", "bob")
        }
        if not self.ahead_path.exists():
            self.ahead_path.write_text(str(BEGINS_S - time.time() % SETS_EVERY_S))

    def let_an_hour_pass(self) -> None:
        """Move the clocks, and have the server look at its own."""
        self.ahead_path.write_text(str(float(self.ahead_path.read_text()) + HOUR))
        with contextlib.suppress(ProcessLookupError):  # dead this moment: it sees the time when it is up again
            os.kill(self.server.pid, signal.SIGUSR1)

    @property
    def alice(self) -> Person:
        """One of the two."""
        return self.people["alice"]

    @property
    def bob(self) -> Person:
        """The other one."""
        return self.people["bob"]

    @property
    def told_path(self) -> Path:
        """The socket on which boundaries are told."""
        return self.data / "told"

    @property
    def ahead_path(self) -> Path:
        """By how many seconds the clocks are ahead."""
        return self.data / "ahead"

    @property
    def server_url(self) -> str:
        """The control plane."""
        return f"http://127.0.0.1:{self.ports.http}"

    @property
    def server_key(self) -> str:
        """Digest of the server's long-term key, hex."""
        key: str = json.loads((self.data / "server" / "server.json").read_text())["key"]
        return key

    @property
    def daemons(self) -> dict[str, Daemon]:
        """The parts by name."""
        return {
            daemon.who: daemon
            for daemon in (self.carrier, self.server, *(person.daemon for person in self.people.values()))
        }

    async def start(self, *parts: str, armed: Mapping[str, Boundary] | None = None) -> None:
        """Start parts beside each other, armed where that says so; all but the carrier need the carrier."""
        async with asyncio.TaskGroup() as tasks:
            for part in parts:
                if part == "server":
                    self.server.words = self._server_words()
                tasks.create_task(self.daemons[part].start((armed or {}).get(part)))
        if "carrier" in parts:
            self.tasks.create_task(self._carry_carols_phone())

    async def stop(self) -> None:
        """Stop everything gracefully, phones first, beside each other."""
        async with asyncio.TaskGroup() as tasks:
            for person in self.people.values():
                tasks.create_task(person.daemon.stop())
        await self.server.stop()
        await self.carrier.stop()

    async def until(self, look: Callable[[], T | None], what: str) -> T:
        """Wait until `look` finds something, looking again after each commit of any process."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (found := look()) is None:
                    self._changed.clear()
                    await self._changed.wait()
                return found
        except TimeoutError as error:
            raise AssertionError(f"waited in vain for {what}") from error

    async def sent_sms(self, to: str | None = None) -> list[SentSms]:
        """Return every SMS that the network has accepted."""
        async with self.network() as network:
            return (await network.call(ListSent(to=to))).sent or []

    async def sms(self, sender: str, to: str, text: str) -> None:
        """Have somebody send an SMS."""
        async with self.network() as network:
            await network.call(Inject(sender=sender, to=to, text=text))

    def network(self) -> AsyncControlClient:
        """Return a client of the carrier's control socket."""
        return AsyncControlClient(self.data / "carrier" / "control.sock")

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear the boundaries of one process."""
        with _closed_at_the_end(writer):
            while line := await reader.readline():
                who, boundary = line.decode().split()
                self.told.append(Told(who, Boundary.read(boundary)))
                self._changed.set()

    async def _carry_carols_phone(self) -> None:
        """Attach something to Carol's modem that takes whatever comes, so that she can be reached by SMS."""
        reader, writer = await asyncio.open_unix_connection(self.data / "carrier" / "modems" / "carol.sock")
        writer.write(encode(Attach(MODEM_PROTOCOL_VERSION)))
        with _closed_at_the_end(writer):
            while await reader.read(65536):
                pass

    def _carrier_words(self) -> list[str]:
        sims = [word for name, number in NUMBERS.items() for word in ("--sim", f"{name}={number}")]
        data = str(self.data / "carrier")
        return ["carrier", "run", "--data", data, "--port", str(self.ports.gateway), "--json", *sims]

    def _server_words(self) -> list[str]:
        account = json.loads((self.data / "carrier" / "carrier.json").read_text())
        password = self.data / "gateway-password"
        password.touch(mode=0o600)
        password.write_text(account["password"])
        return [
            *("server", "run", "--data", str(self.data / "server"), "--plain-keyring", "--json"),
            *("--http", f"127.0.0.1:{self.ports.http}", "--stream", f"127.0.0.1:{self.ports.stream}"),
            *("--sms-gateway", self.carrier.ready["gateway"]),
            *("--sms-username", account["username"], "--sms-password-file", str(password)),
        ]


@contextlib.contextmanager
def _closed_at_the_end(writer: asyncio.StreamWriter) -> Iterator[None]:
    try:
        yield
    finally:
        writer.close()


@asynccontextmanager
async def world(nursery: Nursery, data: Path, ports: Ports, *, web: bool = True) -> AsyncIterator[World]:
    """A world in a directory, nothing of it running yet; whatever runs at the end is killed."""
    await asyncio.to_thread(data.mkdir, mode=0o700, parents=True, exist_ok=True)
    async with asyncio.TaskGroup() as tasks, nursery.open():
        made = World(data, ports, nursery, tasks, web)
        made.told_path.unlink(missing_ok=True)

        def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.create_task(made.hear(reader, writer))

        async with await asyncio.start_unix_server(hear, made.told_path):
            try:
                yield made
            finally:
                for daemon in made.daemons.values():
                    daemon.let_go()


def play(nursery: Nursery, data: Path, ports: Ports, scenario: Callable[[World], Awaitable[None]]) -> None:
    """Run a scenario in a world, and stop gracefully whatever runs at its end."""

    async def whole() -> None:
        async with world(nursery, data, ports) as made:
            await scenario(made)
            await made.stop()

    run(whole())


@dataclass(frozen=True)
class Enrolled:
    """A world at rest, to begin from."""

    data: Path
    ports: Ports

    def copy(self, to: Path) -> None:
        """Copy it."""
        shutil.copytree(self.data, to, ignore=shutil.ignore_patterns("*.sock", "told", "*.err"))
