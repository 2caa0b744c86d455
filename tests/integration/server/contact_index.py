"""Thousands of contacts, in every encoding that the auditor knows, looked for at every byte of large files.

    forms     an automaton; of the spellings of one contact those are enough that contain no other
    digests   some 1,100 of each number (of its spellings, of digests), six millions of 5,000 numbers: no automaton
              holds so many; a sorted table of their first eight bytes does, after a bitmap that turns away 99 of 100
    base64    and hex are written out before the search, from each sign on: both parts look into what comes out

On one core at work for others too: 40 s to make it (once in a run of the tests, whose workers share the file), 0.4 GB,
and then some 10 MB/s.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np
from ahocorasick_rs import BytesAhoCorasick
from numpy.typing import NDArray

from sayso.audit.core.decode.tokens import HEX_SIGNS, STANDARD
from sayso.audit.core.digests import MD5_BYTES, MIDDLE, digests_of
from sayso.audit.core.forms import Form, expand
from sayso.audit.core.needles import other_codings, steps
from sayso.audit.core.seed_types import Seed

MIN_SIGNS: Final = 10
MIN_BYTES: Final = 6
MIN_TELLING_BYTES: Final = 5
"""Without zeros at the ends. Of so many numbers chance meets more than of one: nine digits, integers of four bytes."""
PACKED: Final = "packed"
_PIECE: Final = 4 * 1024 * 1024
_WORD: Final = 8
_BITMAP_BITS: Final = 29
_HEX_RUN: Final = re.compile(rb"[0-9a-fA-F]{12,}")
_BASE64_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_CUT_MD5: Final = slice(MIDDLE // 2, MIDDLE // 2 + _WORD)
"""The middle 16 hex digits of an MD5 (Chinese practice): bytes 4 to 12."""


def _table(signs: bytes) -> NDArray[np.uint8]:
    values = np.zeros(256, np.uint8)
    values[np.frombuffer(signs, np.uint8)] = np.arange(len(signs), dtype=np.uint8)
    return values


_NIBBLES: Final = _table(HEX_SIGNS[:16])
_NIBBLES[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16, dtype=np.uint8)
_SEXTETS: Final = _table(STANDARD)
_SEXTETS[np.frombuffer(b"-_", np.uint8)] = np.array([62, 63], np.uint8)


def written_out(data: bytes) -> Iterator[bytes]:
    """Yield what the runs of hex and base64 in some bytes stand for, decoded from each sign on."""
    if runs := b" ".join([*_HEX_RUN.findall(data), b""]):
        nibbles = _NIBBLES[np.frombuffer(runs, np.uint8)]
        for start in range(2):
            pairs = nibbles[start : start + (len(nibbles) - start) // 2 * 2].reshape(-1, 2)
            yield (pairs[:, 0] << 4 | pairs[:, 1]).tobytes()
    # Four signs between two runs, so that the last group of a run is decoded too, though it may be cut.
    if runs := b"    ".join([*_BASE64_RUN.findall(data), b""]):
        sextets = _SEXTETS[np.frombuffer(runs, np.uint8)]
        for start in range(4):
            fours = sextets[start : start + (len(sextets) - start) // 4 * 4].reshape(-1, 4)
            first, second, third, fourth = (fours[:, column] for column in range(4))
            threes = (first << 2 | second >> 4, second << 4 | third >> 2, third << 6 | fourth)
            yield np.stack(threes, axis=1).tobytes()


class DigestTable:
    """Finds digests in bytes."""

    def __init__(self, starts: NDArray[np.uint64], owners: NDArray[np.uint16]) -> None:
        """Take the first eight bytes of digests, ascending, and whose they are."""
        self.starts: Final = starts
        self.owners: Final = owners
        places = starts >> np.uint64(64 - _BITMAP_BITS)
        self._bitmap: Final = np.zeros(1 << (_BITMAP_BITS - 3), np.uint8)
        np.bitwise_or.at(self._bitmap, places >> np.uint64(3), _bit(places))

    @classmethod
    def of(cls, forms: Iterable[Sequence[Form]]) -> Self:
        """Make the table for the forms of up to 65,536 seeds."""
        heads, ends = bytearray(), [0]
        for place, several in enumerate(forms):
            for digest in digests_of(place, several):
                heads += digest.value[:_WORD]
                if len(digest.value) == MD5_BYTES:
                    heads += digest.value[_CUT_MD5]
            ends.append(len(heads) // _WORD)
        starts = np.frombuffer(heads, ">u8").astype(np.uint64)
        owners = np.repeat(np.arange(len(ends) - 1, dtype=np.uint16), np.diff(ends))
        order = np.argsort(starts)
        return cls(starts[order], owners[order])

    def find(self, data: bytes) -> set[int]:
        """Return whose digests begin anywhere in some bytes, by their place among the seeds."""
        found: set[int] = set()
        for piece in range(0, len(data), _PIECE):
            end = min(len(data), piece + _PIECE + _WORD - 1)
            for start in range(piece, min(piece + _WORD, end)):
                words = np.frombuffer(data, ">u8", (end - start) // _WORD, start).astype(np.uint64)
                places = words >> np.uint64(64 - _BITMAP_BITS)
                likely = words[(self._bitmap[places >> np.uint64(3)] & _bit(places)) != 0]
                at = np.searchsorted(self.starts, likely)
                at[at == len(self.starts)] = 0
                found.update(self.owners[at[self.starts[at] == likely]].tolist())
        return found


def _bit(places: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (places & np.uint64(7)).astype(np.uint8))


def shortest(patterns: Iterable[bytes]) -> list[bytes]:
    """Return the patterns that contain none of the others: where one of those stands, one of these does."""
    kept: list[bytes] = []
    for pattern in sorted(set(patterns), key=len):
        if not any(shorter in pattern for shorter in kept):
            kept.append(pattern)
    return kept


def spellings(forms: Sequence[Form]) -> Iterator[bytes]:
    """Yield all that a contact's written forms look like; digests, hex, base64 and XOR are seen to elsewhere."""
    texts = [form for form in forms if not form.binary and len(form.data) >= MIN_SIGNS]
    for text in shortest(form.data for form in texts):
        yield from (text, text[::-1], text.decode().encode("utf-16-le"), text.decode().encode("utf-16-be"))
    for form in texts:
        if form.hashed > 1:
            yield from (spelled for _, spelled in other_codings(form.data))


