"""What the search finds in one view, before anybody judges it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sayso.audit.core.forms import Edge

CONTEXT = 48
"""Bytes of the view that are shown on each side of a match."""
MAX_MARKED = 240
KEY_WINDOW = 120
ESCAPES = frozenset({"url", "json", "html", "quoted-printable"})
_NAME = re.compile(rb"([A-Za-z0-9_.$@\[\]-]{1,60})[\"'\\ ]{0,3}$")
_GOES_ON = frozenset(b" +,;!?'%")
_AT = 0x40
_PLUS = frozenset({b"%2B", b"%2b"})
_JOINTS = frozenset(b"+-_")
_BEFORE_LOCAL = frozenset(b"+-_.")
_DIGITS = frozenset(b"0123456789")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_WORD = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") | frozenset(range(0x80, 0x100))


@dataclass(frozen=True, slots=True)
class Hit:
    """One match. `chain` leads from the view it was found in to the seed."""

    seed: int
    chain: tuple[str, ...]
    form: str
    bits: float
    before: bytes = field(repr=False)
    marked: bytes = field(repr=False)
    after: bytes = field(repr=False)
    key: str = ""
    """The name that stands before the value, from the outside inwards: "payload/email"."""
    detail: str = ""
    part: str = ""
    group: str = ""
    hint: bool = False
    """Proves nothing by itself: a checksum."""

    def under(self, step: str, key: str = "") -> "Hit":
        """The same match seen from the view that `step` decoded; `key` is what stood before it there."""
        chain = (step, *self.chain) if step else self.chain
        joined = f"{key}/{self.key}" if key and self.key else key or self.key
        # dataclasses.replace costs five times as much, and this runs for each match and layer.
        return Hit(
            *(self.seed, chain, self.form, self.bits, self.before, self.marked, self.after, joined),
            *(self.detail, self.part, self.group, self.hint),
        )

    def within(self, view: bytes, at: int) -> "Hit":
        """A match that is all of a token, with what stands around the token."""
        before, marked, after = evidence(view, at, at + len(self.marked))
        return Hit(
            *(self.seed, self.chain, self.form, self.bits, before, marked, after, key_before(view, at)),
            *(self.detail, self.part, self.group, self.hint),
        )


def key_before(view: bytes, at: int) -> str:
    """The parameter's or member's name that a value at `at` belongs to, or nothing."""
    window = view[max(0, at - KEY_WINDOW) : at]
    cut = max(window.rfind(b"&"), window.rfind(b";"), window.rfind(b","), window.rfind(b"?"), window.rfind(b"{"))
    name, sign, _ = window[cut + 1 :].partition(b"=")
    if not sign:
        name, sign, _ = window[cut + 1 :].partition(b":")
    if not sign:
        return ""
    found = _NAME.search(name)
    return found[1].decode("ascii") if found else ""


def evidence(view: bytes, start: int, end: int) -> tuple[bytes, bytes, bytes]:
    """The bytes around a match: before, marked, after."""
    stop = min(end, start + MAX_MARKED)
    return view[max(0, start - CONTEXT) : start], view[start:stop], view[end : end + CONTEXT] if stop == end else b""


def stands_alone(view: bytes, start: int, end: int, edge: Edge) -> bool:  # noqa: PLR0911  one for each edge
    """Whether a match is no part of a longer value."""
    before = view[start - 1] if start else -1
    after = view[end] if end < len(view) else -1
    match edge:
        case Edge.NONE:
            return True
        case Edge.DIGIT:
            # "%2B" is a plus: the number is seen whole when that is decoded.
            return before not in _DIGITS and after not in _DIGITS and view[max(0, start - 3) : start] not in _PLUS
        case Edge.HEX:
            return before not in _HEX and after not in _HEX
        case Edge.WORD:
            return before not in _WORD and after not in _WORD
        case Edge.LOCAL:
            rest = view[end : end + 3].lower()
            apart = (
                before not in _WORD
                and after not in _WORD
                and before not in _BEFORE_LOCAL
                and after not in _JOINTS
                and after != _AT
            )
            return apart and rest != b"%40" and not (after == 0x2E and view[end + 1 : end + 2].isalnum())  # noqa: PLR2004  a dot
        case Edge.BEGINNING:
            return False  # needs the whole text: `is_cut`
        case Edge.SV:
            more = view[end : end + 3]
            return before not in _DIGITS and len(more) >= 2 and more[:2].isdigit() and not more[2:].isdigit()  # noqa: PLR2004  the version


def agreed(view: bytes, start: int, whole: bytes) -> int:
    """Where a text from `start` on stops to agree with `whole`; 0 where it goes on differently, or to its end."""
    limit = min(len(view) - start, len(whole))
    given, meant = view[start : start + limit].lower(), whole[:limit].lower()
    same = limit if given == meant else next(at for at in range(limit) if given[at] != meant[at])
    end = start + same
    after = view[end] if end < len(view) else -1
    before = view[start - 1] if start else -1
    if same == len(whole) or after in _WORD or after in _GOES_ON or before in _WORD or before in _GOES_ON:
        return 0
    return end


def longest(spans: Iterable[tuple[int, int, Hit]]) -> list[Hit]:
    """Of matches of one seed that lie in each other, the longest; one hit for each of the rest."""
    kept: list[tuple[int, int, Hit]] = []
    last: dict[int, tuple[int, int, Hit]] = {}
    for start, end, hit in sorted(spans, key=lambda span: (span[2].seed, span[0], -span[1], bool(span[2].part))):
        previous = last.get(hit.seed)
        if previous is not None and end <= previous[1] and not previous[2].part:
            continue
        last[hit.seed] = (start, end, hit)
        kept.append((start, end, hit))
    return [hit for _, _, hit in kept]


def detour(short: Hit, long: Hit) -> bool:
    """Whether a longer chain leads to the same match by undoing escapes that were none ("=20" in a query string)."""
    if short.seed != long.seed or len(short.chain) >= len(long.chain) or short.chain[-1] != long.chain[-1]:
        return False
    if short.key.rpartition("/")[2] != long.key.rpartition("/")[2]:
        return False
    steps = iter(short.chain)
    wanted = next(steps, None)
    extra = set()
    for step in long.chain:
        if step == wanted:
            wanted = next(steps, None)
        else:
            extra.add(step)
    # Percent signs alone are no doubt: text is escaped as often as it is passed on.
    return wanted is None and extra <= ESCAPES and extra != {"url"}
