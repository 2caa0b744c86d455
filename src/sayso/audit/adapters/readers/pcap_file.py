"""The files of packet captures: pcap (also with nanoseconds) and pcapng, block by block.

dpkt's own reader of pcapng knows one interface and stops at a block it does not know; captures of phones have several.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sayso.audit.errors import CorruptCaptureError

MAX_PACKET = 1024 * 1024
MAX_BLOCK = 16 * 1024 * 1024
_PCAP: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
    # Kuznetsov's variant has eight more bytes for each packet.
    b"\x34\xcd\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xcd\x34": (">", 1e-6),
}
_KUZNETSOV: Final = frozenset({b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34"})
_SECTION, _OLD_PACKET = 0x0A0D0D0A, 2
_RESOLUTION, _OFFSET = 9, 14
"""Options of an interface: of its time stamps."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured packet."""

    time: float
    link: int
    """The link type (tcpdump.org/linktypes.html)."""
    data: bytes
    length: int
    """On the wire; more than `data` has where the capture cut it."""


class _Source:
    """Reads exactly so many bytes, or knows that the file broke off."""

    def __init__(self, read: Callable[[int], bytes], name: str) -> None:
        self._read = read
        self._name = name
        self._buffer = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes; none at a clean end.

        Raises:
            CorruptCaptureError: fewer are left.
        """
        have = len(self._buffer) - self._at
        if have < size:
            pieces = [self._buffer[self._at :]]
            while have < size and (piece := self._read(max(size - have, 256 * 1024))):
                pieces.append(piece)
                have += len(piece)
            self._buffer, self._at = b"".join(pieces), 0
            if not have:
                return b""
            if have < size:
                raise CorruptCaptureError(f"{self._name}: breaks off within a packet; what came before was searched")
        data = self._buffer[self._at : self._at + size]
        self._at += size
        return data


def blocks(source: Callable[[int], bytes], name: str) -> Iterator[Packet]:
    """Yield the packets of a file of either kind.

    Raises:
        CorruptCaptureError: it breaks off or a length is impossible.
    """
    stream = _Source(source, name)
    magic = stream.take(4)
    if magic in _PCAP:
        yield from _classic(stream, magic, name)
    elif magic:
        yield from _next_generation(stream, name)


def _classic(stream: _Source, magic: bytes, name: str) -> Iterator[Packet]:
    order, unit = _PCAP[magic]
    header = stream.take(20)
    if not header:
        raise CorruptCaptureError(f"{name}: breaks off in its header")
    link = struct.unpack(f"{order}HHiIII", header)[5] & 0xFFFF
    head = struct.Struct(f"{order}IIII")
    spare = 8 if magic in _KUZNETSOV else 0
    while raw := stream.take(head.size + spare):
        seconds, part, size, length = head.unpack_from(raw)
        if size > MAX_PACKET:
            raise CorruptCaptureError(f"{name}: a packet of impossible length; what came before was searched")
        data = stream.take(size) if size else b""
        if len(data) < size:
            raise CorruptCaptureError(f"{name}: breaks off within a packet; what came before was searched")
        yield Packet(seconds + part * unit, link, data, length)


@dataclass(slots=True)
class _Interface:
    link: int
    unit: float = 1e-6
    offset: int = 0


def _next_generation(stream: _Source, name: str) -> Iterator[Packet]:
    """draft-ietf-opsawg-pcapng; the magic of the first block has been read."""
    order = "<"
    interfaces: list[_Interface] = []
    kind = _SECTION
    while True:
        if kind == _SECTION:
            length_and_order = stream.take(8)
            if not length_and_order:
                raise CorruptCaptureError(f"{name}: breaks off in its header")
            order = "<" if length_and_order[4:] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
            size = struct.unpack(f"{order}I", length_and_order[:4])[0] - 12
        else:
            raw = stream.take(4)
            size = struct.unpack(f"{order}I", raw)[0] - 8 if raw else -1
        if size < 4 or size > MAX_BLOCK:  # noqa: PLR2004  the length stands again at its end
            raise CorruptCaptureError(f"{name}: a block of impossible length; what came before was searched")
        body = stream.take(size)
        if len(body) < size:
            raise CorruptCaptureError(f"{name}: breaks off within a block; what came before was searched")
        try:
            packet = _block(kind, body[:-4], order, interfaces)
        except struct.error:
            raise CorruptCaptureError(f"{name}: a block is too short; what came before was searched") from None
        if packet is not None:
            yield packet
        raw = stream.take(4)
        if not raw:
            return
        kind = struct.unpack(f"{order}I", raw)[0]


def _block(kind: int, body: bytes, order: str, interfaces: list[_Interface]) -> Packet | None:
    match kind:
        case 1:  # an interface
            interfaces.append(_interface(body, order))
        case 3 if interfaces:  # a simple packet
            length = struct.unpack_from(f"{order}I", body)[0]
            return Packet(0.0, interfaces[0].link, body[4 : 4 + length], length)
        case 2 | 6:  # a packet, old and enhanced
            layout = f"{order}HHIIII" if kind == _OLD_PACKET else f"{order}IIIII"
            values = struct.unpack_from(layout, body)
            high, low, size, length = values[-4:]
            if values[0] < len(interfaces):
                one = interfaces[values[0]]
                start = struct.calcsize(layout)
                return Packet((high << 32 | low) * one.unit + one.offset, one.link, body[start : start + size], length)
        case _:
            pass
    return None


def _interface(body: bytes, order: str) -> _Interface:
    made = _Interface(struct.unpack_from(f"{order}H", body)[0])
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(f"{order}HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == _RESOLUTION and value:
            power = value[0] & 0x7F
            made.unit = 2.0**-power if value[0] & 0x80 else 10.0**-power
        elif code == _OFFSET and len(value) == 8:  # noqa: PLR2004  a signed 64-bit number
            made.offset = struct.unpack(f"{order}q", value)[0]
        at += 4 + (size + 3) // 4 * 4
    return made
