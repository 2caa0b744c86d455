"""What lines know of registration locks."""

from typing import Final

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.lock import LockState

_OF_LINE: Final = "WHERE line = ?"


class Locks:
    """One row for each line that has to do with a lock."""

    def __init__(self, database: Database) -> None:
        self._rows = Table(database, "lock_state", LockState)

    def get(self, line: bytes) -> LockState:
        """Return what a line knows."""
        return self._rows.one(_OF_LINE, line) or LockState(line=line)

    def put(self, state: LockState) -> None:
        """Write down what a line knows."""
        self._rows.put(state)

    def forget(self, line: bytes) -> None:
        """Forget it, a PIN that was entered included."""
        self._rows.delete(_OF_LINE, line)
