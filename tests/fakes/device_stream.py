"""A real picows client at a real stream server: an honest device, and what a hostile one can do."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from sayso.protocol.api import STREAM_PATH
from sayso.protocol.frames import Deliver, Deposit, Frame, Hello, Part, ServerFrame
from sayso.protocol.ids import handle_hash
from sayso.protocol.limits import LIMITS
from sayso.protocol.stream import UnknownFrame, server_frames, write
from sayso.server.adapters.connections import Connections
from sayso.server.adapters.stream import DeviceConnection, serve_streams
from sayso.server.core.limits import FloodLimits, StreamLimits
from sayso.server.core.lines import Line, LineTable
from sayso.server.ports import DepositDesk
from sayso.server.services.relay_runner import RelayRunner
from tests.fakes.login import SERVER, Device
from tests.fakes.mailbox_store import FakeMailboxStore
from tests.fakes.randomness import SeededRandom
from tests.fakes.relay_world import KEY_ID, START, grant_of, handle_of

FrameT = TypeVar("FrameT", bound=Frame)


@dataclass
class StreamServer:
    """A relay with its runner and its streams, on a port of its own."""

    limits: StreamLimits = field(default_factory=StreamLimits)
    floods: FloodLimits = field(default_factory=FloodLimits)
    devices: Sequence[Device] = ()
    store: FakeMailboxStore = field(default_factory=FakeMailboxStore)
    port: int = 0
    clock_offset: float = 0.0
    desk: DepositDesk | None = None
    runner: RelayRunner = field(init=False)
    connections: Connections = field(init=False)
    listening: asyncio.base_events.Server = field(init=False)

    def now(self) -> float:
        return START + self.clock_offset + asyncio.get_running_loop().time()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["StreamServer"]:
        for device in self.devices:
            device.line.lease_ends = self.now() + LIMITS.lease_s
        lines = LineTable([device.line for device in self.devices])
        self.runner = RelayRunner(lines, await self.store.load(), self.store, now=self.now)
        self.connections = Connections(
            self.runner.relay,
            server=SERVER,
            now=self.now,
            random=SeededRandom(),
            limits=self.limits,
            floods=self.floods,
            desk=self.desk,
        )
        bound = socket.create_server(("127.0.0.1", 0))
        self.port = bound.getsockname()[1]
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.runner.run())
            self.listening = await serve_streams(self.connections, sock=bound, tls=None)
            try:
                yield self
            finally:
                self.listening.close()
                await self.connections.wait_closed(0.0)
                running.cancel()
        bound.close()

    @property
    def open(self) -> list[DeviceConnection]:
        """The connections that are open."""
        return [one for one in self.connections.open if isinstance(one, DeviceConnection)]

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until something holds of the server; the test's own bound on patience ends it otherwise."""
        while not what():  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.001)

    @asynccontextmanager
    async def connect(self, path: str = STREAM_PATH) -> AsyncIterator["DeviceStream"]:
        """Open a connection; it is cut off at the end."""
        async with open_stream(self.port, path) as client:
            yield client

    @asynccontextmanager
    async def logged_in(self, device: Device) -> AsyncIterator["DeviceStream"]:
        """Open a connection, log in, and catch up."""
        async with self.connect() as client:
            hello = await client.expect(Hello)
            client.say(Hello(LIMITS.protocol_version, (), b""), device.login(hello.nonce))
            await client.until(lambda: client.names[-1:] == ["CaughtUp"])
            client.frames.clear()
            client.messages.clear()
            yield client


@asynccontextmanager
async def open_stream(port: int, path: str = STREAM_PATH) -> AsyncIterator["DeviceStream"]:
    """Open a connection to a server on loopback; it is cut off at the end."""
    _, client = await ws_connect(
        DeviceStream,
        f"ws://127.0.0.1:{port}{path}",
        enable_auto_pong=False,
        use_aiofastnet=False,
        logger_name="tests",
    )
    assert isinstance(client, DeviceStream)
    try:
        yield client
    finally:
        client.transport.disconnect(graceful=False)
        await client.closed.wait()


class DeviceStream(WSListener):
    """One connection, from the device's side."""

    transport: WSTransport

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[ServerFrame | UnknownFrame] = []
        self.messages: list[int] = []
        """Bytes of each WebSocket message, in order."""
        self.pongs: list[bytes] = []
        self.close_code: WSCloseCode | None = None
        self.closed = asyncio.Event()
        self._changed = asyncio.Event()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        match frame.msg_type:
            case WSMsgType.BINARY:
                message = frame.get_payload_as_bytes()
                self.messages.append(len(message))
                self.frames += server_frames.read(message)
            case WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())
            case WSMsgType.PONG:
                self.pongs.append(frame.get_payload_as_bytes())
            case WSMsgType.CLOSE:
                self.close_code = frame.get_close_code()
                transport.send_close(self.close_code)
                transport.disconnect()
        self._changed.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  picows's signature
        self.closed.set()
        self._changed.set()

    @property
    def names(self) -> list[str]:
        return [type(frame).__name__ for frame in self.frames]

    @property
    def delivered(self) -> list[bytes]:
        return [frame.envelope for frame in self.frames if isinstance(frame, Deliver)]

    def say(self, *frames: Frame) -> None:
        """Send frames as one message."""
        self.transport.send(WSMsgType.BINARY, write(frames))

    def deposit(self, line: Line, envelope: bytes, ref: int, *, granted: bool = True) -> Deposit:
        """Make a deposit; `say` it."""
        part = Part(line.device, KEY_ID, handle_hash(handle_of(envelope)), envelope)
        return Deposit(ref, line.token, 3600, grant_of(line) if granted else b"", [part], again=False)

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until something holds of what came; a connection that ends meanwhile fails the test."""
        while not what():
            assert not self.closed.is_set()
            self._changed.clear()
            await self._changed.wait()

    async def expect(self, kind: type[FrameT]) -> FrameT:
        """Wait for a frame of a kind, and take it out."""
        await self.until(lambda: any(isinstance(frame, kind) for frame in self.frames))
        found = next(frame for frame in self.frames if isinstance(frame, kind))
        self.frames = [frame for frame in self.frames if frame is not found]
        return found

    def stop_reading(self) -> None:
        self.transport.underlying_transport.pause_reading()

    def read_again(self) -> None:
        self.transport.underlying_transport.resume_reading()
