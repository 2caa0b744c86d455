"""What a reader of captures says, and what the search hears: events.

A reader yields, in the order of the file, `Exchange`, `Chunk`, `NotSeen` and `Mark`. `record` is the 0-based number of
the exchange or flow in its file; several events may share it (an exchange and the WebSocket messages that follow).
"""

import enum
from dataclasses import dataclass
from typing import TypeAlias


class Direction(enum.Enum):
    """Which way bytes went, seen from the phone."""

    SENT = "sent"
    RECEIVED = "received"


class Place(enum.Enum):
    """Where in the traffic a field stands."""

    URL = "url"
    HEADER = "header"
    COOKIE = "cookie"
    """`Cookie` of a request and `Set-Cookie` of an answer; the field's name is the header's."""
    BODY = "body"
    MESSAGE = "message"
    """A WebSocket message, unmasked and inflated."""
    DNS = "dns"
    """A name asked for, in labels with dots; or a text in an answer."""
    SNI = "sni"
    PAYLOAD = "payload"
    """Bytes of a TCP stream or a UDP datagram that nobody parsed further."""
    STATUS = "status"
    """The reason phrase of an answer, or another line of the protocol."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end. `host` is a name if one is known, else the address; empty strings and 0 mean unknown."""

    host: str
    ip: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """One named piece of an exchange.

    `data` is as the application wrote it: bodies with the transfer coding removed and, where the reader can, the
    content coding too (`coding` then names what was removed, as in "gzip"; the search tries what is left).
    """

    place: Place
    name: str
    data: bytes
    direction: Direction = Direction.SENT
    media_type: str = ""
    coding: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange that fits into memory: an HTTP request with its answer, a DNS query, a TLS hello, a datagram."""

    record: int
    time: float | None
    """Unix time in seconds of the first byte; None where the file does not tell."""
    peer: Peer
    protocol: str
    """Lower case: "http/1.1", "http/2", "http/3", "websocket", "dns", "tls", "tcp", "udp", "quic", "text"."""
    fields: tuple[Field, ...]
    encrypted: bool | None
    """Whether it was encrypted on the wire; None where the file does not tell."""
    method: str = ""
    phase: str | None = None
    """Set by a reader that knows the phase itself (marks in a flow file); otherwise the phase file decides by time."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a stream too long for memory, or without an end: bare TCP, a large body.

    Chunks of one `(record, direction, place, name)` come in order; the search keeps what it needs of the one before,
    so that a seed that lies across two is found. `end` lets it forget.
    """

    record: int
    time: float | None
    peer: Peer
    protocol: str
    field: Field
    encrypted: bool | None
    end: bool = False
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class NotSeen:
    """Traffic that could not be looked into: TLS without keys, a pinned connection that failed, unknown protocol."""

    record: int
    time: float | None
    peer: Peer
    protocol: str
    reason: str
    """Lower case, a short sentence that is the same for the same cause: "TLS without its keys"."""
    sent: int
    """Bytes."""
    received: int
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A phase begins here: made while recording."""

    time: float
    phase: str


Event: TypeAlias = Exchange | Chunk | NotSeen | Mark
