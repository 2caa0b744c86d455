"""One TCP connection: which protocol it speaks, and what follows from it."""

from collections.abc import Callable, Iterator, Mapping

from sayso.audit.adapters.readers import http1, http2, tls
from sayso.audit.adapters.readers.message import answer_fields, body_field, request_fields, value_of
from sayso.audit.adapters.readers.websocket import Frames
from sayso.audit.core.decode.tokens import is_text
from sayso.audit.core.model import Chunk, Direction, Event, Exchange, Field, NotSeen, Peer, Place
from sayso.audit.core.refused import REASON as REFUSED

MAX_UNDECIDED = 16 * 1024
"""Bytes of a client that are looked at to tell the protocol."""
MAX_PENDING = 100
NO_KEYS = "TLS without its keys"
MISSING = "packets are missing from the capture"
UNKNOWN = "an unknown protocol, searched as bytes"


class Connection:
    """Takes the bytes of both directions in order, and says what they are."""

    def __init__(self, number: Callable[[], int], peer: Peer, time: float | None, *, encrypted: bool = False) -> None:
        self._number = number
        self._record = number()
        self._first = True
        self._peer = peer
        self._time = time
        self._encrypted = encrypted
        self._protocol = ""
        self._undecided = dict.fromkeys(Direction, b"")
        self._sizes = dict.fromkeys(Direction, 0)
        self._halves: dict[Direction, http1.Half] = {}
        self._frames: dict[Direction, Frames] = {}
        self._http2: http2.Connection | None = None
        self._pending: list[tuple[int, http1.Message, float | None]] = []
        self._foreign = dict.fromkeys(Direction, 0)
        """Bytes of a protocol that nobody parses and that are no text."""
        self._refused = False
        self._gap = False

    def gap(self) -> None:
        """A piece of the stream is missing."""
        self._gap = True

    def _next(self) -> int:
        """The number of the next exchange; the first has the connection's own."""
        if self._first:
            self._first = False
            return self._record
        return self._number()

    def feed(self, direction: Direction, data: bytes, time: float | None) -> Iterator[Event]:
        """Take bytes of one direction."""
        self._time = time if time is not None else self._time
        self._sizes[direction] += len(data)
        if not self._protocol:
            yield from self._decide(direction, data)
        else:
            yield from self._take(direction, data)

    def _decide(self, direction: Direction, data: bytes) -> Iterator[Event]:
        self._undecided[direction] += data
        sent, received = self._undecided[Direction.SENT], self._undecided[Direction.RECEIVED]
        if not self._encrypted and (tls.is_record(sent) or (not sent and tls.is_record(received))):
            self._protocol = "tls"  # recorded from its middle: nobody hears the name
            return
        if tls.is_tls(sent) and not self._encrypted:
            name = tls.server_name(sent)
            if name is None and len(sent) < MAX_UNDECIDED:
                return
            self._protocol = "tls"
            if name:
                self._peer = Peer(name.decode("ascii", "backslashreplace").lower(), self._peer.ip, self._peer.port)
                yield Exchange(
                    self._next(), self._time, self._peer, "tls", (Field(Place.SNI, "", name),), encrypted=False
                )
            return
        if sent.startswith(http2.PREFACE):
            self._protocol = "http/2"
            self._http2 = http2.Connection(self._next, self._peer, encrypted=self._encrypted)
        elif http1.begins(sent) and not http2.PREFACE.startswith(sent):
            self._protocol = "http/1.1"
            self._halves = {one: http1.Half(requests=one is Direction.SENT) for one in Direction}
        elif len(sent) >= 24 or len(received) >= 24 or len(sent) + len(received) > MAX_UNDECIDED:  # noqa: PLR2004  the preface
            self._protocol = "tcp"
        else:
            return
        yield from self._flush()

    def _flush(self) -> Iterator[Event]:
        for direction in Direction:
            waiting, self._undecided[direction] = self._undecided[direction], b""
            if waiting:
                yield from self._take(direction, waiting)

    def _take(self, direction: Direction, data: bytes) -> Iterator[Event]:
        match self._protocol:
            case "tls":
                self._refused = self._refused or (direction is Direction.SENT and tls.refuses(data))
            case "http/2" if self._http2 is not None:
                yield from self._http2.feed(direction, data, self._time)
            case "http/1.1":
                yield from self._http1(direction, data)
            case "websocket":
                yield from self._websocket(direction, data)
            case _:
                field = Field(Place.PAYLOAD, "", data, direction)
                self._first = False
                if not is_text(data):
                    self._foreign[direction] += len(data)
                yield Chunk(self._record, self._time, self._peer, "tcp", field, self._encrypted or None)

    def _http1(self, direction: Direction, data: bytes) -> Iterator[Event]:
        try:
            for message in self._halves[direction].feed(data):
                yield from self._message(direction, message)
        except http1.BrokenStreamError as error:
            yield from self._unanswered()
            self._protocol = "tcp"
            yield from self._take(direction, error.rest)

    def _message(self, direction: Direction, message: http1.Message) -> Iterator[Event]:
        if direction is Direction.SENT:
            if not message.first:
                yield self._more(message, direction, self._pending[-1][0] if self._pending else self._record)
                return
            self._pending.append((self._next(), message, self._time))
            self._halves[Direction.RECEIVED].no_body(bodiless=message.method == "HEAD")
            if len(self._pending) > MAX_PENDING:
                yield self._exchange(*self._pending.pop(0), None)
            return
        if 100 <= message.status < 200 and message.status != 101:  # noqa: PLR2004  informational, but for an upgrade
            return
        if not message.first:
            yield self._more(message, direction, self._record)
            return
        if self._pending:
            record, request, time = self._pending.pop(0)
        else:
            record, request, time = self._next(), None, self._time
        self._record = record
        yield self._exchange(record, request, time, message)
        if message.status == 101:  # noqa: PLR2004  switching protocols
            yield from self._upgrade(message)

    def _more(self, message: http1.Message, direction: Direction, record: int) -> Chunk:
        field = body_field(message.headers, message.body, direction)
        return Chunk(record, self._time, self._peer, "http/1.1", field, self._encrypted, end=message.whole)

    def _exchange(
        self, record: int, request: http1.Message | None, time: float | None, answer: http1.Message | None
    ) -> Exchange:
        fields: list[Field] = []
        if request is not None:
            named = value_of(request.headers, b"host").decode("ascii", "backslashreplace").strip().lower()
            if named:
                self._peer = Peer(_bare(named), self._peer.ip, self._peer.port)
            scheme = "https" if self._encrypted else "http"
            url = (
                request.target
                if b"://" in request.target[:12]
                else f"{scheme}://{named or self._peer.host}".encode() + request.target
            )
            fields += request_fields(url, request.headers, request.body)
        if answer is not None:
            fields += answer_fields(answer.reason, answer.headers, answer.body)
        method = request.method if request is not None else ""
        return Exchange(record, time, self._peer, "http/1.1", tuple(fields), self._encrypted, method)

    def _upgrade(self, message: http1.Message) -> Iterator[Event]:
        websocket = value_of(message.headers, b"upgrade").lower() == b"websocket"
        self._protocol = "websocket" if websocket else "tcp"
        self._frames = {one: Frames() for one in Direction}
        for direction in Direction:
            rest = self._halves[direction].rest
            if rest:
                yield from self._take(direction, rest)

    def _websocket(self, direction: Direction, data: bytes) -> Iterator[Event]:
        for message in self._frames[direction].feed(data):
            field = Field(Place.MESSAGE, "", message, direction)
            yield Exchange(self._record, self._time, self._peer, "websocket", (field,), self._encrypted)

    def _unanswered(self) -> Iterator[Event]:
        for record, request, time in self._pending:
            yield self._exchange(record, request, time, None)
        self._pending.clear()

    def end(self) -> Iterator[Event]:
        """The connection is over."""
        if not self._protocol and any(self._undecided.values()):
            self._protocol = "tcp"
            yield from self._flush()
        if self._protocol == "http/1.1":
            for direction in (Direction.SENT, Direction.RECEIVED):
                for message in self._halves[direction].end():
                    yield from self._message(direction, message)
            yield from self._unanswered()
            for direction, half in self._halves.items():
                if half.rest:
                    yield Chunk(
                        self._record,
                        self._time,
                        self._peer,
                        "tcp",
                        Field(Place.PAYLOAD, "", half.rest, direction),
                        self._encrypted,
                    )
        if self._http2 is not None:
            yield from self._http2.end()
        yield from self._not_seen()

    def _not_seen(self) -> Iterator[NotSeen]:
        """What of the connection nobody could look into, and why."""
        if self._protocol == "tls":
            yield self._unseen(REFUSED if self._refused else NO_KEYS, self._sizes)
            return
        if any(self._foreign.values()):
            yield self._unseen(UNKNOWN, self._foreign)
        if self._gap:
            yield self._unseen(MISSING, dict.fromkeys(Direction, 0))

    def _unseen(self, reason: str, sizes: Mapping[Direction, int]) -> NotSeen:
        sent, received = sizes[Direction.SENT], sizes[Direction.RECEIVED]
        return NotSeen(self._record, self._time, self._peer, self._protocol or "tcp", reason, sent, received)


def _bare(authority: str) -> str:
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0].rstrip(".")
