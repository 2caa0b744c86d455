"""One update, step by step, and what a start after a crash makes of it.

    nothing under way
        │ noted: the step is durable before anything is touched
        ▼
    preparing ── environment built, data copied and migrated, health checked ──▶ switch (one rename)
        │ crash or failure: thrown away, the old generation was never touched       │
        ▼                                                                           ▼
    nothing under way                                                       on trial ── health ──▶ confirmed
                                                                                │ no
                                                                                ▼
                                                                       switched back (one rename)

A **generation** is one environment and the data that goes with it, behind one symbolic link: code and data change
together or not at all. Where the link points decides what a crash has left, so nothing has to be believed but the link.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from sayso.update.core.manifest import VersionText


class Generation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is in force, or may be."""

    number: Annotated[int, Meta(ge=1)]
    slot: Literal["a", "b"]
    version: VersionText
    data: Annotated[int, Meta(ge=1)]
    """Number of the data directory."""
    data_version: int


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An update or roll-back that is under way."""

    kind: Literal["update", "rollback"]
    before: Generation
    after: Generation
    confirmed: bool = False
    """The new generation has passed its check after the switch; only tidying is left."""


class Recovery(StrEnum):
    """What a start makes of a step that it finds."""

    NOTHING = "nothing"
    THROW_AWAY = "throw-away"
    """It never came to the switch: remove what was prepared."""
    TRY = "try"
    """It was switched and not confirmed: check the health, then confirm or switch back."""
    TIDY = "tidy"
    """It is confirmed: remove what is not needed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where an update builds, and which data it works on."""

    slot: Literal["a", "b"]
    data: int
    copies_data: bool


def recovery(step: Step | None, *, current: int) -> Recovery:
    """Tell what to do about a step, given the generation that the switch points to."""
    if step is None:
        return Recovery.NOTHING
    if current != step.after.number:
        return Recovery.THROW_AWAY
    return Recovery.TIDY if step.confirmed else Recovery.TRY


def plan(before: Generation, *, data_version: int) -> Plan:
    """Plan the next generation: the other slot, and a copy of the data only where the data change."""
    copies = data_version != before.data_version
    return Plan(
        slot="b" if before.slot == "a" else "a",
        data=before.number + 1 if copies else before.data,
        copies_data=copies,
    )
