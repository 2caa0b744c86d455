"""Frames as ready-made bytes, and answers read by their fixed layout.

A driver that encoded and decoded each frame would be the limit before the server is. All layouts here are taken from
samples that the protocol's own encoder makes, so that they follow it when it changes; what does not fit a layout is
read by the protocol's own decoder (`clients`).
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sayso.protocol.frames import (
    Ack,
    Deliver,
    Deposit,
    Deposited,
    DepositState,
    Frame,
    Outcome,
    OutcomeState,
    Part,
    Unreadable,
)
from sayso.protocol.limits import HOUR, LIMITS
from sayso.protocol.stream import FRAMES_PER_MESSAGE, write

FIRST_NUMBER: Final = 2**32
"""Refs and sequence numbers start here: from here up to 2^53 they take eight bytes in every frame."""
HEAD_BYTES: Final = 16
"""What the driver reads of an envelope: origin (8) ‖ number (8)."""
_MARK: Final = 0x0015A3F1_9C47D28B
"""Stands for the number in a sample."""
_MARK_BYTES: Final = _MARK.to_bytes(8, "big")
_SHORT_LIST: Final = 16
_LIST: Final = 0xDC


def list_head(count: int) -> bytes:
    """Return the head of a MessagePack array."""
    return bytes([0x90 | count]) if count < _SHORT_LIST else struct.pack(">BH", _LIST, count)


def read_list_head(message: memoryview) -> tuple[int, int]:
    """Return how many frames a message has, and where they begin."""
    first = message[0]
    if first == _LIST:
        return int.from_bytes(message[1:3], "big"), 3
    return first & 0x0F, 1


class Template:
    """Deposits of one sender for one recipient; only the number differs.

    The number is the deposit's ref, ends the hash of its handle, and follows the origin in the envelope.
    """

    __slots__ = ("frame_bytes", "pieces")

    def __init__(
        self, *, token: bytes, device: bytes, grant: bytes, origin: bytes, salt: bytes, size: int, envelope_key: int
    ) -> None:
        """Make one.

        Args:
            token: the recipient's.
            device: the recipient's.
            grant: the recipient's.
            origin: 8 bytes that name the sender to the recipient.
            salt: 24 bytes, never used before on this server: handles are named once.
            size: of the envelope, in bytes.
            envelope_key: id of a key that the recipient serves.
        """
        envelope = origin + _MARK_BYTES + salt + bytes(range(256)) * (size // 256)
        part = Part(device, envelope_key, salt + _MARK_BYTES, envelope[:size])
        encoded = write([Deposit(_MARK, token, HOUR, grant, [part], again=False)])[1:]
        head, after_ref, before_number, rest = encoded.split(_MARK_BYTES)
        self.pieces: Final = (head, after_ref, before_number, rest)
        self.frame_bytes: Final = len(encoded)

    def frames_at_most(self) -> int:
        """Return how many fit into one message."""
        return min(FRAMES_PER_MESSAGE, (LIMITS.message_bytes - 8) // self.frame_bytes)


def deposits(templates: Sequence[Template], numbers: Sequence[int]) -> Iterator[bytes]:
    """Yield messages that deposit once for each number, with the templates in turn."""
    turn = len(templates)
    at_most = templates[0].frames_at_most()
    for start in range(0, len(numbers), at_most):
        chunk = numbers[start : start + at_most]
        pieces: list[bytes] = [list_head(len(chunk))]
        for number in chunk:
            ten = number.to_bytes(8, "big")
            head, after_ref, before_number, rest = templates[number % turn].pieces
            pieces += (head, ten, after_ref, ten, before_number, ten, rest)
        yield b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Layout:
    """A kind of frame whose encoding has a fixed length."""

    head: bytes
    """What each of them begins with."""
    fields: str
    """What follows, as `struct` has it."""
    size: int

    @lru_cache(maxsize=4096)  # noqa: B019  layouts live as long as the program
    def of(self, count: int) -> struct.Struct:
        """Return how `count` of them lie one after the other."""
        return struct.Struct(">" + f"{len(self.head)}s{self.fields}" * count)

    def read(self, message: memoryview, count: int, offset: int) -> tuple[Any, ...] | None:
        """Return heads and fields of all frames in one flat tuple; None if they are not all of this kind."""
        if len(message) != offset + count * self.size:
            return None
        found = self.of(count).unpack_from(message, offset)
        stride = len(found) // count
        return found if set(found[::stride]) == {self.head} else None


def _layout(sample: Frame, fields: str) -> Layout:
    encoded = write([sample])[1:]
    return Layout(encoded[: len(encoded) - struct.calcsize(">" + fields)], fields, len(encoded))


DEPOSITED: Final = _layout(Deposited(_MARK, DepositState.DELIVERED), "QB")
"""head, ref, state."""
NEWS: Final = _layout(Outcome(0, bytes(32), OutcomeState.DELIVERED), "32sB")
"""head, hash of the handle, state."""


@lru_cache(maxsize=8)
def deliver_layout(size: int) -> Layout:
    """Envelopes of `size` bytes: head, envelope id, origin, number."""
    encoded = write([Deliver(bytes(16), bytes(size))])[1:]
    length_head = len(encoded) - 4 - 16 - size
    return Layout(encoded[:4], f"16s{length_head}x8sQ{size - HEAD_BYTES}x", len(encoded))


_ACK_HEAD, _ACK_TAIL = write([Ack(_MARK_BYTES * 2, Unreadable.SHOWN)])[1:].split(_MARK_BYTES * 2)
_BETWEEN: Final = _ACK_TAIL + _ACK_HEAD


def acks(envelope_ids: Sequence[bytes]) -> bytes:
    """Return a message that acknowledges all of these."""
    return b"".join((list_head(len(envelope_ids)), _ACK_HEAD, _BETWEEN.join(envelope_ids), _ACK_TAIL))
