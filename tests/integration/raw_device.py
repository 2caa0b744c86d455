"""A device without a phone around it: enrols over real HTTP, and says on a real stream whatever a test wants."""

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import Final, TypeVar

import h11
import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from sayso.phone.adapters.carrier_modem import CarrierModem
from sayso.phone.ports import IncomingSms
from sayso.protocol import api
from sayso.protocol.certificate import read_certificate
from sayso.protocol.frames import Ack, CaughtUp, Deliver, Deposit, Frame, Hello, Login, Part, Ready, Unreadable
from sayso.protocol.ids import grant_hash, handle_hash
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose, sign
from sayso.protocol.stream import UnknownFrame, server_frames, write
from tests.fakes.asgi import Answer
from tests.fakes.enrolling_device import EnrollingDevice
from tests.integration.world import NUMBERS, World

PATIENCE_S: Final = 20.0
TTL_S: Final = 3600
_CODE: Final = re.compile(r"(?<!\d)\d{6}(?!\d)")

FrameT = TypeVar("FrameT", bound=Frame)


class HttpClient:
    """Sends requests to the control plane, each on a connection of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def request(self, method: str, path: str, fields: list[tuple[str, str]], body: bytes = b"") -> Answer:
        """Send a request; the whole answer comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            connection = h11.Connection(h11.CLIENT)
            headers = [*fields, ("Content-Length", str(len(body))), ("Connection", "close")]
            request = h11.Request(method=method, target=path, headers=headers)
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(connection.send(event) or b"")
            return await self._answer(connection, reader)
        finally:
            writer.close()

    async def _answer(self, connection: h11.Connection, reader: asyncio.StreamReader) -> Answer:
        head: h11.Response | None = None
        body = b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
        assert head is not None
        fields = [(name.decode().lower(), value.decode("latin-1")) for name, value in head.headers]
        return Answer(head.status_code, fields, body)


class Stream(WSListener):
    """One WebSocket connection to the server."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Frame | UnknownFrame] = []
        """All frames, in order; `expect` takes out what it returns."""
        self.closed = asyncio.Event()
        self.close_code: WSCloseCode | None = None
        self._changed = asyncio.Event()
        self.transport: WSTransport

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.close_code = frame.get_close_code()
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif frame.msg_type == WSMsgType.BINARY:
            self.heard += server_frames.read(frame.get_payload_as_bytes())
        self._changed.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  picows's signature
        self.closed.set()
        self._changed.set()

    def say(self, *frames: Frame) -> None:
        """Send frames in one message."""
        self.say_bytes(write(frames))

    def say_bytes(
        self, message: bytes, kind: WSMsgType = WSMsgType.BINARY, *, fin: bool = True, rsv1: bool = False
    ) -> None:
        """Send one WebSocket frame."""
        self.transport.send(kind, message, fin, rsv1)

    async def expect(self, kind: type[FrameT], which: Callable[[FrameT], bool] = lambda _: True) -> FrameT:
        """Wait for a frame and take it out of what was heard."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for frame in self.heard:
                    if isinstance(frame, kind) and which(frame):
                        self.heard.remove(frame)
                        return frame
                assert not self.closed.is_set(), f"closed before a {kind.__name__} came; heard {self.heard}"
                self._changed.clear()
                await self._changed.wait()

    async def until_closed(self) -> None:
        """Wait until the server has hung up."""
        async with asyncio.timeout(PATIENCE_S):
            await self.closed.wait()


@asynccontextmanager
async def connected(world: World) -> AsyncIterator[Stream]:
    """Open a stream; nothing is said on it yet."""
    url = f"ws://127.0.0.1:{world.ports.stream}{api.STREAM_PATH}"
    stream = Stream()
    await ws_connect(lambda _request, _response: stream, url, use_aiofastnet=False, logger_name="tests")
    try:
        yield stream
    finally:
        stream.transport.disconnect(graceful=False)
        await stream.until_closed()


