"""A server of the stream on loopback that logs phones in and then does, or fails to do, what the test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from sayso.protocol.errors import SignatureError
from sayso.protocol.frames import ClientFrame, Error, ErrorCode, Hello, Login, Ready, ServerFrame
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose, verify
from sayso.protocol.stream import UnknownFrame, client_frames, write
from tests.fakes.consented import DEVICE, DEVICE_KEY, SERVER

NONCE = b"n" * 32
READY = Ready(259_200, 42)

Frames = Sequence[ClientFrame | UnknownFrame]
T = TypeVar("T")


@dataclass
class Peer:
    """One phone, as the server sees it."""

    transport: WSTransport
    heard: list[ClientFrame | UnknownFrame] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    """WebSocket messages, whole."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    close_code: WSCloseCode | None = None
    pings: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, *frames: ServerFrame) -> None:
        self.transport.send(WSMsgType.BINARY, write(frames))

    async def until(self, what: Callable[["Peer"], bool]) -> None:
        """Wait until something holds of what was heard."""
        while not what(self):
            self.changed.clear()
            await self.changed.wait()


@dataclass
class StreamServer:
    """What a test tells the server to do; without a word it is an honest one."""

    url: str = ""
    peers: list[Peer] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[WSUpgradeRequest] = field(default_factory=list)
    on_connected: Callable[[Peer], None] = lambda _: None
    on_login: Callable[[Peer, Login], None] | None = None
    hello: Hello | None = field(default_factory=lambda: Hello(LIMITS.protocol_version, (), NONCE))
    refuse: HTTPStatus | None = None
    redirect: str | None = None
    answers_pings: bool = True

    def accept(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        self.requests.append(request)
        if self.refuse is not None:
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(self.refuse), None)
        if self.redirect is not None:
            return WSUpgradeResponseWithListener(
                WSUpgradeResponse.create_redirect_response(HTTPStatus.FOUND, self.redirect), None
            )
        return _Listener(self)


class _Listener(WSListener):
    def __init__(self, server: StreamServer) -> None:
        self._server = server
        self._peer: Peer

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._peer = Peer(transport)
        self._server.peers.append(self._peer)
        self._server.connected.set()
        if self._server.hello is not None:
            self._peer.say(self._server.hello)
        self._server.on_connected(self._peer)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self._peer.close_code = frame.get_close_code()
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif frame.msg_type == WSMsgType.PING:
            self._peer.pings += 1
            if self._server.answers_pings:
                transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.BINARY:
            self._take(frame.get_payload_as_bytes())
        self._peer.changed.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  picows's signature
        self._peer.closed.set()
        self._peer.changed.set()

    def _take(self, message: bytes) -> None:
        frames = client_frames.read(message)
        self._peer.messages.append(message)
        self._peer.heard += frames
        for frame in frames:
            if isinstance(frame, Login):
                (self._server.on_login or honest_login)(self._peer, frame)


def honest_login(peer: Peer, login: Login) -> None:
    """Check the signature, as a server does."""
    key = DEVICE_KEY.public_key().public_bytes_raw()
    try:
        verify(key, login.signature, Purpose.LOGIN, server=SERVER, device=DEVICE, body=b"", nonce=NONCE)
    except SignatureError:
        peer.say(Error(ErrorCode.BAD_LOGIN, 2, ""))
    else:
        peer.say(READY)


@asynccontextmanager
async def stream_server(
    told: StreamServer | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[StreamServer]:
    """Run a server; its address is in `url`."""
    server = told or StreamServer()
    listening = await ws_create_server(
        server.accept, "127.0.0.1", 0, enable_auto_pong=False, use_aiofastnet=False, logger_name="tests", ssl=tls
    )
    server.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/stream"
    try:
        yield server
    finally:
        listening.close()
        for peer in server.peers:
            peer.transport.disconnect(graceful=False)
