"""Rows out of a damaged SQLite file, page by page and without its trees: the file format, read only.

SQLite gives up on a tree when one of its pages cannot be read, and on the file when the first one cannot. A leaf page,
however, says by itself where its rows are. So each page is looked at alone, with what the write-ahead log has of it; a
row that does not fit into what is left of its page is passed over. Whether a row is one of ours, its reader decides.

Source: https://www.sqlite.org/fileformat2.html, sections 1.6 (b-tree pages), 2.1 (records), 4 (write-ahead log).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

Found: TypeAlias = bytes | float | int | str | None
Row: TypeAlias = tuple[int | None, list[Found]]
"""Row id (None in a table without) and values."""

_TABLE_LEAF: Final = 0x0D
_INDEX_LEAF: Final = 0x0A
_INDEX_INTERIOR: Final = 0x02
_FILE_HEADER_BYTES: Final = 100
_LOG_HEADER: Final = struct.Struct(">8I")
_FRAME_HEADER: Final = struct.Struct(">6I")
_LOG_MAGIC: Final = frozenset({0x377F0682, 0x377F0683})
_PAYLOAD_MAX: Final = 1024 * 1024
"""No row of ours is longer: a length beyond it is damage."""
_MORE: Final = 0x80
"""Set in each byte of a varint but the last."""
_INTEGER_BYTES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_REAL: Final = 7
_ZERO, _ONE = 8, 9
_FIRST_BLOB: Final = 12


class Pages:
    """The pages of a database that nobody has open."""

    def __init__(self, path: Path, *, page_bytes: int) -> None:
        """Read the log at once, the file as it is asked for.

        Args:
            path: the database; its log lies beside it, if there is one.
            page_bytes: that it was made with; what its header says may be damaged.

        Raises:
            OSError: it cannot be read.
        """
        self._size: Final = page_bytes
        self._file: Final = path.open("rb")
        self._count = -(-path.stat().st_size // page_bytes)
        self._logged: Final = _committed_frames(path.with_name(path.name + "-wal"), page_bytes)
        self._count = max(self._count, *self._logged, 0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def rows(self) -> Iterator[Row]:
        """Yield what looks like a row on any page, in the order of the pages. Raises OSError."""
        for number in range(1, self._count + 1):
            yield from self._rows_of(self._page(number), start=_FILE_HEADER_BYTES if number == 1 else 0)

    def _page(self, number: int) -> bytes:
        """Return a page; one that a cut file has half of is filled with zeros."""
        logged = self._logged.get(number)
        if logged is not None:
            return logged
        self._file.seek((number - 1) * self._size)
        return self._file.read(self._size).ljust(self._size, b"\0")

    def _rows_of(self, page: bytes, *, start: int) -> Iterator[Row]:
        kind = page[start]
        if kind not in {_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR}:
            return
        cells = int.from_bytes(page[start + 3 : start + 5], "big")
        pointers = start + (12 if kind == _INDEX_INTERIOR else 8)
        for place in range(pointers, min(pointers + 2 * cells, self._size - 1), 2):
            at = int.from_bytes(page[place : place + 2], "big")
            try:
                yield self._row(page, at, kind)
            except (IndexError, ValueError, struct.error):
                continue

    def _row(self, page: bytes, at: int, kind: int) -> Row:
        """Read one row. Raises IndexError, ValueError or struct.error: it is none."""
        if kind == _INDEX_INTERIOR:
            at += 4
        length, at = _varint(page, at)
        if length > _PAYLOAD_MAX:
            raise ValueError("longer than any row of ours")
        row_id: int | None = None
        if kind == _TABLE_LEAF:
            row_id, at = _varint(page, at)
        return row_id, _record(self._payload(page, at, length, table=kind == _TABLE_LEAF))

    def _payload(self, page: bytes, at: int, length: int, *, table: bool) -> bytes:
        usable = self._size
        most = usable - 35 if table else (usable - 12) * 64 // 255 - 23
        if length <= most:
            return _exactly(page[at : at + length], length)
        least = (usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (usable - 4)
        local = local if local <= most else least
        parts = [_exactly(page[at : at + local], local)]
        following = int.from_bytes(_exactly(page[at + local : at + local + 4], 4), "big")
        left = length - local
        while left > 0:
            if not 0 < following <= self._count:
                raise ValueError("the rest of a row is not there")
            more = self._page(following)
            parts.append(more[4 : 4 + min(left, usable - 4)])
            left -= usable - 4
            following = int.from_bytes(more[:4], "big")
        return b"".join(parts)


def _exactly(content: bytes, length: int) -> bytes:
    if len(content) != length:
        raise ValueError("cut off")
    return content


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and where it ends. Raises IndexError."""
    value = 0
    for place in range(8):
        byte = content[at + place]
        value = value << 7 | byte & 0x7F
        if not byte & _MORE:
            return value, at + place + 1
    return value << 8 | content[at + 8], at + 9


def _record(payload: bytes) -> list[Found]:
    header_bytes, at = _varint(payload, 0)
    kinds = []
    while at < header_bytes:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values: list[Found] = []
    for kind in kinds:
        value, at = _value(payload, at, kind)
        values.append(value)
    if at != len(payload):
        raise ValueError("not a record")
    return values


def _value(payload: bytes, at: int, kind: int) -> tuple[Found, int]:
    if kind == 0:
        return None, at
    if kind in _INTEGER_BYTES:
        end = at + _INTEGER_BYTES[kind]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if kind == _REAL:
        (real,) = struct.unpack_from(">d", payload, at)
        return real, at + 8
    if kind in {_ZERO, _ONE}:
        return kind - _ZERO, at
    if kind < _FIRST_BLOB:
        raise ValueError("no such type")
    end = at + (kind - _FIRST_BLOB) // 2
    content = _exactly(payload[at:end], end - at)
    return (content if kind % 2 == 0 else content.decode("utf-8")), end


def _committed_frames(path: Path, page_bytes: int) -> dict[int, bytes]:
    """Return the last state of each page in the log, up to its last whole commit."""
    try:
        log = path.read_bytes()
    except FileNotFoundError:
        return {}
    if len(log) < _LOG_HEADER.size:
        return {}
    magic, _, _, _, salt1, salt2, _, _ = _LOG_HEADER.unpack_from(log)
    order = ">" if magic & 1 else "<"
    if magic not in _LOG_MAGIC:
        return {}
    sums = _checksum(log[: _LOG_HEADER.size - 8], (0, 0), order)
    committed: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    stride = _FRAME_HEADER.size + page_bytes
    for at in range(_LOG_HEADER.size, len(log) - stride + 1, stride):
        number, size_after, one, two, sum1, sum2 = _FRAME_HEADER.unpack_from(log, at)
        page = log[at + _FRAME_HEADER.size : at + stride]
        sums = _checksum(page, _checksum(log[at : at + 8], sums, order), order)
        if (one, two) != (salt1, salt2) or sums != (sum1, sum2):
            break
        pending[number] = page
        if size_after:
            committed.update(pending)
            pending.clear()
    return committed


def _checksum(content: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    one, two = sums
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for place in range(0, len(words), 2):
        one = one + words[place] + two & 0xFFFFFFFF
        two = two + words[place + 1] + one & 0xFFFFFFFF
    return one, two
