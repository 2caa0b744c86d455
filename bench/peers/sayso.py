"""The stream's protocol for a bench of several servers: its messages of 1 KiB as envelopes."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from adapters import base  # type: ignore[import-not-found]  # of the bench that loads this file
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.accounts import ENVELOPE_KEY, account
from bench.wire import DEPOSITED, NEWS, acks, deliver_layout, list_head, read_list_head
from sayso.protocol.frames import CaughtUp, Deliver, Deposit, Deposited, Hello, Login, Part, Ready
from sayso.protocol.ids import KeyDigest
from sayso.protocol.limits import HOUR, LIMITS
from sayso.protocol.stream import server_frames, write

_FIRST_REF: Final = 2**32
_REF: Final = 0x0015A3F1_9C47D28B
_HEAD: Final = b"\xfe\xed-a-head-\xfe\xed"
_PER_MESSAGE: Final = 128
_LAYOUT: Final = deliver_layout(base.PAYLOAD_LEN)


@lru_cache(maxsize=4096)
def _pieces(to: int, salt: bytes) -> tuple[bytes, ...]:
    """Return a deposit for user `to`, cut where the ref and the message's head go."""
    one = account(to)
    part = Part(one.device, ENVELOPE_KEY, salt + _HEAD, _HEAD + base.TAIL)
    frame = write([Deposit(_REF, one.token, HOUR, one.grant, [part], again=False)])[1:]
    before, after = frame.split(_REF.to_bytes(8, "big"))
    first, second, third = after.split(_HEAD)
    return before, first, second, third


class Link(WSListener):
    """One account's connection, as the bench wants it."""

    max_window = 32
    needs_enrolment = False

    def __init__(
        self,
        opts: dict[str, Any],
        user: int,
        on_ack: Callable[[int], None] = lambda _count: None,
        on_recv: Callable[[Sequence[bytes]], None] = lambda _heads: None,
        on_lost: Callable[[str], None] = lambda _why: None,
    ) -> None:
        super().__init__()
        self._opts = opts
        self._account = account(user)
        self._on_ack, self._on_recv, self._on_lost = on_ack, on_recv, on_lost
        self._transport: WSTransport | None = None
        self._salt = os.urandom(32 - base.HEAD_LEN)
        self._ref = _FIRST_REF
        self._closing = False

    # What the bench calls

    async def login(self) -> None:
        """Connect and log in."""
        import asyncio  # noqa: PLC0415  the bench sets its loop first

        self._ready = asyncio.Event()
        url = f"ws://127.0.0.1:{self._opts['port']}/v1/stream"
        await ws_connect(
            lambda: self, url, enable_auto_ping=False, max_frame_size=LIMITS.message_bytes, read_buffer_init_size=16384
        )
        async with asyncio.timeout(60):
            await self._ready.wait()

    async def receive(self) -> None:
        """Receiving begins with the login."""

    async def introduce(self, to: int) -> None:
        """Nothing has to be agreed on."""

    def send(self, to: int, heads: Sequence[bytes]) -> None:
        """Deposit one message for each head."""
        before, first, second, third = _pieces(to, self._salt)
        for start in range(0, len(heads), _PER_MESSAGE):
            chunk = heads[start : start + _PER_MESSAGE]
            out = [list_head(len(chunk))]
            for head in chunk:
                out += (before, self._ref.to_bytes(8, "big"), first, head, second, head, third)
                self._ref += 1
            self._say(b"".join(out))

    async def close(self) -> None:
        """Leave."""
        self._closing = True
        if self._transport is not None:
            self._transport.disconnect(graceful=False)
            await self._transport.wait_disconnected()

    # picows

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Greet."""
        self._transport = transport
        self._say(write([Hello(LIMITS.protocol_version, (), b"")]))

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  picows' signature
        """Notice a connection that nobody meant to end."""
        if not self._closing:
            self._on_lost("the server ended the connection")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002  picows' signature
        """Take a message."""
        if frame.msg_type != WSMsgType.BINARY:
            return
        message = frame.get_payload_as_memoryview()
        count, offset = read_list_head(message)
        if DEPOSITED.read(message, count, offset) is not None:
            self._on_ack(count)
        elif (found := _LAYOUT.read(message, count, offset)) is not None:
            tails = [number.to_bytes(8, "big")[: base.HEAD_LEN - 8] for number in found[3::4]]
            self._received([origin + tail for origin, tail in zip(found[2::4], tails, strict=True)], found[1::4])
        elif NEWS.read(message, count, offset) is None:
            self._take_each(message)

    def _take_each(self, message: memoryview) -> None:
        answered = 0
        for one in server_frames.read(message):
            match one:
                case Hello():
                    server = KeyDigest(bytes.fromhex(self._opts["key"]))
                    self._say(write([Login(self._account.device, self._account.sign_login(one.nonce, server))]))
                case Deliver():
                    self._received([one.envelope[: base.HEAD_LEN]], [one.envelope_id])
                case Deposited():
                    answered += 1
                case CaughtUp():
                    self._ready.set()
                case Ready() | _:
                    pass
        if answered:
            self._on_ack(answered)

    def _received(self, heads: Sequence[bytes], ids: Sequence[bytes]) -> None:
        self._on_recv(heads)
        self._say(acks(ids))

    def _say(self, message: bytes) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.BINARY, message)
