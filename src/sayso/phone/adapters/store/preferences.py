"""How the owner likes the web app: language, colours, what a text costs; and the digests of its sessions."""

from sayso.phone.adapters.store.database import Database


class Preferences:
    """Names to short texts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> str | None:
        """Return a preference, None where nothing was said."""
        rows = self._database.execute("SELECT value FROM preference WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def put(self, name: str, value: str) -> None:
        """Keep a preference, inside a transaction."""
        self._database.execute("INSERT OR REPLACE INTO preference VALUES (?, ?)", (name, value))
