"""Devices that do what a phone's store would: send in order, retry byte for byte, dedupe, acknowledge, recall."""

import asyncio
import hashlib
import itertools
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final
from urllib.parse import urlsplit

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.accounts import ENVELOPE_KEY, Account, account
from sayso.protocol.frames import (
    Ack,
    Bye,
    CaughtUp,
    Deliver,
    Deposit,
    Deposited,
    DepositState,
    Frame,
    Hello,
    Login,
    Outcome,
    OutcomeState,
    Part,
    Ready,
    Recall,
    Refused,
    Unreadable,
    Withdraw,
    Withdrawn,
    WrongDevices,
)
from sayso.protocol.ids import KeyDigest, envelope_id, handle_hash
from sayso.protocol.limits import LIMITS
from sayso.protocol.stream import server_frames, write
from tests.integration.load.history import History, Message

_HEAD: Final = struct.Struct(">III")
_WINDOW: Final = 8
"""Deposits that one device has unanswered."""
_PATIENCE_S: Final = 8.0
"""A phone that hears nothing for so long, and waits for an answer, connects elsewhere."""
_LOOK_S: Final = 0.5
_RETRY_S: Final = 0.3


@dataclass(frozen=True)
class Door:
    """One server process, as phones reach it."""

    url: str
    dial: Callable[[], Awaitable[socket.socket]]


@dataclass
class _Sent:
    message: Message
    envelope: bytes
    handle: bytes
    tried: bool = False