def packed(forms: Sequence[Form]) -> Iterator[bytes]:
    """Yield a contact's forms as integers and packed digits: six bytes and more, of which chance may be one."""
    for form in forms:
        if form.binary and len(form.data) >= MIN_BYTES and len(form.data.strip(b"\0")) >= MIN_TELLING_BYTES:
            yield form.data


class _Kept(msgspec.Struct):
    """What `Contacts.save` writes."""

    names: list[str]
    plain: dict[bytes, list[int]]
    packed: dict[bytes, list[int]]
    xored: dict[bytes, list[int]]
    starts: bytes
    owners: bytes


class Contacts:
    """Finds contacts in bytes."""

    def __init__(self, kept: _Kept) -> None:
        """Take what `of` or `load` made."""
        self._kept: Final = kept
        self._digests: Final = DigestTable(np.frombuffer(kept.starts, np.uint64), np.frombuffer(kept.owners, np.uint16))
        self._plain: Final = (list(kept.plain.values()), BytesAhoCorasick(list(kept.plain)))
        self._packed: Final = (list(kept.packed.values()), BytesAhoCorasick(list(kept.packed)))
        self._xored: Final = (list(kept.xored.values()), BytesAhoCorasick(list(kept.xored)))

    @classmethod
    def of(cls, seeds: Sequence[Seed]) -> Self:
        """Make the patterns and the digests of seeds that are telephone numbers."""
        forms = [expand(seed) for seed in seeds]
        plain: defaultdict[bytes, list[int]] = defaultdict(list)
        binary: defaultdict[bytes, list[int]] = defaultdict(list)
        xored: defaultdict[bytes, list[int]] = defaultdict(list)
        for place, several in enumerate(forms):
            for spelled in set(spellings(several)):
                plain[spelled].append(place)
            for spelled in set(packed(several)):
                binary[spelled].append(place)
            for form in several:
                if form.hashed > 1 and len(form.data) >= MIN_SIGNS:
                    xored[steps(form.data)].append(place)
        digests = DigestTable.of(forms)
        names = [seed.id for seed in seeds]
        return cls(_Kept(names, plain, binary, xored, digests.starts.tobytes(), digests.owners.tobytes()))

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote."""
        return cls(msgspec.msgpack.decode(file.read_bytes(), type=_Kept))

    def save(self, file: Path) -> None:
        """Write it for other processes."""
        file.write_bytes(msgspec.msgpack.encode(self._kept))

    def xored(self, data: bytes) -> set[str]:
        """Return the contacts that some bytes hold after XOR with one byte, as `contact: xor`."""
        return self._matched(self._xored, steps(data), "xor")

    def in_view(self, view: bytes) -> set[str]:
        """Return the contacts that some bytes hold as they are, as `contact: form`, `contact: packed` or `… digest`."""
        digests = {f"{self._kept.names[place]}: digest" for place in self._digests.find(view)}
        return self._matched(self._plain, view, "form") | self._matched(self._packed, view, PACKED) | digests

    def _matched(self, matcher: tuple[list[list[int]], BytesAhoCorasick], data: bytes, way: str) -> set[str]:
        owners, automaton = matcher
        met = {number for number, _, _ in automaton.find_matches_as_indexes(data, overlapping=True)}
        return {f"{self._kept.names[place]}: {way}" for number in met for place in owners[number]}
