"""The stream server: picows connections, turned into calls of the relay.

Frames for one connection are coalesced: they leave as one WebSocket message once per turn of the event loop. picows
lets through what the protocol forbids (text, fragments, reserved bits, frames above the limit that were buffered
already), so every frame is checked here (docs/adr/0007).
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final

import structlog
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from sayso.protocol import stream
from sayso.protocol.api import STREAM_PATH
from sayso.protocol.errors import FrameError
from sayso.protocol.frames import (
    Ack,
    Ask,
    Bye,
    ByeReason,
    Collect,
    Deposit,
    Error,
    ErrorCode,
    Frame,
    Login,
    Recall,
    Withdrawn,
)
from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import LIMITS
from sayso.server.adapters.connections import Connections
from sayso.server.core.budgets import Bucket
from sayso.server.core.lines import Line, LineTable
from sayso.server.core.login import Greeter, LoginRefused, Stage
from sayso.server.core.networks import NetworkName, Standing
from sayso.server.core.relay.entries import Sender
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.relay.outbox import Outbox

_BINARY: Final = WSMsgType.BINARY
_EARLY_FRAMES: Final = 1024
"""Frames that may come while a login is looked at."""
_ERROR_BYTES: Final = 256
"""Upper bound of an encoded error frame."""

log = structlog.get_logger()


class DeviceConnection(WSListener):
    """One connection: the login, then a `Sender` of deposits and a `Link` for the relay, which is its outbox."""

    __slots__ = (
        "_early",
        "_greeter",
        "_mailbox",
        "_network",
        "_nuisances",
        "_out",
        "_sender",
        "_shared",
        "_standing",
        "_timer",
        "_transport",
    )

    def __init__(self, shared: Connections) -> None:
        super().__init__()
        self._shared = shared
        self._out = Outbox(self)
        self._transport: WSTransport | None = None
        self._greeter: Greeter | None = None
        self._mailbox: Mailbox | None = None
        self._sender: Sender | None = None
        self._early: list[Frame] | None = None
        """What came while the login was looked at; None when none is."""
        self._timer: asyncio.TimerHandle | None = None
        self._network: NetworkName | None = None
        self._standing: Standing | None = None
        """None: it was not admitted, and is not counted."""
        self._nuisances: Bucket | None = None

    @property
    def congested(self) -> bool:
        """Whether the client does not read as fast as is written to it."""
        return self._out.congested

    # Outlet

    def stir(self) -> None:
        """See `Outlet`."""
        self._shared.dirty(self)

    def send(self) -> None:
        """See `Outlet`."""
        out = self._out
        frames = out.take()
        transport = self._transport
        if transport is None or out.closed:
            return
        transport.send(_BINARY, stream.write(frames))
        if out.congested and transport.underlying_transport.get_write_buffer_size() > self._shared.limits.unsent_bytes:
            log.info("stream-never-read")
            self.abort()

    def flush(self) -> None:
        """Send what is queued."""
        out = self._out
        if out.frames:
            self.send()
        if out.ended and not out.closed:
            self._close()

    # picows

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Greet."""
        shared = self._shared
        self._transport = transport
        limits = shared.limits
        address = transport.underlying_transport.get_extra_info("peername")
        self._network = shared.networks.name(address[0] if address else None)
        if not shared.networks.admit(self._network):
            log.info("stream-turned-away")
            self._out.cut()
            transport.send_close(WSCloseCode.TRY_AGAIN_LATER)
            transport.disconnect(graceful=False)
            return
        self._standing = Standing.LOGGING_IN
        transport.underlying_transport.set_write_buffer_limits(high=limits.congested_bytes, low=limits.flowing_bytes)
        shared.open.add(self)
        self._greeter = Greeter(
            shared.relay.lines, shared.server, nonce=shared.random.token_bytes(32), now=shared.now()
        )
        self._set_timer(limits.login_s, self.abort)
        self._out.put(self._greeter.hello())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take a WebSocket frame."""
        if self._out.ended:
            return
        if frame.msg_type != _BINARY:
            self._take_other(transport, frame)
            return
        longest = LIMITS.message_bytes if self._greeter is None else self._shared.limits.login_bytes
        if not frame.fin or frame.rsv1 or frame.rsv2 or frame.rsv3 or frame.payload_size > longest:
            self._fail(Error(ErrorCode.MALFORMED, 0, "a message is one unfragmented frame of at most 256 KiB"))
            return
        try:
            frames = stream.client_frames.read(frame.get_payload_as_memoryview())
        except FrameError as error:
            self._fail(Error(ErrorCode.MALFORMED, 0, str(error)))
            return
        shared, out = self._shared, self._out
        now, desk = shared.now(), shared.desk
        at, count = 0, len(frames)
        while at < count and not out.ended:  # after a frame that ended the connection the rest counts no more
            mailbox, sender = self._mailbox, self._sender
            if mailbox is not None and sender is not None:
                at = desk.take(mailbox, sender, frames, at, now=now)
            if at < count and not out.ended:
                self._take(frames[at], now)
                at += 1

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  picows' signature
        """Let go."""
        self._shared.closed(self)
        if self._standing is not None:
            self._shared.networks.gone(self._network, self._standing)
            self._standing = None
        self._transport = None
        self._out.cut()
        self._out.take()
        self._cancel_timer()
        if self._sender is not None:
            self._sender.link = None
            self._shared.desk.left(self._sender)
        if self._mailbox is not None:
            self._shared.relay.logout(self._out, self._mailbox.device)
            self._mailbox = None

    def pause_writing(self) -> None:
        """The client does not read as fast as is written to it: nothing live goes there, and its time is limited."""
        self._out.congested = True
        if self._greeter is not None:
            self.abort()  # before the login nothing is said that could congest an honest client
        elif not self._out.closed:
            self._set_timer(self._shared.limits.congested_s, self._too_slow)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._out.congested = False
        if not self._out.closed:
            self._cancel_timer()
        if self._mailbox is not None:
            self._shared.relay.resume(self._mailbox)

    # inside

    def _take_other(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take a WebSocket frame that is not a binary one."""
        if frame.msg_type == WSMsgType.CLOSE:
            self._close()
        elif frame.msg_type == WSMsgType.PING:
            if self._is_nuisance():
                self.abort()
            elif not self._out.congested:  # who pings and does not read would fill the memory with pongs
                transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type != WSMsgType.PONG:
            self._fail(Error(ErrorCode.MALFORMED, 0, "the stream takes whole binary messages only"))

    def _take(self, frame: object, now: float) -> None:
        mailbox, sender = self._mailbox, self._sender
        if mailbox is None or sender is None:
            self._log_in(frame, now)
            return
        relay, desk = self._shared.relay, self._shared.desk
        match frame:
            case Deposit() | Ack():
                desk.take(mailbox, sender, [frame], 0, now=now)
            case Withdrawn():
                relay.withdrawn(mailbox, frame, now=now)
            case Recall():
                desk.recall(sender, frame, now=now)
            case Ask():
                desk.ask(sender, frame, now=now)
            case Collect():
                relay.collect(frame)
            case stream.UnknownFrame():
                self._say_unknown(frame)
            case Error():
                self._take_error(frame)
            case _:
                self._fail(Error(ErrorCode.UNEXPECTED, 0, "hello and login come once, at the beginning"))

    def _log_in(self, frame: object, now: float) -> None:
        if self._out.ended or self._greeter is None:
            return
        if isinstance(frame, stream.UnknownFrame):
            self._say_unknown(frame)
            return
        if not isinstance(frame, Frame):
            return
        admission = self._shared.admission
        if self._early is not None:
            self._early.append(frame)
            if len(self._early) > _EARLY_FRAMES:
                self.abort()
        elif admission is not None and isinstance(frame, Login):
            self._early = []
            admission.look_up(DeviceId(frame.device), lambda line: self._check(frame, line))
        else:
            self._greet(frame, now)

    def _greet(self, frame: Frame, now: float) -> None:
        if self._greeter is None:
            return
        try:
            device = self._greeter.take(frame, now=now)
        except LoginRefused as refused:
            self._fail(refused.frame)
            return
        if device is None or self._greeter.stage is not Stage.IN:
            return
        if self._shared.admission is None:
            self._let_in(device, now)
        else:
            self._shared.admission.admit(device, lambda: self._admitted(device))

    def _check(self, frame: Login, line: Line | None) -> None:
        """Go on with a login whose line was looked up."""
        if self._greeter is not None and not self._out.ended:
            self._greeter.lines = LineTable([line] if line is not None else [])
            self._greet(frame, self._shared.now())

    def _admitted(self, device: DeviceId) -> None:
        """Go on with a login whose mailbox is here now."""
        if self._out.ended:
            return
        early, self._early = self._early or [], None
        now = self._shared.now()
        self._let_in(device, now)
        for frame in early:
            if not self._out.ended:
                self._take(frame, now)

    def _let_in(self, device: DeviceId, now: float) -> None:
        self._greeter = None
        self._cancel_timer()
        self._begin(device, now)

    def _begin(self, device: DeviceId, now: float) -> None:
        if self._shared.relay.stopping:
            self._out.put(Bye(ByeReason.STOPPING))
            self._out.end()
            return
        if self._standing is not None:
            self._shared.networks.logged_in(self._network)
            self._standing = Standing.IN
        self._sender = Sender(self._out, self._shared.budgets, device)
        self._mailbox = self._shared.relay.login(self._out, device, now=now)

    def _is_nuisance(self) -> bool:
        """Whether this is one ping, unknown frame or error too many."""
        limits, now = self._shared.limits, self._shared.now()
        if self._nuisances is None:
            self._nuisances = Bucket(limits.nuisances, limits.nuisances_per_s, now=now)
        return not self._nuisances.take(now=now)

    def _take_error(self, frame: Error) -> None:
        if self._is_nuisance():
            self.abort()
        else:
            log.info("client-error-frame", code=int(frame.code))

    def _say_unknown(self, frame: stream.UnknownFrame) -> None:
        if self._is_nuisance():
            self.abort()
            return
        self._out.put(Error(ErrorCode.UNKNOWN_FRAME, frame.type, "this server does not know this frame"), _ERROR_BYTES)

    def _fail(self, error: Error) -> None:
        self._out.put(error, _ERROR_BYTES)
        self._out.end()

    def _too_slow(self) -> None:
        log.info("stream-too-slow")
        self.abort()  # a Bye would only join what is not read

    def _close(self) -> None:
        """Say that nothing more comes, and cut off who does not take even that."""
        self._out.cut()
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()
            self._set_timer(self._shared.limits.close_s, self.abort)

    def abort(self) -> None:
        """Cut the connection off."""
        self._out.cut()
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _set_timer(self, seconds: float, action: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, action)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def serve_streams(
    shared: Connections, *, sock: socket.socket, tls: ssl.SSLContext | None, lean: bool = False
) -> asyncio.base_events.Server:
    """Take streams on a bound socket; only `STREAM_PATH` is upgraded.

    The read buffer starts small: it is most of what an idle connection costs. `lean`: use the loop's own transports
    instead of aiofastnet's, which take less time and more memory.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, shared.limits.kernel_bytes)  # inherited by what is accepted

    def accept(request: WSUpgradeRequest) -> DeviceConnection | None:
        return DeviceConnection(shared) if request.path.split(b"?")[0].decode("latin-1") == STREAM_PATH else None

    server: asyncio.base_events.Server = await ws_create_server(
        accept,
        sock=sock,
        ssl=tls,
        max_frame_size=LIMITS.message_bytes,
        read_buffer_init_size=2048,
        websocket_handshake_timeout=shared.limits.handshake_s,
        enable_auto_ping=True,
        enable_auto_pong=False,
        auto_ping_idle_timeout=shared.limits.idle_s,
        auto_ping_reply_timeout=shared.limits.pong_s,
        backlog=4096,
        use_aiofastnet=not lean,
        logger_name="sayso",
    )
    return server
