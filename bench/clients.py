"""Connections of the driver: a sender that keeps a window full, a recipient that acknowledges and counts."""

import asyncio
import os
import ssl
import time
from collections.abc import Coroutine, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.accounts import ENVELOPE_KEY, Account
from bench.wire import DEPOSITED, FIRST_NUMBER, NEWS, Template, acks, deliver_layout, deposits, read_list_head
from sayso.protocol.frames import (
    CaughtUp,
    Deliver,
    Deposited,
    DepositState,
    Hello,
    Login,
    Outcome,
    OutcomeState,
    Ready,
    Refused,
)
from sayso.protocol.ids import KeyDigest
from sayso.protocol.limits import LIMITS
from sayso.protocol.stream import server_frames, write

_BINARY: Final = WSMsgType.BINARY
PATIENCE_S: Final = 120.0
_DELIVERED: Final = int(DepositState.DELIVERED)
_NEWS_DELIVERED: Final = int(OutcomeState.DELIVERED)
_WITHOUT_END: Final = 1 << 40
T = TypeVar("T")


class DriverError(Exception):
    """The server did what it never should: the measurement is void."""


class Watch:
    """Notices a connection that the server ended, or that could not be read: the measurement is void then.

    What waits for the server waits through `of`, so that it does not wait for ever.
    """

    def __init__(self) -> None:
        self._trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def report(self, what: str) -> None:
        """Say what went wrong; the first word counts."""
        if not self._trouble.done():
            self._trouble.set_exception(DriverError(what))
            self._trouble.exception()  # looked at: nobody may be waiting just now

    async def of(self, coroutine: Coroutine[Any, Any, T], *, patience_s: float = PATIENCE_S) -> T:
        """Wait for something.

        Raises:
            DriverError: something went wrong before, or it took too long.
        """
        waiting = asyncio.ensure_future(coroutine)
        either: tuple[asyncio.Future[Any], ...] = (waiting, self._trouble)
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED, timeout=patience_s)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        if self._trouble.done():
            self._trouble.result()
        raise DriverError(f"the server did not do its part in {patience_s:.0f} s")


