"""Mutations of seeds: fast, without dependencies, and the same for the same `random.Random`."""

from collections.abc import Iterator, Sequence
from random import Random

MAX_BYTES = 4096
# What length fields, counts and type bytes of MessagePack and JSON break on.
TELLING: tuple[bytes, ...] = (
    *(b"\x00", b"\xff", b"\x7f", b"\x80", b"\xc0", b"\xc4\xff", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff"),
    *(b"\x91" * 40, b"\xcf" + b"\xff" * 8, b"\xd3\x80" + bytes(7), b"\xd6\xff\xff\xff\xff\xff", b"\xa2\xff\xfe"),
    *(b"\n", b'"', b"\\ud800", b"[" * 40, b"1e999", b"-0", b"9" * 20, b"null", b"\xd9\xa1"),
)


def mutate(data: bytes, corpus: Sequence[bytes], rng: Random) -> bytes:
    """Return `data` with one to four small damages, at most `MAX_BYTES` long."""
    damaged = bytearray(data)
    for _ in range(1 + rng.getrandbits(2)):
        dice = rng.getrandbits(56)
        at = (dice >> 16) % (len(damaged) + 1)
        match dice & 7:
            case 0 | 1:
                damaged[at : at + 1] = bytes((dice >> 8 & 255,))
            case 2:
                if at < len(damaged):
                    damaged[at] ^= 1 << (dice >> 8 & 7)
            case 3:
                del damaged[at : at + (dice >> 8 & 15)]
            case 4:
                damaged[at:at] = TELLING[(dice >> 8 & 255) % len(TELLING)]
            case 5:
                damaged[at : at + 2] = TELLING[(dice >> 8 & 255) % len(TELLING)]
            case 6:
                other = corpus[(dice >> 8 & 255) % len(corpus)]
                start = (dice >> 40) % (len(other) + 1)
                damaged[at : at + 32] = other[start : start + 32]
            case _:
                del damaged[at:]
    return bytes(damaged[:MAX_BYTES])


def inputs(corpus: Sequence[bytes], executions: int, rng: Random) -> Iterator[bytes]:
    """Yield every seed as it is, then damaged ones, `executions` in all."""
    yield from corpus[:executions]
    count = len(corpus)
    for number in range(executions - min(count, executions)):
        yield mutate(corpus[number % count], corpus, rng)
