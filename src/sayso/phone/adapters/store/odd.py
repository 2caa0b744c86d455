"""Statement digests in peers' messages that have still to be judged (`core.statements`)."""

from dataclasses import replace

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.statements import OddStatement


class OddStatements:
    """At most one for each conversation: the newest."""

    def __init__(self, database: Database) -> None:
        self._rows = Table(database, "odd_statement", OddStatement)

    def of_line(self, line: bytes) -> list[OddStatement]:
        """Return those of a line, oldest first."""
        return self._rows.many("WHERE line = ? ORDER BY met_at, number", line)

    def note(self, odd: OddStatement) -> None:
        """Write one down; that it was met before stays known."""
        before = self._rows.one("WHERE line = ? AND number = ?", odd.line, odd.number)
        if before is not None and before.digest == odd.digest:
            odd = replace(odd, met_at=before.met_at, sent_at=max(before.sent_at, odd.sent_at))
        self._rows.put(odd)

    def drop(self, line: bytes, number: str) -> None:
        """Forget what was noted about a conversation."""
        self._rows.delete("WHERE line = ? AND number = ?", line, number)

    def forget_line(self, line: bytes) -> None:
        """Forget all of a line that is off."""
        self._rows.delete("WHERE line = ?", line)
