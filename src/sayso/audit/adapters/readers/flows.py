"""Flow files of mitmproxy (format 0.11 to 21 and what comes after), read without mitmproxy."""

from collections.abc import Callable, Iterator, Mapping

from sayso.audit.adapters.readers.message import (
    DEFAULT_PORTS,
    answer_fields,
    is_encrypted,
    request_fields,
    value_of,
)
from sayso.audit.adapters.readers.raw import PIECE
from sayso.audit.adapters.readers.tnetstring import MAX_LENGTH_DIGITS, NetstringError, Node
from sayso.audit.core.model import Chunk, Direction, Event, Exchange, Field, NotSeen, Peer, Place
from sayso.audit.core.refused import REASON as REFUSED
from sayso.audit.errors import CorruptCaptureError

MAX_FLOW = 64 * 1024 * 1024
"""A longer flow is searched as bytes, without being parsed."""
BUFFER = 256 * 1024
_NOTHING = Node(b"~", 0, 0, 0x7E)
_HTTP = {"HTTP/1.0": "http/1.0", "HTTP/1.1": "http/1.1", "HTTP/2": "http/2", "HTTP/2.0": "http/2", "HTTP/3": "http/3"}
Members = Mapping[bytes, Node]


def read(source: Callable[[int], bytes], name: str) -> Iterator[Event]:
    """Yield what each flow holds.

    Raises:
        CorruptCaptureError: the file breaks off, or a flow has not the shape of one.
    """
    stream = _Stream(source)
    record = broken = 0
    while (size := stream.length(name)) is not None:
        if size > MAX_FLOW:
            yield from _too_long(stream, size, record)
        else:
            data = stream.take(size + 1)
            if len(data) <= size:
                yield _unparsed(data, record)
                raise CorruptCaptureError(f"{name}: breaks off in flow {record}; what is there was searched")
            try:
                yield from _flow(Node(data, 0, size, data[size]).members(), record)
            except (NetstringError, RecursionError):
                broken += 1
                yield _unparsed(data, record)
        record += 1
    if broken:
        raise CorruptCaptureError(f"{name}: {broken} flows could not be parsed; they were searched as bytes")


class _Stream:
    """A file with a little of it read ahead."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._buffer = b""
        self._at = 0

    def _fill(self, size: int) -> None:
        """Have `size` bytes at hand, if the file has them."""
        if len(self._buffer) - self._at >= size:
            return
        pieces, have = [self._buffer[self._at :]], len(self._buffer) - self._at
        while have < size:
            piece = self._source(max(BUFFER, size - have))
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
        self._buffer, self._at = b"".join(pieces), 0

    def length(self, name: str) -> int | None:
        """The length of the next flow, or None at the end."""
        self._fill(MAX_LENGTH_DIGITS + 1)
        head = self._buffer[self._at : self._at + MAX_LENGTH_DIGITS + 1]
        if not head.strip():
            return None
        digits, colon, _ = head.partition(b":")
        if not colon or not digits.isdigit():
            raise CorruptCaptureError(f"{name}: something that is no flow follows the flows")
        self._at += len(digits) + 1
        return int(digits)

    def take(self, size: int) -> bytes:
        """The next bytes, fewer at the end of the file."""
        self._fill(size)
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        return data


def _unparsed(data: bytes, record: int) -> Exchange:
    return Exchange(record, None, Peer(""), "text", (Field(Place.PAYLOAD, "", data),), None)


def _too_long(stream: _Stream, size: int, record: int) -> Iterator[Event]:
    left = size + 1
    while left > 0 and (piece := stream.take(min(PIECE, left))):
        left -= len(piece)
        yield Chunk(record, None, Peer(""), "text", Field(Place.PAYLOAD, "", piece), None, end=left <= 0)


def _flow(flow: Members, record: int) -> Iterator[Event]:
    kind = flow.get(b"type", _NOTHING).text() or "http"
    match kind:
        case "tcp" | "udp":
            yield from _stream_flow(flow, record, kind)
        case "dns":
            yield _dns(flow, record)
        case "websocket":
            yield from _messages(flow.get(b"messages", _NOTHING), record, *_server(flow))
        case _:
            yield from _http(flow, record)


def _server(flow: Members) -> tuple[Peer, bool | None]:
    """The other end as the connection knows it, and whether it was encrypted."""
    server = flow.get(b"server_conn", _NOTHING).members()
    address = _address(server.get(b"address", _NOTHING))
    reached = (
        _address(server.get(b"peername", _NOTHING))
        if b"peername" in server
        else _address(server.get(b"ip_address", _NOTHING))
    )
    host = server.get(b"sni", _NOTHING).text() or address[0]
    tls = server.get(b"tls") or server.get(b"tls_established") or server.get(b"ssl_established")
    return Peer(host, reached[0], address[1]), tls.true() if tls is not None else None


def _address(node: Node) -> tuple[str, int]:
    items = node.items()
    if not items:  # before format 7: {"address": [host, port], "use_ipv6": false}
        items = node.members().get(b"address", _NOTHING).items()
    if len(items) < 2:  # noqa: PLR2004  a host and a port
        return "", 0
    port = items[1].number()
    return items[0].text(), int(port) if port is not None and 0 <= port < 1 << 16 else 0


def _http(flow: Members, record: int) -> Iterator[Event]:
    request = flow.get(b"request", _NOTHING).members()
    answer = flow.get(b"response", _NOTHING).members()
    server, connected_by_tls = _server(flow)
    scheme = request.get(b"scheme", _NOTHING).text().lower()
    headers = request.get(b"headers", _NOTHING).pairs()
    named = (
        value_of(headers, b":authority") or value_of(headers, b"host") or request.get(b"authority", _NOTHING).octets()
    )
    host = _host(named) or request.get(b"host", _NOTHING).text() or server.host
    port = request.get(b"port", _NOTHING).number()
    peer = Peer(host, server.ip, int(port) if port and 0 < port < 1 << 16 else DEFAULT_PORTS.get(scheme, server.port))
    encrypted = is_encrypted(scheme)
    fields = [
        *request_fields(_url(scheme, peer, request), headers, _content(request)),
        *_trailers(request, Direction.SENT),
        *answer_fields(_reason(answer), answer.get(b"headers", _NOTHING).pairs(), _content(answer)),
        *_trailers(answer, Direction.RECEIVED),
    ]
    encrypted = connected_by_tls if encrypted is None else encrypted
    yield Exchange(
        record,
        request.get(b"timestamp_start", _NOTHING).number(),
        peer,
        _HTTP.get(_version(request), "http/1.1"),
        tuple(fields),
        encrypted,
        request.get(b"method", _NOTHING).text(),
    )
    yield from _refused(flow, record, peer, request)
    socket = flow.get(b"websocket", _NOTHING).members()
    if socket:
        yield from _messages(socket.get(b"messages", _NOTHING), record, peer, encrypted)


def _refused(flow: Members, record: int, peer: Peer, request: Members) -> Iterator[NotSeen]:
    """A flow that ended in an error of TLS: the app did not accept the proxy's certificate."""
    message = flow.get(b"error", _NOTHING).members().get(b"msg", _NOTHING).text().lower()
    if "tls" in message or "certificate" in message or "ssl" in message:
        when = request.get(b"timestamp_start", _NOTHING).number()
        yield NotSeen(record, when, peer, "tls", REFUSED, 0, 0)


