"""Contents on their way by cloud, and receipts that are due."""

from collections.abc import Collection

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.outbox import Parcel, Stage


class Outbox:
    """Parcels in the order in which they were written."""

    def __init__(self, database: Database) -> None:
        self._parcels = Table(database, "outbox", Parcel)
        self._database = database

    def add(self, parcel: Parcel) -> int:
        """Write down a new parcel; returns its place."""
        return self._parcels.add(parcel)

    def put(self, parcel: Parcel) -> None:
        """Write down a parcel's changes."""
        self._parcels.put(parcel)

    def get(self, parcel_id: int) -> Parcel | None:
        """Return a parcel by its place."""
        return self._parcels.one("WHERE id = ?", parcel_id)

    def drop(self, parcel_id: int) -> None:
        """Forget a parcel."""
        self._parcels.delete("WHERE id = ?", parcel_id)

    def by_handle(self, line: bytes, handle_hash: bytes) -> Parcel | None:
        """Return the parcel whose envelope a handle names."""
        return self._parcels.one("WHERE line = ? AND handle_hash = ?", line, handle_hash)

    def of_message(self, line: bytes, number: str, message_id: bytes) -> Parcel | None:
        """Return the parcel of a content."""
        return self._parcels.one("WHERE line = ? AND number = ? AND message_id = ?", line, number, message_id)

    def numbers_to_send_to(self, line: bytes) -> list[str]:
        """Return the numbers for whom something waits that the relay has not taken yet."""
        rows = self._database.execute(
            "SELECT number FROM outbox WHERE line = ? AND stage IN (?, ?) GROUP BY number ORDER BY min(id)",
            (line, Stage.READY, Stage.SEALED),
        )
        return [str(row[0]) for row in rows]

    def next_to_send(self, line: bytes, number: str, *, beside: Collection[int]) -> Parcel | None:
        """Return the first parcel of a conversation that the relay has not taken yet, `beside` those in flight."""
        found = self._parcels.many(
            "WHERE line = ? AND number = ? AND stage IN (?, ?) ORDER BY id LIMIT ?",
            line,
            number,
            Stage.READY,
            Stage.SEALED,
            len(beside) + 1,
        )
        return next((parcel for parcel in found if parcel.id not in beside), None)

    def ready(self, line: bytes, number: str) -> list[Parcel]:
        """Return what waits to be sealed for a number, in order."""
        return self._parcels.many("WHERE line = ? AND number = ? AND stage = ? ORDER BY id", line, number, Stage.READY)

    def is_sending(self, line: bytes, number: str, kind: int) -> bool:
        """Whether a parcel of this kind is on its way to the relay already."""
        return (
            self._parcels.one(
                "WHERE line = ? AND number = ? AND kind = ? AND stage IN (?, ?)",
                line,
                number,
                kind,
                Stage.READY,
                Stage.SEALED,
            )
            is not None
        )

    def in_conversation(self, line: bytes, number: str, ids: Collection[int]) -> int:
        """Count those of `ids` that belong to a conversation."""
        if not ids:
            return 0
        marks = ", ".join("?" * len(ids))
        sql = f"SELECT count(*) FROM outbox WHERE line = ? AND number = ? AND id IN ({marks})"  # noqa: S608  question marks only
        return int(self._database.execute(sql, (line, number, *ids))[0][0] or 0)

    def accepted(self, line: bytes) -> list[Parcel]:
        """Return what is in custody, oldest first."""
        return self._parcels.many("WHERE line = ? AND stage = ? ORDER BY id", line, Stage.ACCEPTED)

    def empty(self, line: bytes) -> None:
        """Forget everything of a line that is off."""
        self._parcels.delete("WHERE line = ?", line)
        self._database.execute("DELETE FROM receipt_due WHERE line = ?", (line,))

    def owe_receipt(self, line: bytes, number: str, kind: int, message_id: bytes) -> None:
        """Note that a receipt is due. Whether it is ever sent depends on the owner."""
        self._database.execute(
            "INSERT OR IGNORE INTO receipt_due VALUES (?, ?, ?, ?)", (line, number, kind, message_id)
        )

    def receipts_due(self, line: bytes) -> list[tuple[str, int]]:
        """Return number and kind of the receipts that are due."""
        rows = self._database.execute("SELECT DISTINCT number, kind FROM receipt_due WHERE line = ?", (line,))
        return [(str(number), int(kind or 0)) for number, kind in rows]

    def take_receipts(self, line: bytes, number: str, kind: int, limit: int) -> list[bytes]:
        """Take receipts that are due out of the list, to put them into a parcel in the same transaction."""
        rows = self._database.execute(
            "SELECT message_id FROM receipt_due WHERE line = ? AND number = ? AND kind = ? LIMIT ?",
            (line, number, kind, limit),
        )
        ids = [bytes(row[0]) for row in rows if isinstance(row[0], bytes)]
        for message_id in ids:
            self._database.execute(
                "DELETE FROM receipt_due WHERE line = ? AND number = ? AND kind = ? AND message_id = ?",
                (line, number, kind, message_id),
            )
        return ids

    def drop_receipts(self, line: bytes, number: str) -> None:
        """Forget the receipts for somebody who has left the cloud."""
        self._database.execute("DELETE FROM receipt_due WHERE line = ? AND number = ?", (line, number))
