"""Cases of the auditor's contract: seed type x encoding or digest x container, each with its near miss.

An encoding names the steps that the chain of a finding has to have; a container may add steps before them, or
none where the value can be read without undoing it.
"""

import base64
import codecs
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import brotli
import cbor2
import msgspec
import zstandard

from sayso.audit.core.digests import ALGORITHMS
from sayso.audit.core.forms import expand
from sayso.audit.core.forms.form import varint
from sayso.audit.core.needles import base58
from sayso.audit.core.seed_types import Seed

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Encoding:
    """How a value is wrapped, and the steps that undo it."""

    name: str
    apply: Change
    steps: tuple[str, ...]
    binary: bool = False
    alone: bool = False
    """Without a magic number and so found only where a container says where it begins."""


@dataclass(frozen=True)
class Container:
    """What the wrapped value stands in."""

    name: str
    apply: Change
    steps: tuple[str, ...] = ()
    binary: bool = False
    """Whether bytes can stand in it."""
    framed: bool = False
    """Whether it says where they begin and end."""


@dataclass(frozen=True)
class Case:
    """One exchange."""

    seed: str
    what: str
    container: str
    near_miss: bool
    data: bytes
    steps: tuple[str, ...]


def _deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


def _percent(data: bytes) -> bytes:
    return b"".join(b"%%%02X" % byte for byte in data)


def _field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def _xor(key: int) -> Change:
    return lambda data: bytes(byte ^ key for byte in data)


ENCODINGS = (
    Encoding("as it is", lambda data: data, ()),
    Encoding("percent", lambda data: quote(data, safe="").encode(), ()),
    Encoding("percent, every sign", _percent, ("url",)),
    Encoding("percent, twice", lambda data: quote(_percent(data), safe="").encode(), ("url", "url")),
    Encoding("base64", base64.b64encode, ("base64",)),
    Encoding("base64url", lambda data: base64.urlsafe_b64encode(b"\xfb\xef\xbe " + data).rstrip(b"="), ("base64url",)),
    Encoding("base64, second place", lambda data: base64.b64encode(b";" + data), ("base64",)),
    Encoding("base64, third place", lambda data: base64.b64encode(b"; " + data), ("base64",)),
    Encoding("base64, twice", lambda data: base64.b64encode(base64.b64encode(data)), ("base64", "base64")),
    Encoding("base32", base64.b32encode, ("base32",)),
    Encoding("base58", base58, ("base58",)),
    Encoding("hex", lambda data: data.hex().encode(), ("hex",)),
    Encoding("hex, upper", lambda data: data.hex().upper().encode(), ("hex",)),
    Encoding("gzip", lambda data: gzip.compress(data, mtime=0), ("gzip",), binary=True),
    Encoding("zlib", zlib.compress, ("zlib",), binary=True),
    Encoding("zstd", zstandard.compress, ("zstd",), binary=True),
    Encoding("deflate", _deflate, ("deflate",), binary=True, alone=True),
    Encoding("brotli", brotli.compress, ("brotli",), binary=True, alone=True),
    Encoding("gzip in base64", lambda data: base64.b64encode(gzip.compress(data, mtime=0)), ("gzip",)),
    Encoding("deflate in base64", lambda data: base64.b64encode(_deflate(data)), ("deflate",)),
    Encoding("escapes of JSON", lambda data: b"".join(b"\\u%04x" % byte for byte in data), ("json",)),
    Encoding("entities", lambda data: b"".join(b"&#%d;" % byte for byte in data), ("html",)),
    Encoding("quoted-printable", lambda data: b"".join(b"=%02X" % byte for byte in data), ("quoted-printable",)),
    Encoding("UTF-16", lambda data: data.decode().encode("utf-16-le"), ("utf-16le",), binary=True),
    Encoding("XOR in hex", lambda data: _xor(0x11)(data).hex().encode(), ("hex", "xor:11")),
    Encoding("XOR in base64", lambda data: base64.b64encode(_xor(0xA7)(data)), ("xor:a7",)),
    Encoding("reversed", lambda data: data[::-1], ("reversed",)),
    Encoding("lower case", bytes.lower, ()),
    Encoding("upper case", bytes.upper, ()),
    Encoding("rot13", lambda data: codecs.encode(data.decode(), "rot13").encode(), ()),
)
CONTAINERS = (
    Container("alone", lambda data: data, binary=True, framed=True),
    Container("form", lambda data: b"a=1&v=" + data + b"&z=2"),
    Container("JSON", lambda data: b'{"a":1,"v":"' + data + b'","z":2}'),
    Container("JSON in JSON", lambda data: json.dumps({"x": json.dumps({"v": data.decode(), "p": 'a"b'})}).encode()),
    Container(
        "multipart",
        lambda data: b'--B\r\nContent-Disposition: form-data; name="v"\r\n\r\n' + data + b"\r\n--B--\r\n",
        binary=True,
    ),
    Container("XML", lambda data: b"<a><v>" + data + b"</v></a>"),
    Container(
        "protobuf", lambda data: _field(1, b"abc") + _field(2, _field(3, data)) + b"\x20\x05", binary=True, framed=True
    ),
    Container(
        "gRPC", lambda data: b"\0" + len(_field(2, data)).to_bytes(4) + _field(2, data), binary=True, framed=True
    ),
    Container("MessagePack", lambda data: msgspec.msgpack.encode({"a": 1, "v": data}), binary=True, framed=True),
    Container("CBOR", lambda data: cbor2.dumps({"a": 1, "v": data}), binary=True, framed=True),
    Container("JSON in base64", lambda data: base64.b64encode(b'{"v":"' + data + b'"}'), ("base64",), binary=True),
    Container(
        "JWT",
        lambda data: b"eyJhbGciOiJub25lIn0." + base64.urlsafe_b64encode(b'{"sub":"' + data + b'"}').rstrip(b"=") + b".",
    ),
    Container("JSON in gzip", lambda data: gzip.compress(b'{"v":"' + data + b'"}', mtime=0), ("gzip",), binary=True),
    Container("JSON in a query", lambda data: b"q=" + quote(b'{"v":"' + data + b'"}').encode(), binary=True),
)
DIGEST_CONTAINERS = ("alone", "form", "JSON", "protobuf", "JSON in base64", "JSON in gzip")
WRITINGS: Mapping[str, tuple[Change, tuple[str, ...], bool]] = {
    "hex": (lambda value: value.hex().encode(), ("hex",), False),
    "hex, upper": (lambda value: value.hex().upper().encode(), ("hex.upper",), False),
    "base64": (base64.b64encode, ("base64",), False),
    "base64url": (lambda value: base64.urlsafe_b64encode(value).rstrip(b"="), ("base64",), False),
    "base32": (base64.b32encode, ("base32",), False),
    "base32, lower": (lambda value: base64.b32encode(value).rstrip(b"=").lower(), ("base32",), False),
    "raw": (lambda value: value, ("raw",), True),
    "hex[:12]": (lambda value: value.hex()[:12].encode(), ("hex[:12]",), False),
    "hex[:16]": (lambda value: value.hex()[:16].encode(), ("hex[:16]",), False),
    "hex[:32]": (lambda value: value.hex()[:32].encode(), ("hex",), False),
    "base64[:8]": (lambda value: base64.b64encode(value)[:8], ("base64[:8]",), False),
    "base64url[:16]": (lambda value: base64.urlsafe_b64encode(value)[:16], ("base64",), False),
}