def _version(request: Members) -> str:
    version = request.get(b"http_version", request.get(b"httpversion", _NOTHING))
    parts = version.items()
    return version.text() or ("HTTP/" + ".".join(part.raw.decode("latin-1") for part in parts) if parts else "")


def _host(authority: bytes) -> str:
    text = authority.decode("latin-1").rpartition("@")[2]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".").lower()


def _url(scheme: str, peer: Peer, request: Members) -> bytes:
    path = request.get(b"path", _NOTHING).octets()
    if b"://" in path[:12]:
        return path
    port = "" if peer.port in {0, DEFAULT_PORTS.get(scheme)} else f":{peer.port}"
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    return f"{scheme or 'http'}://{host}{port}".encode("utf-8", "backslashreplace") + path


def _content(message: Members) -> bytes:
    return message.get(b"content", _NOTHING).octets()


def _reason(answer: Members) -> bytes:
    return answer.get(b"reason", answer.get(b"msg", _NOTHING)).octets()


def _trailers(message: Members, direction: Direction) -> Iterator[Field]:
    for name, value in message.get(b"trailers", _NOTHING).pairs():
        yield Field(Place.HEADER, name.decode("latin-1"), value, direction)


def _messages(messages: Node, record: int, peer: Peer, encrypted: bool | None) -> Iterator[Event]:  # noqa: FBT001  as in Exchange
    for message in messages.items():
        parts = message.items()
        if len(parts) < 4:  # noqa: PLR2004  opcode, from the client, content, time
            continue
        direction = Direction.SENT if parts[1].true() else Direction.RECEIVED
        field = Field(Place.MESSAGE, "", parts[2].octets(), direction)
        yield Exchange(record, parts[3].number(), peer, "websocket", (field,), encrypted)


def _stream_flow(flow: Members, record: int, protocol: str) -> Iterator[Event]:
    peer, encrypted = _server(flow)
    for message in flow.get(b"messages", _NOTHING).items():
        parts = message.items()
        if len(parts) < 3:  # noqa: PLR2004  from the client, content, time
            continue
        direction = Direction.SENT if parts[0].true() else Direction.RECEIVED
        field = Field(Place.PAYLOAD, "", parts[1].octets(), direction)
        if protocol == "udp":
            yield Exchange(record, parts[2].number(), peer, protocol, (field,), encrypted)
        else:
            yield Chunk(record, parts[2].number(), peer, protocol, field, encrypted)


def _dns(flow: Members, record: int) -> Exchange:
    peer, encrypted = _server(flow)
    request = flow.get(b"request", _NOTHING).members()
    fields = [
        Field(Place.DNS, "", question.members().get(b"name", _NOTHING).octets())
        for question in request.get(b"questions", _NOTHING).items()
    ]
    answer = flow.get(b"response", _NOTHING).members()
    for resource in answer.get(b"answers", _NOTHING).items():
        data = resource.members().get(b"data", _NOTHING).octets()
        if data:
            fields.append(Field(Place.DNS, "answer", data, Direction.RECEIVED))
    return Exchange(record, request.get(b"timestamp", _NOTHING).number(), peer, "dns", tuple(fields), encrypted)