class Phone:
    """One device."""

    def __init__(self, place: int, doors: Sequence[Door], history: History, server: KeyDigest, *, seed: int) -> None:
        self.account: Account = account(place)
        self.place = place
        self.online = True
        """Whether it wants to be connected."""
        self._doors = doors
        self._history = history
        self._server = server
        self._random = Random(seed * 1000 + place)
        self._outbox: list[_Sent] = []
        self._numbers: dict[int, int] = {}
        self._refs = itertools.count(1)
        self._unanswered: dict[int, _Sent] = {}
        self._recalls: dict[bytes, tuple[_Sent, int | None]] = {}
        """By handle hash: what is to be recalled, and the ref of the recall on this connection."""
        self._had: dict[bytes, Message] = {}
        self._never: set[bytes] = set()
        self._connection: _Connection | None = None
        self._stirred = asyncio.Event()
        self.logins = 0

    @property
    def settled(self) -> bool:
        """Whether everything that it sent is answered."""
        return not (self._outbox or self._unanswered or self._recalls)

    def send(self, recipient: int) -> None:
        """Queue a message."""
        number = self._numbers.get(recipient, 0) + 1
        self._numbers[recipient] = number
        message = (self.place, recipient, number)
        body = _HEAD.pack(*message) + self._random.randbytes(200)
        self._history.sent[message] = 0.0
        self._outbox.append(_Sent(message, body, hashlib.sha256(body).digest()))
        self._push()

    def recall(self, sent: _Sent) -> None:
        """Take a message back."""
        self._recalls[handle_hash(sent.handle)] = (sent, None)
        self._push()

    async def run(self) -> None:
        """Be a phone until cancelled: whichever door opens."""
        door = self._random.randrange(len(self._doors))
        while True:
            if not self.online:
                await asyncio.sleep(_RETRY_S)
                continue
            with suppress(OSError, WSError, TimeoutError):
                await self._session(self._doors[door % len(self._doors)])
            self._connection = None
            for one in self._unanswered.values():
                one.tried = True
            self._outbox = [*self._unanswered.values(), *self._outbox]
            self._unanswered = {}
            self._recalls = {digest: (sent, None) for digest, (sent, _) in self._recalls.items()}
            door += self._random.randrange(1, len(self._doors) + 1)
            await asyncio.sleep(_RETRY_S * self._random.random())

    async def _session(self, door: Door) -> None:
        connection = _Connection(self._take)
        async with asyncio.timeout(_PATIENCE_S):
            sock = await door.dial()
            await ws_connect(
                lambda *_: connection,
                door.url,
                socket_factory=lambda _: sock,
                use_aiofastnet=False,
                logger_name="tests",
            )
        self._connection = connection
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await connection.ready.wait()
            self.logins += 1
            while not connection.closed.is_set() and self.online:
                heard, waiting = connection.heard, bool(self._unanswered or self._recalls)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PATIENCE_S if waiting else _LOOK_S):
                        await connection.closed.wait()
                if waiting and heard == connection.heard:
                    return
        finally:
            connection.abort()

    def _push(self) -> None:
        """Send what may go."""
        connection = self._connection
        if connection is None or not connection.ready.is_set() or connection.closed.is_set():
            return
        frames: list[Frame] = []
        while self._outbox and len(self._unanswered) < _WINDOW:
            sent = self._outbox.pop(0)
            ref = next(self._refs)
            self._unanswered[ref] = sent
            to = account(sent.message[1])
            part = Part(to.device, ENVELOPE_KEY, handle_hash(sent.handle), sent.envelope)
            frames.append(Deposit(ref, to.token, 3600, to.grant, [part], again=sent.tried))
        for digest, (sent, asked) in list(self._recalls.items()):
            if asked is None:
                ref = next(self._refs)
                self._recalls[digest] = (sent, ref)
                frames.append(Recall(ref, sent.handle))
        if frames:
            connection.say(*frames)

    def _take(self, connection: "_Connection", frame: object) -> None:
        match frame:
            case Hello(nonce=nonce):
                signature = self.account.sign_login(nonce, self._server)
                connection.say(Hello(LIMITS.protocol_version, (), b""), Login(self.account.device, signature))
            case Ready():
                connection.ready.set()
                self._push()
            case Deliver(envelope=envelope):
                self._deliver(connection, envelope)
            case Withdraw(envelope_id=named):
                if named not in self._had:
                    self._never.add(named)
                connection.say(Withdrawn(named, named in self._had))
            case Deposited() | Refused() | WrongDevices() | Outcome():
                self._told(frame)
            case _:
                assert isinstance(frame, (CaughtUp, Bye)), type(frame)

    def _told(self, frame: Deposited | Refused | WrongDevices | Outcome) -> None:
        match frame:
            case Deposited(ref=ref, state=state):
                self._answered(ref, state)
            case Refused(ref=ref, reason=reason):
                self._history.refused[self._unanswered.pop(ref).message] = reason
                self._push()
            case WrongDevices():
                raise AssertionError("the device list is right")
            case Outcome(ref=ref, handle_hash=digest, state=outcome):
                self._outcome(ref, digest, outcome)

    def _deliver(self, connection: "_Connection", envelope: bytes) -> None:
        named = envelope_id(envelope)
        if named in self._never:
            connection.say(Withdrawn(named, had_it=False))
            return
        if named in self._had:
            self._history.repeated += 1
        else:
            sender, recipient, number = _HEAD.unpack_from(envelope)
            message = (sender, recipient, number)
            self._had[named] = message
            self._history.shown[self.place].append(message)
        connection.say(Ack(named, Unreadable.SHOWN))

    def _answered(self, ref: int, state: DepositState) -> None:
        sent = self._unanswered.pop(ref)
        self._history.told[sent.message] = state
        if state is DepositState.ACCEPTED and self._random.random() < 0.2:
            self.recall(sent)
        self._push()

    def _outcome(self, ref: int, digest: bytes, state: OutcomeState) -> None:
        if digest not in self._recalls:
            return
        sent, _ = self._recalls[digest]
        self._history.outcomes[sent.message] = state
        if state in {OutcomeState.IN_DOUBT, OutcomeState.WAITING, OutcomeState.TOO_EARLY}:
            if ref:  # ask again in a while
                asyncio.get_running_loop().call_later(1.0, self._ask_again, digest)
            return
        del self._recalls[digest]

    def _ask_again(self, digest: bytes) -> None:
        if digest in self._recalls:
            self._recalls[digest] = (self._recalls[digest][0], None)
            self._push()


class _Connection(WSListener):
    """One stream."""

    def __init__(self, take: Callable[["_Connection", object], None]) -> None:
        super().__init__()
        self.ready = asyncio.Event()
        self.closed = asyncio.Event()
        self.heard = 0
        self._take = take
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect(graceful=False)
        elif frame.msg_type == WSMsgType.BINARY:
            self.heard += 1
            for one in server_frames.read(frame.get_payload_as_bytes()):
                self._take(self, one)
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  picows' signature
        self.closed.set()
        self._transport = None

    def say(self, *frames: Frame) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.BINARY, write(frames))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(graceful=False)


async def dial_loopback(url: str) -> socket.socket:
    """Connect to a server on this machine."""
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", urlsplit(url).port or 0))
    return sock
