"""Parts to wholes (3GPP TS 23.040 §9.2.3.24.1).

A look at the modem's storage gives the same answer after every restart: nothing is kept here between two looks. What
makes it hard is what a network does: parts come in any order and more than once, and a sender's phone begins its
references anew, so that two sets may lie there under one reference at once. Parts of one set are stamped by the network
within seconds of each other: of two sets that lack a part, it joins the one that is nearest in time, and none that is
far from it: half of one text and half of another would be a text that nobody wrote.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sayso.phone.core.sms.header import PartOf

PATIENCE_S: Final = 24 * 3600.0
"""After so long without the missing parts an SMS is shown without them."""
TOGETHER_S: Final = 3600.0
"""So far apart the network stamps the parts of one set at most; those of a sender who lost the network between them."""
GAP: Final = "\u2026"
"""Stands for parts that did not come."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Part:
    """One part in the modem's storage."""

    place: int
    sender: str
    sent_at: float
    """By the network's clock; Unix seconds."""
    seen_at: float
    """When this phone first saw it; seconds of a clock that only grows."""
    of: PartOf
    text: str
    data: bytes = b""
    """In place of a text, for what is none."""
    port: int | None = None
    flash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Whole:
    """An SMS put together."""

    places: tuple[int, ...]
    """All places that are free once it is stored, repeated parts too; ascending."""
    sender: str
    text: str
    data: bytes
    port: int | None
    sent_at: float
    """Of its earliest part."""
    missing: int
    flash: bool


@dataclass(slots=True)
class _Set:
    parts: dict[int, Part] = field(default_factory=dict)
    repeated: list[Part] = field(default_factory=list)

    def distance(self, part: Part) -> float:
        return min(abs(part.sent_at - other.sent_at) for other in self.parts.values())


def assemble(parts: Iterable[Part], *, now: float, patience_s: float = PATIENCE_S) -> list[Whole]:
    """Put parts together.

    Args:
        parts: all that lie in the modem's storage.
        now: by the same clock as `Part.seen_at`.
        patience_s: how long to wait for the missing parts of a set since its newest part was seen.

    Returns:
        The SMS that are whole, and those whose missing parts nobody waits for any more; by their first place.
    """
    groups: dict[tuple[str, bool, int, int], list[Part]] = defaultdict(list)
    for part in parts:
        groups[part.sender, part.of.wide, part.of.reference, part.of.total].append(part)
    wholes = []
    for group in groups.values():
        for found in _sets(group):
            whole = len(found.parts) == group[0].of.total
            newest = max(part.seen_at for part in [*found.parts.values(), *found.repeated])
            if whole or now - newest >= patience_s:
                wholes.append(_whole(found, group[0].of.total))
    return sorted(wholes, key=lambda one: one.places)


def _sets(group: Sequence[Part]) -> list[_Set]:
    """Share the parts of one reference out among as few sets as can be."""
    sets: list[_Set] = []
    for part in sorted(group, key=lambda one: (one.sent_at, one.of.number, one.place)):
        same = next((one for one in sets if _repeats(one.parts.get(part.of.number), part)), None)
        if same is not None:
            same.repeated.append(part)
            continue
        near = (one for one in sets if one.distance(part) <= TOGETHER_S)
        open_to_it = [one for one in near if part.of.number not in one.parts]
        if open_to_it:
            home = min(open_to_it, key=lambda one: one.distance(part))
        else:
            home = _Set()
            sets.append(home)
        home.parts[part.of.number] = part
    return sets


def _repeats(known: Part | None, part: Part) -> bool:
    """Whether the network sent this part a second time: same number, same text, same stamp."""
    return known is not None and (known.text, known.data, known.sent_at) == (
        part.text,
        part.data,
        part.sent_at,
    )


def _whole(found: _Set, total: int) -> Whole:
    parts = [found.parts[number] for number in sorted(found.parts)]
    places = [part.place for part in [*parts, *found.repeated]]
    return Whole(
        places=tuple(sorted(places)),
        sender=parts[0].sender,
        text=_text(found, total) if any(part.text for part in parts) else "",
        data=b"".join(part.data for part in parts),
        port=parts[0].port,
        sent_at=min(part.sent_at for part in parts),
        missing=total - len(parts),
        flash=all(part.flash for part in parts),
    )


def _text(found: _Set, total: int) -> str:
    pieces: list[str] = []
    for number in range(1, total + 1):
        part = found.parts.get(number)
        if part is not None:
            pieces.append(part.text)
        elif pieces[-1:] != [GAP]:
            pieces.append(GAP)
    return "".join(pieces)
