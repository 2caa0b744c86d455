"""The store behind one name."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from sayso.phone.adapters.store.conversations import Conversations
from sayso.phone.adapters.store.database import Boundary, Database, Moved
from sayso.phone.adapters.store.fallbacks import Fallbacks
from sayso.phone.adapters.store.handed import HandedSmsBook
from sayso.phone.adapters.store.journal import LineJournal
from sayso.phone.adapters.store.lines import Lines
from sayso.phone.adapters.store.locks import Locks
from sayso.phone.adapters.store.notices import Notices
from sayso.phone.adapters.store.odd import OddStatements
from sayso.phone.adapters.store.outbox import Outbox
from sayso.phone.adapters.store.peers import Peers
from sayso.phone.adapters.store.preferences import Preferences
from sayso.phone.adapters.store.regard import Regard
from sayso.phone.adapters.store.search import Search
from sayso.phone.adapters.store.seen import Seen
from sayso.phone.adapters.store.texts import Texts


class Store:
    """All that the phone keeps."""

    def __init__(self, path: Path | None, key: bytes, *, boundary: Boundary | None = None) -> None:
        """Open; arguments and errors as for `Database`."""
        self._database = Database(path, key, boundary=boundary)
        self.fallbacks: Final = Fallbacks(self._database)
        self.lines: Final = Lines(self._database)
        self.locks: Final = Locks(self._database)
        self.peers: Final = Peers(self._database)
        self.texts: Final = Texts(self._database)
        self.outbox: Final = Outbox(self._database)
        self.notices: Final = Notices(self._database)
        self.odd: Final = OddStatements(self._database)
        self.seen: Final = Seen(self._database)
        self.conversations: Final = Conversations(self._database)
        self.search: Final = Search(self._database)
        self.regard: Final = Regard(self._database)
        self.preferences: Final = Preferences(self._database)

    def transaction(self, name: str) -> AbstractContextManager[None]:
        """Make everything inside durable together; see `Database.transaction`."""
        return self._database.transaction(name)

    def journal(self, line: bytes) -> LineJournal:
        """Return the journal for a line's gate."""
        return LineJournal(self._database, line)

    def handed(self, line: bytes) -> HandedSmsBook:
        """Return a line's memory of what its modem was given (the HandedBook port)."""
        return HandedSmsBook(self._database, line)

    def secret(self, name: str) -> bytes | None:
        """Return a secret of the phone itself, such as the key under which SIMs are named."""
        rows = self._database.execute("SELECT value FROM meta WHERE key = ?", (f"secret:{name}",))
        return bytes(rows[0][0]) if rows and isinstance(rows[0][0], bytes) else None

    def put_secret(self, name: str, value: bytes) -> None:
        """Keep a secret of the phone itself; inside a transaction."""
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"secret:{name}", value))

    def moves(self) -> int:
        """Return how often keys and ratchets have changed in this store, ever."""
        return self._database.moves()

    def pass_moves(self, noted: int) -> None:
        """Bring the count above what was noted for this store; inside a transaction."""
        self._database.execute("UPDATE meta SET value = max(value, ?) + 1 WHERE key = 'moves'", (noted,))

    def follow(self, moved: Moved) -> None:
        """Have the count told now, and whenever it has risen, before the transaction returns."""
        self._database.follow(moved)

    def close(self) -> None:
        """Close the store."""
        self._database.close()
