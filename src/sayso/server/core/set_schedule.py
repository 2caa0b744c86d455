"""When the enrolled set is built, and who is in it (design.md §5.2).

    enrols, findable by everyone ──▶ in, from the next build
    opts out, or hides           ──▶ out, at the next build
    lapses ──▶ in, until a moment 3 to 10 days after its lease ended, drawn once ──▶ out
        └── comes back before it: in as if nothing had been; the moment is forgotten

So two builds side by side tell who joined and who left, and do not tell when a phone was off.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from sayso.protocol.ids import DeviceId, Token
from sayso.protocol.limits import LIMITS

_CHANCE_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What the schedule must know of an enrolled line."""

    device: DeviceId
    token: Token
    findable: bool
    """By everyone who has the number."""
    lease_ends: float
    """Running seconds."""
    previous_token: Token | None = None
    """Of the epoch that ends: the line is in that epoch's set too."""
    leaves_at: float | None = None
    """When it leaves the set, drawn by an earlier build; running seconds."""


@dataclass(slots=True, kw_only=True)
class Members:
    """Who is in a build, and what has to be written down before it is shown."""

    tokens: list[Token] = field(default_factory=list)
    drawn: dict[DeviceId, float] = field(default_factory=dict)
    """Lines that lapsed since the build before: when each leaves."""
    back: list[DeviceId] = field(default_factory=list)
    """Lines that came back: their moment is forgotten."""


def build_hour(wall: float) -> int:
    """Return the fixed hour at or before a moment; Unix seconds, both."""
    return int(wall // LIMITS.set_build_s) * LIMITS.set_build_s


def due(last_built: int | None, wall: float) -> int | None:
    """Return the hour to build for, or None.

    Args:
        last_built: the hour of the last build; None for none.
        wall: Unix seconds. A clock that was set back builds nothing until it is past that hour again.
    """
    hour = build_hour(wall)
    return hour if last_built is None or hour > last_built else None


def members(lines: Iterable[Candidate], *, now: float, random: Callable[[int], bytes]) -> Members:
    """Say who is in the build.

    Args:
        lines: all enrolled lines, asleep and hidden ones too.
        now: running seconds.
        random: gives so many random bytes; asked once for each line that has lapsed since the build before.
    """
    found = Members()
    for line in lines:
        if line.lease_ends > now:
            if line.leaves_at is not None:
                found.back.append(line.device)
            if line.findable:
                found.tokens += _tokens(line)
            continue
        leaves_at = line.leaves_at
        if leaves_at is None:
            leaves_at = found.drawn[line.device] = line.lease_ends + _delay(random)
        if line.findable and leaves_at > now:
            found.tokens += _tokens(line)
    return found


def _tokens(line: Candidate) -> list[Token]:
    return [line.token] if line.previous_token is None else [line.token, line.previous_token]


def _delay(random: Callable[[int], bytes]) -> float:
    chance = int.from_bytes(random(_CHANCE_BYTES), "big") / 256**_CHANCE_BYTES
    return LIMITS.set_lapsed_min_s + chance * (LIMITS.set_lapsed_max_s - LIMITS.set_lapsed_min_s)