class Peer(WSListener):
    """One connection of one account."""

    def __init__(self, account: Account, server: KeyDigest, watch: Watch) -> None:
        super().__init__()
        self.account: Final = account
        self.watch: Final = watch
        self._server = server
        self.transport: WSTransport | None = None
        self.ready = asyncio.Event()
        self.caught_up = asyncio.Event()
        self.closing = False

    async def close(self) -> None:
        """Hang up, and wait until that is done."""
        self.closing = True
        if self.transport is not None:
            self.transport.disconnect(graceful=False)
            await self.transport.wait_disconnected()

    def send(self, message: bytes) -> None:
        """Send a message of the stream."""
        if self.transport is not None:
            self.transport.send(_BINARY, message)

    # picows

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Greet."""
        self.transport = transport
        self.send(write([Hello(LIMITS.protocol_version, (), b"")]))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002  picows' signature
        """Take a message."""
        if frame.msg_type != _BINARY:
            return
        message = frame.get_payload_as_memoryview()
        count, offset = read_list_head(message)
        if not self.take_fast(message, count, offset):
            for one in server_frames.read(message):
                self.take(one)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  picows' signature
        """Notice a connection that nobody meant to end."""
        self.transport = None
        if not self.closing:
            self.watch.report("a connection ended: the server closed it, or its message could not be read")

    # for subclasses

    def take_fast(self, message: memoryview, count: int, offset: int) -> bool:  # noqa: ARG002  for subclasses
        """Take a message whose frames are all of the usual kind. False: it is not of such frames."""
        return False

    def take(self, frame: object) -> None:
        """Take a frame of any kind."""
        match frame:
            case Hello():
                signature = self.account.sign_login(frame.nonce, self._server)
                self.send(write([Login(self.account.device, signature)]))
            case Ready():
                self.ready.set()
            case CaughtUp():
                self.caught_up.set()
            case _:
                self.watch.report(f"the server sent {frame!r}")


class Drafts:
    """One sender's deposits for its recipients in turn. They outlive its connections: a retry is byte-identical."""

    def __init__(self, recipients: Sequence[Account], *, size: int) -> None:
        """Draw an origin and a salt; number from the first number that is a multiple of the recipients' count."""
        salt = os.urandom(24)
        self.origin: Final = os.urandom(8)
        self.templates: Final = [
            Template(
                token=one.token,
                device=one.device,
                grant=one.grant,
                origin=self.origin,
                salt=salt,
                size=size,
                envelope_key=ENVELOPE_KEY,
            )
            for one in recipients
        ]
        turn = len(self.templates)
        self.first: Final = -(-FIRST_NUMBER // turn) * turn
        self.next = self.first


class Sender(Peer):
    """Keeps `window` deposits unanswered, until `quota` is used up or `hold` is called."""

    def __init__(self, account: Account, server: KeyDigest, watch: Watch, drafts: Drafts) -> None:
        super().__init__(account, server, watch)
        self.drafts: Final = drafts
        self._window = 0
        self._end = drafts.next
        self.sent = 0
        self.delivered = self.accepted = self.refused = 0
        self.news_delivered = self.news_other = 0
        self.sent_at: dict[int, float] | None = None
        """Where it is a dict, the time of each deposit by its number."""
        self.answer_times: list[float] = []
        self.finished = asyncio.Event()

    @property
    def answered(self) -> int:
        """How many of them were answered."""
        return self.delivered + self.accepted + self.refused

    def run(self, *, window: int, quota: int | None = None) -> None:
        """Fill the window, and keep it full."""
        self._window = window
        self._end = self.drafts.next + (_WITHOUT_END if quota is None else quota)
        self.finished.clear()
        self._fill()

    def deposit(self, count: int) -> None:
        """Make so many deposits now."""
        drafts = self.drafts
        numbers = range(drafts.next, drafts.next + count)
        drafts.next += count
        if self.sent_at is not None:
            self.sent_at.update(dict.fromkeys(numbers, time.perf_counter()))
        self.deposit_again(numbers)

    def deposit_again(self, numbers: Sequence[int]) -> None:
        """Make these deposits, which are drafted already."""
        self.sent += len(numbers)
        for message in deposits(self.drafts.templates, numbers):
            self.send(message)

    def hold(self) -> None:
        """Make no more deposits."""
        self._window = 0
        self._end = self.drafts.next
        self.finished.clear()
        self._check_finished()

    def take_fast(self, message: memoryview, count: int, offset: int) -> bool:
        """See `Peer`."""
        answers = DEPOSITED.read(message, count, offset)
        if answers is not None:
            self.answered_with(answers[1::3], answers[2::3])
            return True
        news = NEWS.read(message, count, offset)
        if news is not None:
            states = news[2::3]
            delivered = states.count(_NEWS_DELIVERED)
            self.news_delivered += delivered
            self.news_other += count - delivered
            return True
        return False

    def take(self, frame: object) -> None:
        """See `Peer`."""
        match frame:
            case Deposited():
                self.answered_with((frame.ref,), (int(frame.state),))
            case Outcome():
                if frame.state is OutcomeState.DELIVERED:
                    self.news_delivered += 1
                else:
                    self.news_other += 1
            case Refused():
                self.refused += 1
                self._check_finished()
            case _:
                super().take(frame)

    def answered_with(self, refs: Sequence[int], states: Sequence[int]) -> None:
        """Take answers."""
        delivered = states.count(_DELIVERED)
        self.delivered += delivered
        self.accepted += len(states) - delivered
        if self.sent_at is not None:
            now = time.perf_counter()
            self.answer_times += [now - self.sent_at[ref] for ref in refs]
        self.go_on()

    def go_on(self) -> None:
        """Fill the window again, unless nothing more is to be deposited."""
        if self._window:
            self._fill()
        self._check_finished()

    def _fill(self) -> None:
        room = min(self._window - (self.sent - self.answered), self._end - self.drafts.next)
        if room > 0:
            self.deposit(room)

    def _check_finished(self) -> None:
        if self.drafts.next >= self._end and self.answered >= self.sent:
            self.finished.set()


class Tally:
    """What one recipient got of whom: kept across its connections."""

    def __init__(self) -> None:
        self._next: dict[bytes, int] = {}
        self._stride: dict[bytes, int] = {}
        self._missing: set[tuple[bytes, int]] = set()
        self.received = self.twice = self.out_of_order = self.strange = 0

    def expect(self, drafts: Drafts, turn: int) -> None:
        """Expect a sender's numbers: the first one plus `turn`, and from there in strides."""
        self._next[drafts.origin] = drafts.first + turn
        self._stride[drafts.origin] = len(drafts.templates)

    def take(self, origins: Iterable[bytes], numbers: Iterable[int]) -> None:
        """Count envelopes."""
        following, stride = self._next, self._stride
        for origin, number in zip(origins, numbers, strict=True):
            self.received += 1
            if following.get(origin) == number:
                following[origin] = number + stride[origin]
            else:
                self._odd(origin, number)

    def lost(self, drafts: Drafts) -> int:
        """How many of a sender's deposits never came."""
        after = -(-(drafts.next - self._next[drafts.origin]) // self._stride[drafts.origin])
        return max(0, after) + sum(origin == drafts.origin for origin, _ in self._missing)

    def _odd(self, origin: bytes, number: int) -> None:
        due = self._next.get(origin)
        if due is None:
            self.strange += 1
        elif number > due:
            self._missing.update((origin, gone) for gone in range(due, number, self._stride[origin]))
            self._next[origin] = number + self._stride[origin]
        elif (origin, number) in self._missing:
            self._missing.remove((origin, number))
            self.out_of_order += 1
        else:
            self.twice += 1


class Recipient(Peer):
    """Acknowledges all that comes, at once, and counts it."""

    def __init__(self, account: Account, server: KeyDigest, watch: Watch, tally: Tally, *, size: int) -> None:
        super().__init__(account, server, watch)
        self.tally: Final = tally
        self._layout: Final = deliver_layout(size)
        self.sent_at: dict[int, float] | None = None
        """The sender's, where the way of each envelope is timed."""
        self.receipt_times: list[float] = []
        self.first_at: float | None = None

    def take_fast(self, message: memoryview, count: int, offset: int) -> bool:
        """See `Peer`."""
        found: tuple[Any, ...] | None = self._layout.read(message, count, offset)
        if found is None:
            return False
        self.received(found[1::4], found[2::4], found[3::4])
        return True

    def take(self, frame: object) -> None:
        """See `Peer`."""
        if isinstance(frame, Deliver):
            number = int.from_bytes(frame.envelope[8:16], "big")
            self.received((frame.envelope_id,), (frame.envelope[:8],), (number,))
        else:
            super().take(frame)

    def received(self, ids: Sequence[bytes], origins: Sequence[bytes], numbers: Sequence[int]) -> None:
        """Take envelopes."""
        self.send(acks(ids))
        if self.sent_at is not None:
            now = time.perf_counter()
            self.receipt_times += [now - self.sent_at[number] for number in numbers]
        if self.first_at is None:
            self.first_at = time.perf_counter()
        self.tally.take(origins, numbers)


@lru_cache(maxsize=1)
def _trusting() -> ssl.SSLContext:
    """Return the driver's end of TLS, which knows no certificate: it drives a server that was made for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


PeerT = TypeVar("PeerT", bound=Peer)


async def connect(peer: PeerT, url: str) -> PeerT:
    """Connect and log in.

    Raises:
        DriverError: the server refused it.
        OSError: nobody listens there.
    """
    await ws_connect(
        lambda: peer,
        url,
        ssl_context=_trusting() if url.startswith("wss:") else None,
        enable_auto_ping=False,
        max_frame_size=LIMITS.message_bytes,
        read_buffer_init_size=16 * 1024,
    )
    await peer.watch.of(peer.ready.wait())
    return peer


async def connect_all(peers: Sequence[PeerT], url: str, *, at_once: int) -> None:
    """Connect many, so many at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(peer: PeerT) -> None:
        async with gate:
            await connect(peer, url)

    async with asyncio.TaskGroup() as tasks:
        for peer in peers:
            tasks.create_task(one(peer))


async def close_all(peers: Iterable[Peer]) -> None:
    """Hang up on all of them."""
    for peer in peers:
        await peer.close()
