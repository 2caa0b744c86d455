"""Any text or bytes, in pieces: logs, dumps, the rest of a file that no parser understands."""

from collections.abc import Callable, Iterator

from sayso.audit.core.model import Chunk, Event, Field, Peer, Place

PIECE = 1024 * 1024
_NOBODY = Peer("")


def as_text(source: Callable[[int], bytes], record: int, *, first: bytes = b"") -> Iterator[Event]:
    """Yield the rest of a file as one stream; `first` is what of it has been read already."""
    piece = first or source(PIECE)
    while piece:
        for at in range(0, len(piece), PIECE):
            yield _chunk(record, piece[at : at + PIECE], end=False)
        piece = source(PIECE)
    yield _chunk(record, b"", end=True)


def _chunk(record: int, data: bytes, *, end: bool) -> Chunk:
    return Chunk(record, None, _NOBODY, "text", Field(Place.PAYLOAD, "", data), None, end=end)


def read(source: Callable[[int], bytes], name: str) -> Iterator[Event]:  # noqa: ARG001  as all readers
    """Yield the whole file; UTF-16 with its mark as UTF-8."""
    first = source(PIECE)
    if first[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        yield from _utf16(first, source)
    else:
        yield from as_text(source, 0, first=first)


def _utf16(first: bytes, source: Callable[[int], bytes]) -> Iterator[Event]:
    name = "utf-16-le" if first[:2] == b"\xff\xfe" else "utf-16-be"
    piece, spare = first[2:], b""
    while piece:
        data = spare + piece
        spare = data[len(data) // 2 * 2 :]
        yield _chunk(0, data[: len(data) // 2 * 2].decode(name, "replace").encode(), end=False)
        piece = source(PIECE)
    yield _chunk(0, spare, end=True)
