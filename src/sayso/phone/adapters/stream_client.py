"""The StreamConnector port over picows, on connections that the gate opens.

The server learns the address, the device id and what the frames carry: no header tells phones apart, nothing is
compressed.
"""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from picows import WSError, WSMsgType, WSTransport, ws_connect

from sayso.consent.errors import GateClosedError
from sayso.consent.gate import Connection, Gate, place_of
from sayso.phone.adapters.stream_inbox import StreamInbox
from sayso.phone.errors import LoginRefusedError, StreamClosedError, UnreachableError
from sayso.phone.ports import StreamLink
from sayso.protocol.frames import Deposit, Error, ErrorCode, Frame, Hello, Login, Ready, ServerFrame
from sayso.protocol.ids import DeviceId, KeyDigest
from sayso.protocol.limits import KIB, LIMITS
from sayso.protocol.signing import Purpose, sign
from sayso.protocol.stream import UnknownFrame, batches, write

PURPOSE: Final = "messages"
"""What the journal says of these connections."""
_NONCE_BYTES: Final = 32
_SMALL_FRAME_BYTES: Final = KIB
"""More than any frame takes that carries no envelope."""
_LOGGER: Final = logging.getLogger("sayso.phone.stream")

FrameT = TypeVar("FrameT", bound=Frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTiming:
    """How long what may take, in seconds."""

    login_s: float = 20.0
    """From the first packet to `Ready`."""
    idle_s: float = 30.0
    """With nothing received for so long, a ping is sent..."""
    reply_s: float = 20.0
    """...and without an answer within this time the stream is given up. At most `idle_s`."""
    close_s: float = 2.0
    """A server that does not finish closing within this time is cut off."""


class StreamClient:
    """Opens streams for one line."""

    def __init__(
        self,
        gate: Gate,
        *,
        device: DeviceId,
        key: Ed25519PrivateKey,
        server: KeyDigest,
        tls: ssl.SSLContext | None = None,
        timing: StreamTiming | None = None,
    ) -> None:
        """Make a connector.

        Args:
            gate: the line's gate.
            device: the line's device id.
            key: the device's signing key.
            server: digest of the server's long-term key, which the login is bound to.
            tls: for wss; the system's certificates where there is none.
            timing: other patience than usual.
        """
        self._gate = gate
        self._device = device
        self._key = key
        self._server = server
        self._tls = tls
        self._timing = timing or StreamTiming()

    async def connect(self, url: str) -> StreamLink:
        """Connect, exchange hellos and log in.

        Args:
            url: ws or wss, as the server's statement gives it.

        Raises:
            UnreachableError: no answer, or not a Sayso stream.
            LoginRefusedError: the server does not know the device.
            StreamClosedError: the server said why it hangs up instead.
            GateClosedError: the line's consent does not cover it (any more).
        """
        try:
            async with asyncio.timeout(self._timing.login_s):
                return await self._connect(url)
        except StreamClosedError as error:
            self._check_consent()
            if error.reason is not None:
                raise
            raise UnreachableError("the server hung up before the login was done") from error
        # ValueError: what picows and the standard library find wrong with a URL, a status line or a header.
        except (WSError, OSError, TimeoutError, ValueError) as error:
            self._check_consent()
            raise UnreachableError("the server does not answer with a message stream") from error

    def _check_consent(self) -> None:
        if self._gate.is_shut:
            raise GateClosedError("cloud messaging is off for this line")

    async def _connect(self, url: str) -> StreamLink:
        host, port, secure = place_of(url)
        connection = await self._gate.connect(host, port, purpose=PURPOSE)
        inbox = StreamInbox(connection, close_s=self._timing.close_s)
        try:
            transport = await self._upgrade(url, connection, inbox, secure=secure)
            ready = await self._login(transport, inbox)
        except BaseException:
            connection.reset()
            await inbox.abort()
            connection.finish()
            connection.socket.close()
            raise
        return _Link(transport, inbox, ready)

    async def _upgrade(self, url: str, connection: Connection, inbox: StreamInbox, *, secure: bool) -> WSTransport:
        tls = (self._tls or ssl.create_default_context()) if secure else None
        transport, _ = await ws_connect(
            lambda _request, _response: inbox,
            url,
            ssl_context=tls,
            socket_factory=lambda _url: connection.socket,
            max_redirects=0,
            max_frame_size=LIMITS.message_bytes,
            websocket_handshake_timeout=self._timing.login_s,
            enable_auto_ping=True,
            auto_ping_idle_timeout=self._timing.idle_s,
            auto_ping_reply_timeout=self._timing.reply_s,
            use_aiofastnet=False,  # it crashes the process when SSLKEYLOGFILE is set
            logger_name=_LOGGER,
        )
        if transport.is_disconnected:
            # picows calls a handshake that the server cut short a success.
            raise UnreachableError("the server hung up before the stream began")
        return transport

    async def _login(self, transport: WSTransport, inbox: StreamInbox) -> Ready:
        _send(transport, [Hello(LIMITS.protocol_version, (), b"")])
        hello = await _expect(inbox, Hello)
        if hello.version != LIMITS.protocol_version or len(hello.nonce) != _NONCE_BYTES:
            raise _other_version()
        signature = sign(
            self._key, Purpose.LOGIN, server=self._server, device=self._device, body=b"", nonce=hello.nonce
        )
        _send(transport, [Login(self._device, signature)])
        return await _expect(inbox, Ready)


class _Link:
    """An open stream: the StreamLink port."""

    def __init__(self, transport: WSTransport, inbox: StreamInbox, ready: Ready) -> None:
        self.lease_s = ready.lease_s
        self.one_time_keys = ready.one_time_keys
        self._transport = transport
        self._inbox = inbox
        self._outgoing: list[Frame] = []
        self._flush_due = False

    def send(self, frames: Sequence[Frame]) -> None:
        self._outgoing.extend(frames)
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    async def receive(self) -> Sequence[ServerFrame | UnknownFrame]:
        return await self._inbox.take()

    async def close(self) -> None:
        self._flush()
        await self._inbox.close()

    def _flush(self) -> None:
        self._flush_due = False
        frames, self._outgoing = self._outgoing, []
        _send(self._transport, frames)


def _send(transport: WSTransport, frames: Sequence[Frame]) -> None:
    for batch in batches(frames, [_room(frame) for frame in frames]):
        transport.send(WSMsgType.BINARY, write(batch))


def _room(frame: Frame) -> int:
    if isinstance(frame, Deposit):
        return _SMALL_FRAME_BYTES + sum(_SMALL_FRAME_BYTES + len(part.envelope) for part in frame.parts)
    return _SMALL_FRAME_BYTES


async def _expect(inbox: StreamInbox, kind: type[FrameT]) -> FrameT:
    while True:
        match await inbox.take_one():
            case kind() as frame:
                return frame
            case UnknownFrame():
                pass
            case Error(code=ErrorCode.BAD_LOGIN):
                raise LoginRefusedError("the server does not know this device (any more)")
            case Error(code=ErrorCode.VERSION):
                raise _other_version()
            case _:
                raise UnreachableError("the server answers a login with something else than a login's answer")


def _other_version() -> UnreachableError:
    return UnreachableError("the server speaks another version of the protocol; update Sayso")
