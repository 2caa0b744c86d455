"""A fixed piece of work, timed beside each run: how fast this machine's core is just now.

On a shared machine the same commit has been measured at 37,000 and at 65,000 messages per server-CPU-second on one day,
and at 106,800 on another. What part
of such a difference is the machine's shows in this figure: interpreter, MessagePack and SHA-256 in about the shares of
the relay's hot path, and nothing of Sayso's own, so that no change of Sayso changes it.
"""

import hashlib
import statistics
import time
from typing import Final

from msgspec import Struct, msgpack

from bench.procfs import Figures
from bench.server import on_core

MACHINE_REFERENCE: Final = "machine_reference"
"""The name of the figure; it stands in every run."""

_ROUNDS: Final = 15
"""Timed one by one; the median keeps a single interruption out."""
_MESSAGES: Final = 200
_FRAMES: Final = 16
_BODY: Final = bytes(range(256)) * 4


class _Frame(Struct, array_like=True, frozen=True, gc=False):
    """Stands for a deposit."""

    ref: int
    name: bytes
    body: bytes


_DECODER: Final = msgpack.Decoder(list[_Frame])
_ENCODER: Final = msgpack.Encoder()


def machine_reference(core: int) -> Figures:
    """Measure thousands of reference frames per CPU-second of this core; takes a fifth of a second or more."""
    with on_core(core):
        median = statistics.median(_round() for _ in range(_ROUNDS))
    return {MACHINE_REFERENCE: _FRAMES * _MESSAGES / median / 1000}


def _round() -> float:
    message = _ENCODER.encode([_Frame(number, _BODY[:32], _BODY) for number in range(_FRAMES)])
    books: dict[bytes, _Frame] = {}
    begin = time.thread_time()
    for turn in range(_MESSAGES):
        answers = []
        for frame in _DECODER.decode(message):
            name = hashlib.sha256(frame.body).digest()[:16] + turn.to_bytes(2, "big") + frame.ref.to_bytes(2, "big")
            books[name] = frame
            answers.append(_Frame(frame.ref, name, frame.body))
        _ENCODER.encode(answers)
        for answer in answers:
            del books[answer.name]
    return time.thread_time() - begin
