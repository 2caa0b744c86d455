"""An HTTP message as the fields that the search looks at."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sayso.audit.core.model import Direction, Exchange, Field, Peer, Place

Header = tuple[bytes, bytes]
DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_ENCRYPTED = {"https": True, "wss": True, "http": False, "ws": False}
_COOKIES = frozenset({b"cookie", b"set-cookie"})


def value_of(headers: Iterable[Header], name: bytes) -> bytes:
    """The first header of a name in lower case; empty where there is none."""
    return next((value for key, value in headers if key.lower() == name), b"")


def is_encrypted(scheme: str) -> bool | None:
    """Whether a scheme means TLS; None where it does not say."""
    return _ENCRYPTED.get(scheme.lower())


def request_fields(url: bytes, headers: Iterable[Header], body: bytes) -> Iterator[Field]:
    """The fields of a request."""
    yield Field(Place.URL, "", url)
    yield from _rest(list(headers), body, Direction.SENT)


def answer_fields(reason: bytes, headers: Iterable[Header], body: bytes) -> Iterator[Field]:
    """The fields of an answer."""
    if reason:
        yield Field(Place.STATUS, "", reason, Direction.RECEIVED)
    yield from _rest(list(headers), body, Direction.RECEIVED)


def _rest(headers: list[Header], body: bytes, direction: Direction) -> Iterator[Field]:
    for name, value in headers:
        place = Place.COOKIE if name.lower() in _COOKIES else Place.HEADER
        yield Field(place, name.decode("latin-1"), value, direction)
    if body:
        yield body_field(headers, body, direction)


def body_field(headers: Iterable[Header], body: bytes, direction: Direction) -> Field:
    """A body with what its headers say of it."""
    several = list(headers)
    media = value_of(several, b"content-type").decode("latin-1")
    coding = value_of(several, b"content-encoding").decode("latin-1").strip().lower()
    return Field(Place.BODY, "", body, direction, media, "" if coding == "identity" else coding)


def peer_of(url: str, ip: str = "") -> tuple[Peer, bool | None]:
    """The host that a URL names, and whether it is reached by TLS. A broken URL names none."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme.lower(), 0)
        return Peer((parts.hostname or "").rstrip("."), ip, port), is_encrypted(parts.scheme)
    except ValueError:
        return Peer("", ip), None


def exchange_of(
    record: int,
    time: float | None,
    peer: Peer,
    protocol: str,
    *,
    encrypted: bool,
    sent: tuple[list[Header], bytes],
    received: tuple[list[Header], bytes],
) -> Exchange:
    """An exchange of HTTP/2 or HTTP/3, whose request has its line among the headers (RFC 9113, 8.3; RFC 9114, 4.3).

    Args:
        record: its number.
        time: of its first byte.
        peer: the other end, whose name the request may tell better.
        protocol: "http/2" or "http/3".
        encrypted: on the wire.
        sent: headers and body of the request.
        received: of the answer.
    """
    asked, body = sent
    authority = value_of(asked, b":authority") or value_of(asked, b"host")
    host = authority.decode("ascii", "backslashreplace").rpartition("@")[2].lower()
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].rstrip(".")
    peer = Peer(name or peer.host, peer.ip, peer.port)
    fields: list[Field] = []
    if asked or body:
        scheme = value_of(asked, b":scheme") or (b"https" if encrypted else b"http")
        url = scheme + b"://" + (authority or peer.host.encode()) + value_of(asked, b":path")
        fields += request_fields(url, _own(asked), body)
    fields += answer_fields(b"", _own(received[0]), received[1])
    method = value_of(asked, b":method").decode("ascii", "backslashreplace")
    return Exchange(record, time, peer, protocol, tuple(fields), encrypted, method)


def _own(headers: list[Header]) -> list[Header]:
    """Headers without those that stand for the first line."""
    return [(name, value) for name, value in headers if not name.startswith(b":")]
