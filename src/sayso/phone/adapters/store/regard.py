"""How the owner regards other numbers: who is blocked, and whose keys were compared."""

from sayso.phone.adapters.store.database import Database


class Regard:
    """Blocked numbers, compared keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_blocked(self, number: str) -> bool:
        """Whether a number is blocked."""
        return bool(self._database.execute("SELECT 1 FROM blocked WHERE number = ?", (number,)))

    def blocked(self) -> list[str]:
        """Return the blocked numbers, last blocked first."""
        return [str(number) for (number,) in self._database.execute("SELECT number FROM blocked ORDER BY at DESC")]

    def block(self, number: str, *, at: float) -> None:
        """Block a number, inside a transaction."""
        self._database.execute("INSERT OR REPLACE INTO blocked VALUES (?, ?)", (number, at))

    def unblock(self, number: str) -> None:
        """Take a block back, inside a transaction."""
        self._database.execute("DELETE FROM blocked WHERE number = ?", (number,))

    def compared(self, line: bytes, number: str) -> str | None:
        """Return the safety number that the owner compared last with this person; None: never."""
        rows = self._database.execute("SELECT digits FROM compared WHERE line = ? AND number = ?", (line, number))
        return str(rows[0][0]) if rows else None

    def note_compared(self, line: bytes, number: str, digits: str | None, *, at: float) -> None:
        """Note that the owner compared a safety number, or takes that back (None); inside a transaction."""
        if digits is None:
            self._database.execute("DELETE FROM compared WHERE line = ? AND number = ?", (line, number))
        else:
            self._database.execute("INSERT OR REPLACE INTO compared VALUES (?, ?, ?, ?)", (line, number, digits, at))
