"""Decompression, bounded: what would grow beyond its bound is cut there, and the cut is told (decompression bombs)."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import brotli
import zstandard

from sayso.audit.core.decode.tokens import is_text

GZIP = b"\x1f\x8b\x08"
ZSTD = b"\x28\xb5\x2f\xfd"
ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
ZIP = b"PK\x03\x04"
_ZIP_HEAD = 30
_ZIP_DEFLATED = 8
MAX_PLACES = 16
"""Where a magic number is looked for inside a view: framings put a few bytes before."""
MAX_MEMBERS = 64
_PROBE_IN = 256
_PROBE_OUT = 64
_MIN_PROBED = 8
_ZSTD_WINDOW = 8 * 1024 * 1024
"""RFC 8878 asks decoders to take 8 MiB; more is memory for the asking."""


@dataclass(frozen=True, slots=True)
class Inflated:
    """What came out, and whether it was cut at its bound."""

    coding: str
    data: bytes
    cut: bool = False


def _inflate(data: bytes, wbits: int, limit: int) -> tuple[bytes, bytes, bool]:
    """(what came out, what is left of the input, cut); a broken stream yields what comes before the break."""
    out = bytearray()
    engine = zlib.decompressobj(wbits)
    piece = data
    try:
        while piece and not engine.eof and len(out) < limit:
            out += engine.decompress(piece, min(limit - len(out), 1 << 20))
            piece = engine.unconsumed_tail
    except zlib.error:
        return bytes(out), b"", False
    return bytes(out), engine.unused_data, len(out) >= limit and not engine.eof


def gzip(data: bytes, limit: int) -> Inflated:
    """RFC 1952, members one after the other."""
    out = bytearray()
    rest = data
    cut = False
    for _ in range(MAX_MEMBERS):
        piece, rest, cut = _inflate(rest, 31, limit - len(out))
        out += piece
        if cut or not rest.startswith(GZIP):
            break
    return Inflated("gzip", bytes(out), cut)


def deflate(data: bytes, limit: int, *, raw: bool) -> Inflated:
    """RFC 1951 without (`raw`) or within RFC 1950."""
    out, _, cut = _inflate(data, -15 if raw else 15, limit)
    return Inflated("deflate" if raw else "zlib", out, cut)


def unbrotli(data: bytes, limit: int) -> Inflated:
    """RFC 7932."""
    engine = brotli.Decompressor()
    out = bytearray()
    try:
        out += engine.process(data, output_buffer_limit=limit)
        while len(out) < limit and not engine.is_finished() and not engine.can_accept_more_data():
            out += engine.process(b"", output_buffer_limit=limit - len(out))
    except brotli.error:
        return Inflated("brotli", bytes(out))
    return Inflated("brotli", bytes(out[:limit]), len(out) >= limit and not engine.is_finished())


def unzstd(data: bytes, limit: int) -> Inflated:
    """RFC 8878."""
    out = bytearray()
    engine = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    cut = False
    try:
        with engine.stream_reader(data, read_across_frames=True) as reader:
            while piece := reader.read(min(1 << 20, limit - len(out))):
                out += piece
                if len(out) >= limit:
                    cut = bool(reader.read(1))
                    break
    except zstandard.ZstdError:
        return Inflated("zstd", bytes(out))
    return Inflated("zstd", bytes(out), cut)


def unzip(view: bytes, limit: int) -> Iterator[Inflated]:
    """The members of a ZIP archive (APPNOTE 4.3.7) by their local headers: a cut archive has no directory."""
    at = view.find(ZIP)
    for _ in range(MAX_MEMBERS):
        if at < 0 or at + _ZIP_HEAD > len(view):
            return
        method = int.from_bytes(view[at + 8 : at + 10], "little")
        start = at + _ZIP_HEAD + int.from_bytes(view[at + 26 : at + 28], "little")
        start += int.from_bytes(view[at + 28 : at + 30], "little")
        if method == _ZIP_DEFLATED and _probe(view[start : start + _PROBE_IN], -15):
            member = deflate(view[start:], limit, raw=True)
            yield Inflated("zip", member.data, member.cut)
        at = view.find(ZIP, at + len(ZIP))


def by_magic(view: bytes, limit: int) -> Iterator[Inflated]:
    """Everything in a view that begins like gzip, zlib or zstd, also behind the few bytes of a framing."""
    for magic in (GZIP, ZSTD):
        at = view.find(magic)
        for _ in range(MAX_PLACES):
            if at < 0:
                break
            piece = view[at:] if at else view
            yield gzip(piece, limit) if magic is GZIP else unzstd(piece, limit)
            at = view.find(magic, at + 1)
    if ZIP in view:
        yield from unzip(view, limit)
    for magic in ZLIB:
        at = view.find(magic)
        for _ in range(MAX_PLACES if at <= MAX_PLACES else 1):
            if at < 0:
                break
            if _probe(view[at : at + _PROBE_IN], 15):
                yield deflate(view[at:], limit, raw=False)
            at = view.find(magic, at + 1)


def _probe(head: bytes, wbits: int) -> bytes:
    engine = zlib.decompressobj(wbits)
    try:
        return engine.decompress(head, _PROBE_OUT)
    except zlib.error:
        return b""


def by_trial(view: bytes, limit: int) -> Iterator[Inflated]:
    """Raw deflate and brotli have no magic: a view is one of them if it begins to decode to something readable."""
    if len(view) < _MIN_PROBED:
        return
    block_type = view[0] >> 1 & 3
    if block_type in {1, 2}:
        head = _probe(view[:_PROBE_IN], -15)
        if len(head) >= _MIN_PROBED and is_text(head):
            yield deflate(view, limit, raw=True)
    head = unbrotli(view[:_PROBE_IN], _PROBE_OUT).data
    if len(head) >= _MIN_PROBED and is_text(head[:_MIN_PROBED]):
        yield unbrotli(view, limit)


def by_name(coding: str, data: bytes, limit: int) -> Iterator[Inflated]:
    """What a Content-Encoding names (RFC 9110, 8.4.1), last coding first; an unknown one ends it."""
    for name in reversed([one.strip().lower() for one in coding.split(",")]):
        match name:
            case "gzip" | "x-gzip":
                done = gzip(data, limit)
            case "deflate":
                done = deflate(data, limit, raw=False)
                done = done if done.data else deflate(data, limit, raw=True)
            case "br":
                done = unbrotli(data, limit)
            case "zstd":
                done = unzstd(data, limit)
            case _:
                return
        if not done.data:
            return
        yield done
        data = done.data
