"""Matching one view against every form at once."""

import re
from collections.abc import Iterable, Sequence

from sayso.audit.core.decode import compressed
from sayso.audit.core.decode.tokens import TOKEN_SIGNS, from_base64
from sayso.audit.core.foreign import Engine, Matcher
from sayso.audit.core.forms import Edge, Form
from sayso.audit.core.hits import Hit, agreed, evidence, key_before, longest, stands_alone
from sayso.audit.core.needles import (
    Kind,
    Needles,
    Target,
    binary_needles,
    steps,
    text_needles,
    to_standard,
    xor_needles,
)

SLICE = 4 * 1024 * 1024
OVERLAP = 4096
"""Longer than any pattern that matters; a longer one across a cut is found by its parts."""
MAX_MATCHES = 20_000
MAX_RUN = 1024 * 1024
_READABLE_RUN = re.compile(rb"[\x20-\x7e]{12}")
_BROTLI_WINDOWS = frozenset({0xB, 0xF})
"""The low nibble of a brotli stream of the usual window sizes, 22 and 24 bits (RFC 7932, 9.1)."""
_MIN_TRIED = 10
_LAST_BLOCKS = frozenset({3, 5})
"""The last block, of fixed or dynamic codes (RFC 1951, 3.2.3): what is short has no other."""
_MAGICS = (compressed.GZIP, compressed.ZSTD, compressed.ZIP, *compressed.ZLIB)
_RUN = frozenset(TOKEN_SIGNS + b",.")

Decoded = tuple[str, int, bytes]
"""(step, where it begins in the view, decoded bytes)"""


class Matching:
    """The matchers and what their patterns mean."""

    def __init__(self, forms: Sequence[Iterable[Form]], engine: Engine) -> None:
        kept = [tuple(several) for several in forms]
        self._text = _Compiled(text_needles(kept), engine)
        self._binary = _Compiled(binary_needles(kept), engine)
        self._xor = _Compiled(xor_needles(kept), engine)

    def match(self, data: bytes, *, readable: bool, xor: bool) -> tuple[list[Hit], list[Decoded]]:
        """Return matches in a view, and views that a trigger asks to decode."""
        spans: list[tuple[int, int, Hit]] = []
        decoded: dict[tuple[str, int], Decoded] = {}
        for start, end, targets in self._text.find(data.lower()):
            for target in targets:
                if target.kind is Kind.TRIGGER:
                    _decode_around(data, start, end, target, decoded)
                elif (hit := _text_hit(data, start, end, targets, target)) is not None:
                    spans.append((start, end, hit))
        if not readable:
            for start, end, targets in self._binary.find(data):
                spans += (span for target in targets if (span := _binary_span(data, start, end, target)) is not None)
        if xor or not readable:
            for key in self._xor_keys(data):
                table = bytes(byte ^ key for byte in range(256))
                decoded["xor", key] = (f"xor:{key:02x}", 0, data.translate(table))
        return longest(spans), list(decoded.values())

    def _xor_keys(self, data: bytes) -> set[int]:
        keys = {
            data[start] ^ target.form.data[0] for start, _, targets in self._xor.find(steps(data)) for target in targets
        }
        return keys - {0}

    def meets_text(self, data: bytes) -> bool:
        """Whether any pattern of text is in a view, whatever stands around it."""
        return self._text.any(data.lower())

    def may_hold(self, several: Sequence[bytes]) -> bool:
        """Whether any of many decoded tokens deserves a look of its own."""
        return self._tells(b"\0\xff\0\xff\0\xff\0\xff".join(several)) or any(_may_be_packed(data) for data in several)

    def is_interesting(self, data: bytes) -> bool:
        """Whether bytes that are no text deserve more than this look; most decoded tokens are random ids."""
        return self._tells(data) or _may_be_packed(data)

    def _tells(self, data: bytes) -> bool:
        if self._text.any(data.lower()) or self._binary.any(data) or _READABLE_RUN.search(data):
            return True
        if any(magic in data for magic in _MAGICS):
            return True
        return self._xor.any(steps(data))


def _may_be_packed(data: bytes) -> bool:
    """Whether bytes may be raw deflate or brotli, which have no magic."""
    if len(data) < _MIN_TRIED or not (data[0] & 7 in _LAST_BLOCKS or data[0] & 0xF in _BROTLI_WINDOWS):
        return False
    return any(True for _ in compressed.by_trial(data, 64))


