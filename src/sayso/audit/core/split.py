"""Seeds cut into pieces that travel in several fields of one exchange."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sayso.audit.core.foreign import Engine
from sayso.audit.core.forms import Form
from sayso.audit.core.hits import Hit, evidence, key_before

MIN_PIECE = 4
"""The longest piece of a cut value has at least this many characters; otherwise nobody looks for the others."""
MIN_BITS = 40.0
MAX_PIECED = 64
"""Of a longer text, pieces are taken from the start only."""
_VALUES = re.compile(rb"[=:][ \"']{0,3}([A-Za-z0-9@.+_:-]{1,60})")
MAX_TEXT = 256 * 1024
MAX_VALUES = 2_000


@dataclass(frozen=True, slots=True)
class _Joined:
    data: bytes
    ends: tuple[int, ...]
    places: tuple[tuple[bytes, int], ...]


def pieces(forms: Sequence[Iterable[Form]]) -> frozenset[bytes]:
    """Every piece of the main forms that, met as a token, makes it worth looking for the others."""
    found: set[bytes] = set()
    for several in forms:
        for form in several:
            if form.binary or form.hashed < 2 or form.bits < MIN_BITS:  # noqa: PLR2004  see Form.hashed
                continue
            data = form.data[:MAX_PIECED]
            for start in range(len(data)):
                found.update(data[start:end] for end in range(start + MIN_PIECE, len(data)))
    return frozenset(found)


def join(texts: Iterable[bytes]) -> _Joined:
    """The values of all fields in their order, without what stands between them."""
    values: list[bytes] = []
    places: list[tuple[bytes, int]] = []
    ends: list[int] = []
    size = 0
    for text in texts:
        for found in _VALUES.finditer(text[:MAX_TEXT]):
            if len(values) >= MAX_VALUES:
                break
            size += len(found[1])
            values.append(found[1])
            places.append((text, found.start(1)))
            ends.append(size)
    return _Joined(b"".join(values), tuple(ends), tuple(places))


class SplitSearch:
    """Finds main forms across the borders of values, and parts that belong together."""

    def __init__(self, forms: Sequence[Iterable[Form]], engine: Engine) -> None:
        kept = [tuple(several) for several in forms]
        self._forms = [
            (seed, form)
            for seed, several in enumerate(kept)
            for form in several
            if not form.binary and form.hashed > 1 and form.bits >= MIN_BITS
        ]
        self._matcher = engine.build([form.data.lower() for _, form in self._forms]) if self._forms else None
        groups: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        for seed, several in enumerate(kept):
            for form in several:
                if form.part:
                    groups[seed, form.group].add(form.part)
        self._groups: Mapping[tuple[int, str], set[str]] = groups

    def across(self, texts: Iterable[bytes]) -> list[Hit]:
        """Forms that lie across values of one direction of one exchange."""
        if self._matcher is None:
            return []
        joined = join(texts)
        hits = []
        for number, start, end in self._matcher.find(joined.data.lower()):
            first, last = bisect_right(joined.ends, start), bisect_right(joined.ends, end - 1)
            if first == last or (first and joined.ends[first - 1] != start) or joined.ends[last] != end:
                continue
            seed, form = self._forms[number]
            key = "+".join(key_before(*place) for place in joined.places[first : last + 1])
            hits.append(Hit(seed, ("split", form.name), form.name, form.bits, *evidence(joined.data, start, end), key))
        return hits

    def together(self, hits: Iterable[Hit]) -> list[Hit]:
        """Of parts of one exchange and direction, the groups that are complete."""
        met: defaultdict[tuple[int, str], dict[str, Hit]] = defaultdict(dict)
        for hit in hits:
            if hit.part:
                met[hit.seed, hit.group].setdefault(hit.part, hit)
        whole = []
        for (seed, group), parts in met.items():
            if parts.keys() < self._groups[seed, group]:
                continue
            several = list(parts.values())
            chain = (*several[0].chain[:-1], "split", "+".join(hit.chain[-1] for hit in several))
            marked = b" ... ".join(hit.marked for hit in several)
            key = "+".join(hit.key for hit in several)
            bits = sum(hit.bits for hit in several)
            whole.append(Hit(seed, chain, "split", bits, several[0].before, marked, several[-1].after, key))
        return whole