@dataclass
class RawDevice:
    """A line with a device whose keys are the test's."""

    device: EnrollingDevice
    token: bytes
    grant: bytes
    envelope_key: int = 1
    handles: list[bytes] = field(default_factory=list)

    @property
    def id(self) -> bytes:
        """Device id."""
        return self.device.device

    def login(self, nonce: bytes) -> Login:
        """Sign the server's nonce."""
        device = self.device
        signature = sign(device.key, Purpose.LOGIN, server=device.pinned, device=device.device, body=b"", nonce=nonce)
        return Login(device.device, signature)

    @asynccontextmanager
    async def online(self, world: World, *, caught_up: bool = True) -> AsyncIterator[Stream]:
        """Connect and log in, until leaving."""
        async with connected(world) as stream:
            hello = await stream.expect(Hello)
            stream.say(Hello(LIMITS.protocol_version, (), b""), self.login(hello.nonce))
            await stream.expect(Ready)
            if caught_up:
                await stream.expect(CaughtUp)
            yield stream

    def part(self, envelope: bytes, handle: bytes) -> Part:
        """A deposit's share for this device."""
        return Part(self.id, self.envelope_key, handle_hash(handle), envelope)

    def deposit(
        self, ref: int, envelope: bytes, handle: bytes, *, granted: bool = False, ttl_s: int = TTL_S
    ) -> Deposit:
        """A deposit for this line."""
        return Deposit(
            ref, self.token, ttl_s, self.grant if granted else b"", [self.part(envelope, handle)], again=False
        )


@dataclass(frozen=True)
class Line:
    """Where to deposit for somebody whose phone is a real one."""

    token: bytes
    device: bytes
    envelope_key: int


def lines(world: World) -> list[Line]:
    """Read the lines out of the server's directory, in the order in which they enrolled."""
    with closing(sqlite3.connect(world.data / "server" / "directory.db")) as database:
        found = database.execute(
            "SELECT token, enrolments.device, id FROM enrolments JOIN envelope_keys"
            " ON enrolments.device = envelope_keys.device AND replaced_at IS NULL ORDER BY enrolments.rowid"
        )
        return [Line(*row) for row in found]


async def take_all(stream: Stream, count: int) -> list[bytes]:
    """Acknowledge `count` envelopes as they come; returns them in order."""
    taken = []
    for _ in range(count):
        delivered = await stream.expect(Deliver)
        stream.say(Ack(delivered.envelope_id, Unreadable.SHOWN))
        taken.append(delivered.envelope)
    return taken


async def _code(world: World, name: str) -> str:
    """Read the code from the SMS that waits on a SIM, or comes."""
    events = CarrierModem(world.data / "carrier" / "modems" / f"{name}.sock").events()
    assert isinstance(events, AsyncGenerator)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, IncomingSms) and (found := _CODE.search(event.text)):
                return found[0]
    raise AssertionError("no code came")


async def enrol(world: World, name: str, *, seed: int) -> RawDevice:
    """Enrol somebody's number by hand: consent, code by SMS, keys, grant."""
    client = HttpClient(world.ports.http)
    device = EnrollingDevice(client, bytes.fromhex(world.server_key), NUMBERS[name], seed=seed, now=time.time())  # type: ignore[arg-type]
    enrolment = await device.ask_code()
    code = await _code(world, name)
    answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
    assert answer.status == 200, answer.body
    wire = msgspec.json.decode(answer.body, type=api.Enrolled).certificate
    key = device.statement.certificate_key
    certificate = read_certificate(wire, certificate_key=key, server=device.pinned)
    grant = device.drawn(32)
    for path, body in (
        (api.KEYS_PATH, device.all_keys()),
        (api.GRANT_PATH, api.SetGrant(grant_hash(grant))),
    ):
        done = await device.post(path, body)
        assert done.status in {200, 204}, done.body
    return RawDevice(device, certificate.token, grant)
