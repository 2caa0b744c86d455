"""The gate's journal: each connection, written down before its first packet."""

from dataclasses import dataclass

from sayso.consent.ports import Attempt
from sayso.phone.adapters.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection, for its owner's eyes; the counts are None while it is open, or if the phone died meanwhile."""

    at: float
    host: str
    port: int
    purpose: str
    sent_bytes: int | None
    received_bytes: int | None


class LineJournal:
    """The Journal port for one line's gate."""

    def __init__(self, database: Database, line: bytes) -> None:
        self._database = database
        self._line = line

    def opened(self, attempt: Attempt) -> int:
        """Write down an attempt. Returns its number."""
        with self._database.transaction("journal-opened"):
            return self._database.insert(
                "INSERT INTO journal (line, at, host, port, purpose) VALUES (?, ?, ?, ?, ?)",
                (self._line, attempt.at, attempt.host, attempt.port, attempt.purpose),
            )

    def closed(self, number: int, *, sent_bytes: int, received_bytes: int) -> None:
        """Write down what a connection came to."""
        with self._database.transaction("journal-closed"):
            self._database.execute(
                "UPDATE journal SET sent_bytes = ?, received_bytes = ? WHERE number = ?",
                (sent_bytes, received_bytes, number),
            )

    def count(self) -> int:
        """Return how many connections the gate has opened for this line, ever."""
        return int(self._database.execute("SELECT count(*) FROM journal WHERE line = ?", (self._line,))[0][0] or 0)

    def newest(self, limit: int) -> list[Connection]:
        """Return the newest connections, newest first."""
        rows = self._database.execute(
            "SELECT at, host, port, purpose, sent_bytes, received_bytes FROM journal WHERE line = ?"
            " ORDER BY number DESC LIMIT ?",
            (self._line, limit),
        )
        return [
            Connection(
                at=float(at or 0),
                host=str(host),
                port=int(port or 0),
                purpose=str(purpose),
                sent_bytes=None if sent is None else int(sent),
                received_bytes=None if received is None else int(received),
            )
            for at, host, port, purpose, sent, received in rows
        ]
