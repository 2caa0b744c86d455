"""HTTP archives (HAR 1.2), of browsers, proxies and PCAPdroid, an entry at a time."""

import binascii
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sayso.audit.adapters.readers.json_stream import ElementError, elements
from sayso.audit.adapters.readers.message import Header, answer_fields, peer_of, request_fields
from sayso.audit.adapters.readers.raw import as_text
from sayso.audit.core.model import Direction, Event, Exchange, Field, Peer, Place
from sayso.audit.errors import CorruptCaptureError

_PROTOCOLS = {"h2": "http/2", "http/2.0": "http/2", "h3": "http/3", "http/3.0": "http/3", "h2c": "http/2"}
_BYTES = ("octet-stream", "protobuf", "grpc", "msgpack", "cbor", "gzip", "image/", "audio/", "video/", "font/")


def read(source: Callable[[int], bytes], name: str) -> Iterator[Event]:
    """Yield an exchange for each entry.

    Raises:
        CorruptCaptureError: the file breaks off or an entry cannot be parsed; all of it was searched, as text at least.
    """
    record = unparsed = 0
    try:
        for element in elements(source, b'"entries"'):
            try:
                entry = msgspec.json.decode(element)
                exchange = _exchange(entry, record)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _BrokenEntryError):
                unparsed += 1
                exchange = _unparsed(element, record)
            yield exchange
            record += 1
    except ElementError as error:
        yield from as_text(source, record, first=error.rest)
        raise CorruptCaptureError(f"{name}: {error.reason} (entry {record}); the rest was searched as text") from None
    if unparsed:
        raise CorruptCaptureError(f"{name}: {unparsed} entries could not be parsed; they were searched as text")


class _BrokenEntryError(Exception):
    """An entry is no object, or has no request."""


def _unparsed(element: bytes, record: int) -> Exchange:
    return Exchange(record, None, Peer(""), "text", (Field(Place.PAYLOAD, "", element),), None)


def _exchange(entry: object, record: int) -> Exchange:
    if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
        raise _BrokenEntryError
    request: dict[str, Any] = entry["request"]
    answer = _member(entry, "response")
    url = _text(request.get("url"))
    peer, encrypted = peer_of(url, _text(entry.get("serverIPAddress")).strip("[]"))
    fields = [*request_fields(_whole_url(url, request), _headers(request), _posted(request))]
    fields += answer_fields(_text(answer.get("statusText")).encode(), _headers(answer), _content(answer))
    if location := _text(answer.get("redirectURL")):
        fields.append(Field(Place.HEADER, "Location", _octets(location), Direction.RECEIVED))
    fields += _messages(entry)
    return Exchange(
        record,
        _moment(entry.get("startedDateTime")),
        peer,
        _protocol(request),
        tuple(fields),
        encrypted,
        _text(request.get("method")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _member(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def _pairs(value: object) -> Iterator[Header]:
    for one in _objects(value):
        yield _octets(_text(one.get("name"))), _octets(_text(one.get("value")))


def _headers(message: Mapping[str, Any]) -> list[Header]:
    headers = list(_pairs(message.get("headers")))
    # Some tools keep cookies apart; where the header is there, they say the same again.
    if not any(name.lower() in {b"cookie", b"set-cookie"} for name, _ in headers):
        name = b"Cookie" if "url" in message else b"Set-Cookie"
        headers += [(name, key + b"=" + value) for key, value in _pairs(message.get("cookies"))]
    return headers


def _whole_url(url: str, request: Mapping[str, Any]) -> bytes:
    if "?" in url:
        return _octets(url)
    query = b"&".join(key + b"=" + value for key, value in _pairs(request.get("queryString")))
    return _octets(url) + (b"?" + query if query else b"")


def _posted(request: Mapping[str, Any]) -> bytes:
    data = _member(request, "postData")
    text = _text(data.get("text"))
    if text:
        return _body(text, _text(data.get("encoding")) or _text(data.get("_encoding")), _text(data.get("mimeType")))
    return b"&".join(
        _octets(_text(one.get("name"))) + b"=" + _octets(_text(one.get("value")) or _text(one.get("fileName")))
        for one in _objects(data.get("params"))
    )


def _content(answer: Mapping[str, Any]) -> bytes:
    content = _member(answer, "content")
    return _body(_text(content.get("text")), _text(content.get("encoding")), _text(content.get("mimeType")))


def _body(text: str, encoding: str, media: str) -> bytes:
    if encoding.lower() == "base64":
        return _from_base64(text)
    if not text.isascii() and any(kind in media.lower() for kind in _BYTES):
        # Tools that know no base64 write each byte as the sign of its number.
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            pass
    return _octets(text)


def _from_base64(text: str) -> bytes:
    try:
        return msgspec.convert(text, bytes)  # seven times as fast as binascii, and stricter
    except msgspec.ValidationError:
        pass
    try:
        return binascii.a2b_base64(text)
    except ValueError:
        return _octets(text)


def _messages(entry: Mapping[str, Any]) -> Iterator[Field]:
    """WebSocket messages, as Chrome and mitmproxy write them."""
    for one in _objects(entry.get("_webSocketMessages")):
        text = _text(one.get("data"))
        binary = one.get("opcode") == 2  # noqa: PLR2004  RFC 6455, 5.2: a binary frame
        direction = Direction.RECEIVED if one.get("type") == "receive" else Direction.SENT
        yield Field(Place.MESSAGE, "", _body(text, "base64" if binary else "", ""), direction)


def _protocol(request: Mapping[str, Any]) -> str:
    name = _text(request.get("httpVersion")).lower()
    return _PROTOCOLS.get(name, name if name.startswith("http/") else "http/1.1")


def _moment(value: object) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
