"""What the publisher has to do, and by when: in words, worst first."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sayso.update.core.roles import ROLES

_DAY_S: Final = 86_400
_TO_DO: Final = {
    "root": "bring two root holders together: sayso update keys --renew-root, then sign and publish",
    "targets": "have both release signers sign again: sayso update stage --renew, then sign and publish",
    "snapshot": "run `sayso update publish`; a timer should do that every day",
    "timestamp": "run `sayso update publish`; a timer should do that every day",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One thing that runs out."""

    role: str
    days_left: int
    """Whole days; negative once it is over."""
    urgency: Literal["fine", "soon", "over"]
    todo: str


def reminders(expires: Mapping[str, float], *, now: float) -> list[Reminder]:
    """Tell for each role how long its signatures are good for.

    Args:
        expires: role to Unix seconds.
        now: Unix seconds.

    Returns:
        Worst first.
    """
    found = []
    for role, end in expires.items():
        left = math.floor((end - now) / _DAY_S)
        plan = ROLES[role]
        urgency: Literal["fine", "soon", "over"] = (
            "over" if end <= now else "soon" if left < plan.remind_days else "fine"
        )
        found.append(Reminder(role=role, days_left=left, urgency=urgency, todo=_TO_DO[role]))
    return sorted(found, key=lambda reminder: (reminder.urgency == "fine", reminder.days_left))


def sentence(reminder: Reminder) -> str:
    """Say a reminder in one line."""
    if reminder.urgency == "over":
        return f"{reminder.role}: OVER. Phones take no update until you {reminder.todo}"
    when = f"{reminder.days_left} days left"
    return f"{reminder.role}: {when}" if reminder.urgency == "fine" else f"{reminder.role}: {when}; {reminder.todo}"
