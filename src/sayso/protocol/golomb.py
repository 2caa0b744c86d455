"""Sorted numbers in few bits: Golomb-Rice coded gaps (Golomb 1966, Rice 1979), for the enrolled set.

The gap before each number is divided by 2^r. All remainders come first, r bits each; then all quotients in unary (as
many zeros, then a one), padded with zeros to a byte. `r` follows from count and range, so nothing can be said wrongly.
The two halves lie apart so that plain Python unpacks them at some 0.3 µs a number: eight remainders are `r` whole
bytes, and quotients are what lies between the ones of a binary numeral.

One set of numbers has one encoding, and `unpack` takes no other.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from sayso.protocol.errors import SetError

MAX_BITS: Final = 64
_GROUP: Final = 8
_UNARY: Final = tuple("0" * quotient + "1" for quotient in range(64))


def rice_bits(count: int, bits: int) -> int:
    """Return r for `count` numbers below 2^`bits`: the gaps are then 1 to 2 times 2^r on average."""
    return bits - max(0, count - 1).bit_length()


def pack(numbers: Sequence[int], bits: int) -> bytes:
    """Encode numbers.

    Args:
        numbers: strictly rising, each below 2^`bits`.
        bits: 1 to 64.
    """
    if not numbers:
        return b""
    gaps = [number - last - 1 for number, last in zip(numbers, [-1, *numbers[:-1]], strict=True)]
    if min(gaps) < 0 or numbers[-1] >> bits:
        raise ValueError("the numbers do not rise, or one of them is too large")
    rice = rice_bits(len(numbers), bits)
    mask = (1 << rice) - 1
    packed = []
    for at in range(0, len(gaps), _GROUP):
        group = gaps[at : at + _GROUP]
        joined = 0
        for gap in group:
            joined = joined << rice | gap & mask
        size = (len(group) * rice + 7) // 8
        packed.append((joined << size * 8 - len(group) * rice).to_bytes(size, "big"))
    unary = "".join(_UNARY[gap >> rice] if gap >> rice < len(_UNARY) else "0" * (gap >> rice) + "1" for gap in gaps)
    unary += "0" * (-len(unary) % 8)
    packed.append(int(unary, 2).to_bytes(len(unary) // 8, "big"))
    return b"".join(packed)


def unpack(data: bytes, count: int, bits: int) -> "array[int]":
    """Decode what `pack` made. Work and memory are linear in the length of `data`, whatever `count` claims.

    Args:
        data: hostile bytes.
        count: how many numbers there should be.
        bits: 1 to 64.

    Returns:
        The numbers, strictly rising (an array of type ``Q``).

    Raises:
        SetError: not the encoding of `count` numbers below 2^`bits`.
    """
    if count == 0:
        if data:
            raise SetError("bytes after the end of a list of numbers")
        return array("Q")
    rice = rice_bits(count, bits)
    split = (count * rice + 7) // 8
    # No more zeros fit below 2^bits than 2^(bits - rice), which is less than twice `count`.
    if rice < 0 or not split < len(data) <= split + (3 * count + 7) // 8 or not data[-1]:
        raise SetError("a list of numbers is cut off, too long, or does not hold as many as it says")
    unary = format(int.from_bytes(data[split:], "big"), f"0{(len(data) - split) * 8}b")
    if unary.count("1") != count:
        raise SetError("a list of numbers does not hold as many as it says")
    remainders = _remainders(data[:split], count, rice)
    steps = ((len(zeros) << rice | rest) + 1 for zeros, rest in zip(unary.split("1"), remainders, strict=False))
    numbers = list(accumulate(steps, initial=-1))
    if numbers[-1] >> bits:
        raise SetError("a number in a list is too large")
    return array("Q", numbers[1:])


def _remainders(data: bytes, count: int, rice: int) -> list[int]:
    mask = (1 << rice) - 1
    shifts = [rice * place for place in reversed(range(_GROUP))]
    found: list[int] = []
    whole = count // _GROUP * rice
    if rice:
        for at in range(0, whole, rice):
            joined = int.from_bytes(data[at : at + rice], "big")
            found += [joined >> shift & mask for shift in shifts]
    else:
        found = [0] * (count // _GROUP * _GROUP)
    left = count % _GROUP
    spare = (len(data) - whole) * 8 - left * rice
    joined = int.from_bytes(data[whole:], "big")
    if joined & (1 << spare) - 1:
        raise SetError("a list of numbers has bits set where there should be none")
    joined >>= spare
    return found + [joined >> rice * place & mask for place in reversed(range(left))]
