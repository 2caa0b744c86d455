"""The owner's fallback policies: a line's own, and those of conversations."""

from dataclasses import dataclass
from typing import Final

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.fallback import AT_FIRST, Policy, When

_OWN: Final = ""
"""In the place of a number: the line's own policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    line: bytes
    number: str
    undelivered: str
    undelivered_after_s: float
    unreachable: str
    unreachable_after_s: float


class Fallbacks:
    """Policies; where nothing was chosen, the one at first holds."""

    def __init__(self, database: Database) -> None:
        self._rows = Table(database, "fallback", _Row)

    def find(self, line: bytes, number: str | None) -> Policy | None:
        """Return what was chosen for just this conversation, or (None) for the line."""
        row = self._rows.one("WHERE line = ? AND number = ?", line, number or _OWN)
        if row is None:
            return None
        return Policy(
            undelivered=When(row.undelivered),
            undelivered_after_s=row.undelivered_after_s,
            unreachable=When(row.unreachable),
            unreachable_after_s=row.unreachable_after_s,
        )

    def get(self, line: bytes, number: str | None) -> Policy:
        """Return the policy that holds for a conversation, or (None) for those that have none of their own."""
        own = None if number is None else self.find(line, number)
        return own or self.find(line, None) or AT_FIRST

    def put(self, line: bytes, number: str | None, policy: Policy | None) -> None:
        """Write down a choice; None takes it back."""
        if policy is None:
            self._rows.delete("WHERE line = ? AND number = ?", line, number or _OWN)
            return
        self._rows.put(
            _Row(
                line=line,
                number=number or _OWN,
                undelivered=policy.undelivered,
                undelivered_after_s=policy.undelivered_after_s,
                unreachable=policy.unreachable,
                unreachable_after_s=policy.unreachable_after_s,
            )
        )
