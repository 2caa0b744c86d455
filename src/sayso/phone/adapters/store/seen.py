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

    def sms(self, line: bytes, place: int, digest: bytes) -> bool:
        """Whether this SMS in the modem's storage was stored before."""
        return bool(
            self._database.execute(
                "SELECT 1 FROM seen_sms WHERE line = ? AND place = ? AND digest = ?", (line, place, digest)
            )
        )

    def add_sms(self, line: bytes, place: int, digest: bytes, *, at: float) -> None:
        """Note an SMS as stored, or as announced again."""
        self._database.execute("INSERT OR REPLACE INTO seen_sms VALUES (?, ?, ?, ?)", (line, place, digest, at))

    def forget_before(self, line: bytes, *, envelopes: float, sms: float) -> None:
        """Forget what cannot come again: envelopes and SMS last noted before these times (Unix seconds)."""
        self._database.execute("DELETE FROM seen_envelope WHERE line = ? AND at < ?", (line, envelopes))
        self._database.execute("DELETE FROM seen_sms WHERE line = ? AND at < ?", (line, sms))
