"""What came already: envelopes by id, contents by message id, SMS by place and digest."""

from sayso.phone.adapters.store.database import Database


class Seen:
    """Dedupe. Message ids are kept for good, the rest for as long as the other side could repeat it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def envelope(self, line: bytes, envelope_id: bytes) -> bool | None:
        """Return None for a new envelope, else whether it was refused to be shown."""
        rows = self._database.execute(
            "SELECT refused FROM seen_envelope WHERE line = ? AND envelope_id = ?", (line, envelope_id)
        )
        return bool(rows[0][0]) if rows else None

    def add_envelope(self, line: bytes, envelope_id: bytes, *, at: float, refused: bool = False) -> None:
        """Note an envelope as used, or as never to be shown."""
        self._database.execute(
            "INSERT OR IGNORE INTO seen_envelope VALUES (?, ?, ?, ?)", (line, envelope_id, at, refused)
        )

    def message(self, line: bytes, number: str, message_id: bytes) -> bool:
        """Whether this content of this number was stored before."""
        return bool(
            self._database.execute(
                "SELECT 1 FROM seen_message WHERE line = ? AND number = ? AND message_id = ?",
                (line, number, message_id),
            )
        )

    def add_message(self, line: bytes, number: str, message_id: bytes) -> None:
        """Note a content as stored."""
        self._database.execute("INSERT OR IGNORE INTO seen_message VALUES (?, ?, ?)", (line, number, message_id))

    def sms(self, line: bytes, place: int, digest: bytes) -> float | None:
        """Return when this SMS in the modem's storage was last noted; None for one that was not stored before."""
        rows = self._database.execute(
            "SELECT at FROM seen_sms WHERE line = ? AND place = ? AND digest = ?", (line, place, digest)
        )
        return float(rows[0][0] or 0) if rows else None

    def sms_elsewhere(self, line: bytes, digest: bytes) -> int | None:
        """Return the place of an SMS of the same sender, time and text that the modem has not deleted yet.

        A modem that was reset may give its SMS other places; what it deleted cannot come back at another one.
        """
        rows = self._database.execute(
            "SELECT place FROM seen_sms WHERE line = ? AND digest = ? AND deleted = 0 LIMIT 1", (line, digest)
        )
        return int(rows[0][0] or 0) if rows else None

    def add_sms(self, line: bytes, place: int, digest: bytes, *, at: float) -> None:
        """Note an SMS as stored, or as announced again; it still lies with the modem."""
        self._database.execute("INSERT OR REPLACE INTO seen_sms VALUES (?, ?, ?, ?, 0)", (line, place, digest, at))

    def move_sms(self, line: bytes, digest: bytes, *, old: int, new: int) -> None:
        """Note that an SMS lies at another place now."""
        self._database.execute(
            "UPDATE seen_sms SET place = ? WHERE line = ? AND place = ? AND digest = ?", (new, line, old, digest)
        )

    def sms_lies_there(self, line: bytes, place: int, digest: bytes) -> bool:
        """Whether an SMS is not noted as deleted."""
        return bool(
            self._database.execute(
                "SELECT 1 FROM seen_sms WHERE line = ? AND place = ? AND digest = ? AND deleted = 0",
                (line, place, digest),
            )
        )

    def sms_deleted(self, line: bytes, place: int, digest: bytes) -> None:
        """Note that the modem has deleted an SMS."""
        self._database.execute(
            "UPDATE seen_sms SET deleted = 1 WHERE line = ? AND place = ? AND digest = ?", (line, place, digest)
        )

    def forget_before(self, line: bytes, *, envelopes: float, sms: float) -> None:
        """Forget what cannot come again: envelopes and SMS last noted before these times (Unix seconds)."""
        self._database.execute("DELETE FROM seen_envelope WHERE line = ? AND at < ?", (line, envelopes))
        self._database.execute("DELETE FROM seen_sms WHERE line = ? AND at < ?", (line, sms))
