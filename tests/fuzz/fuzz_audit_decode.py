"""The auditor's decoders on hostile bytes: views or nothing, never an error; slowly, the whole search on them."""

import base64
import gzip
import zlib

import brotli
import cbor2
import msgspec
import zstandard

from sayso.audit.core.decode import binary, compressed, lzstring, text, tokens
from tests.fakes.audit_world import exchange, scanner

LIMIT = 1 << 16
SLOW_EXECUTIONS = 2_000
_SEED = b"imei=490154203237518&n=+447700900123"


def fuzz_one(data: bytes) -> None:
    """Undo one layer in every way."""
    views = list(text.whole_view(data))
    views += text.utf16(data)
    if data:
        views += binary.containers(data)
    views += lzstring.from_token(data[:200], LIMIT)
    views += lzstring.from_utf16(data[:200], LIMIT)
    for token in [one for several in tokens.worth_a_look(tokens.separate(data)) for one in several][:20]:
        tokens.from_base64(token)
        views += tokens.unaligned(token)
        views += tokens.base32(token)
    for inflated in compressed.by_magic(data, LIMIT):
        if len(inflated.data) > LIMIT:
            raise AssertionError("larger than its bound")
    if any(not isinstance(view, bytes) for _, view in views):
        raise AssertionError("no bytes")


_SCANNER = scanner()


def slow_one(data: bytes) -> None:
    """Search the bytes to the end of every chain."""
    list(compressed.by_trial(data, LIMIT))
    _SCANNER.feed(exchange(data))


def seeds() -> list[bytes]:
    """One of each encoding."""
    document = {"id": 490154203237518, "n": ["+447700900123", b"\x00\xff" * 5]}
    return [
        _SEED,
        gzip.compress(_SEED),
        zlib.compress(_SEED),
        zstandard.compress(_SEED),
        brotli.compress(_SEED),
        base64.b64encode(_SEED),
        base64.b32encode(_SEED),
        _SEED.hex().encode(),
        msgspec.msgpack.encode(document),
        cbor2.dumps(document),
        b"\x0a\x0f490154203237518\x12\x06\x0a\x04text\x18\x8e\x99\xad\xd9\xae\xf9\x6f",
        b"\x00\x00\x00\x00\x06\x0a\x04text",
        _SEED.decode().encode("utf-16-le"),
        rb'{"a":"\u0034\ud83d\ude00\/","b":"{\"c\":1}"}',
        b"a%2534%u0040&amp;&#64;&#x40;=40=2E=\r\n=?utf-8?Q?=40?= =?utf-8?B?QUJD?=",
        b"N4IglgtgpmIFwgCwE4AMBGArIgTKgzDvgOyboAcIANCAB7wDa6VOV",
    ]
