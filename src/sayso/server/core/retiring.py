"""Keys of the server that were replaced, and live on beside their successors for 14 days (docs/adr/0014).

    rotated ─▶ retiring, no end yet ─ the server runs with it ─▶ retiring, until now + 14 days ─ end ─▶ destroyed

The days are the server's running time: one that stands still for a month takes nobody's token away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sayso.protocol.limits import LIMITS


class KeyKind(StrEnum):
    """Keys that can be replaced while the server goes on. The long-term key cannot: phones pin it."""

    VOPRF = "voprf"
    REGISTRAR = "registrar"
    CERTIFICATE = "certificate"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retiring:
    """A key that was replaced."""

    kind: KeyKind
    number: int
    """The epoch of a VOPRF key, the id of a registrar key; 0 of others."""
    key: bytes = field(repr=False)
    until: float | None = None
    """Running seconds at which it is destroyed; None until the server has run with it."""


def begun(retiring: Sequence[Retiring], *, now: float) -> list[Retiring]:
    """Give an end to those that have none yet."""
    ends = now + LIMITS.key_overlap_s
    return [one if one.until is not None else replace(one, until=ends) for one in retiring]


def remaining(retiring: Sequence[Retiring], *, now: float) -> list[Retiring]:
    """Leave out those whose end has come."""
    return [one for one in retiring if one.until is None or one.until > now]


def signs_still(one: Retiring, *, now: float) -> bool:
    """Whether a retiring signature key signs on: its successor has to be known to everybody first."""
    return one.until is None or now < one.until - LIMITS.key_overlap_s + LIMITS.statement_grace_s


def of_kind(retiring: Sequence[Retiring], kind: KeyKind) -> Retiring | None:
    """Return the retiring key of a kind."""
    return next((one for one in retiring if one.kind is kind), None)