class _Compiled:
    """A matcher with the meaning of its patterns."""

    def __init__(self, needles: Needles, engine: Engine) -> None:
        self._targets = needles.targets
        self._matcher: Matcher | None = engine.build(needles.patterns) if needles.patterns else None

    def any(self, data: bytes) -> bool:
        return self._matcher is not None and any(True for _ in self._matcher.find(data))

    def find(self, data: bytes) -> Iterable[tuple[int, int, list[Target]]]:
        """(start, end, targets) of at most `MAX_MATCHES` matches."""
        if self._matcher is None:
            return []
        if len(data) <= SLICE:
            return [
                (start, end, self._targets[number])
                for number, start, end in list(self._matcher.find(data))[:MAX_MATCHES]
            ]
        found: dict[tuple[int, int, int], None] = {}
        for at in range(0, len(data), SLICE):
            for number, start, end in self._matcher.find(data[at : at + SLICE + OVERLAP]):
                found[number, at + start, at + end] = None
                if len(found) >= MAX_MATCHES:
                    break
        return [(start, end, self._targets[number]) for number, start, end in found]


def _case_name(given: bytes, targets: Iterable[Target], target: Target) -> str:
    """The name of the form whose case is the one met; a form in another case says so."""
    if given == target.form.data:
        return target.form.name
    for other in targets:
        if other.kind is Kind.FORM and other.seed == target.seed and other.form.data == given:
            return other.form.name
    base = "" if target.form.name == "plain" else f"{target.form.name}."
    return f"{base}lower" if given.islower() else f"{base}upper" if given.isupper() else f"{base}mixed-case"


def _text_hit(data: bytes, start: int, end: int, targets: Sequence[Target], target: Target) -> Hit | None:
    form = target.form
    given = data[start:end]
    if target.kind is Kind.WRAPPED:
        if given != target.exact and not target.coding.startswith("hex"):
            return None
        chain: tuple[str, ...] = (target.coding, form.name)
    else:
        if form.edge is Edge.BEGINNING:
            end = agreed(data, start, form.whole)
            if not end:
                return None
        elif not stands_alone(data, start, end, form.edge):
            return None
        chain = (_case_name(given, targets, target),)
    return Hit(
        *(target.seed, chain, chain[-1], form.bits, *evidence(data, start, end), key_before(data, start)),
        part=form.part,
        group=form.group,
    )


def _binary_span(data: bytes, start: int, end: int, target: Target) -> tuple[int, int, Hit] | None:
    form = target.form
    if target.kind is Kind.FORM:
        hit = Hit(
            target.seed,
            (form.name,),
            form.name,
            form.bits,
            *evidence(data, start, end),
            part=form.part,
            group=form.group,
        )
        return start, end, hit
    whole = target.exact
    if data.startswith(whole, start):
        end = start + len(whole)
        return (
            start,
            end,
            Hit(target.seed, ("raw", target.coding), form.name, 8.0 * len(whole), *evidence(data, start, end)),
        )
    # A cut raw digest cannot be told from its start by an edge; eight bytes in a row are no chance.
    agreed = end
    while agreed < len(data) and agreed - start < len(whole) and data[agreed] == whole[agreed - start]:
        agreed += 1
    chain = (f"raw[:{agreed - start}]", target.coding)
    return start, agreed, Hit(target.seed, chain, form.name, 8.0 * (agreed - start), *evidence(data, start, agreed))


def _decode_around(data: bytes, start: int, end: int, target: Target, decoded: dict[tuple[str, int], Decoded]) -> None:
    """Decode the run of base64 that a trigger lies in, aligned as the trigger says."""
    first, limit = start, max(0, start - MAX_RUN)
    table = to_standard(target.coding)
    signs = _RUN if table is not None else _RFC_SIGNS
    while first > limit and data[first - 1] in signs:
        first -= 1
    last, limit = end, min(len(data), end + MAX_RUN)
    while last < limit and data[last] in signs:
        last += 1
    group = start - target.lead
    if group < first:
        return
    begin = group - (group - first) // 4 * 4
    if (target.coding, begin) in decoded:
        return
    run = data[begin:last]
    plain = from_base64(run.translate(table) if table is not None else run)
    name = target.coding or ("base64url" if b"-" in run or b"_" in run else "base64")
    decoded[target.coding, begin] = (name, begin, plain)


_RFC_SIGNS = frozenset(TOKEN_SIGNS)