def value_of(seed: Seed) -> str:
    """The value as it stands in traffic."""
    return next(form.data.decode() for form in expand(seed) if form.name in {"plain", "e164"} and not form.binary)


def near_miss(value: str) -> str:
    """The value with one sign near its end changed into another of its kind."""
    at = max(place for place, sign in enumerate(value) if sign.isalnum() and place < len(value) - 1)
    sign = value[at]
    other = "q" if sign.isalpha() and sign not in "abcdefABCDEF" else "4" if sign != "4" else "7"
    return value[:at] + other + value[at + 1 :]


def cases(seed: Seed) -> Iterator[Case]:
    """Every case of one seed."""
    value = value_of(seed)
    for text, missed in ((value, False), (near_miss(value), True)):
        plain = text.encode()
        for encoding in ENCODINGS:
            for container in CONTAINERS:
                if encoding.binary and not (container.binary and (container.framed or not encoding.alone)):
                    continue
                encoded = encoding.apply(plain)
                # What a compressor stored as it is can be read without undoing it, and the shortest chain is told.
                steps = () if plain in encoded else encoding.steps
                yield Case(seed.id, encoding.name, container.name, missed, container.apply(encoded), steps)
        for name, algorithm in ALGORITHMS.items():
            for writing, (write, steps, binary) in WRITINGS.items():
                for container in CONTAINERS:
                    if container.name not in DIGEST_CONTAINERS or (binary and not container.binary):
                        continue
                    data = container.apply(write(algorithm(plain)))
                    yield Case(seed.id, f"{name}, {writing}", container.name, missed, data, (*steps, name))
