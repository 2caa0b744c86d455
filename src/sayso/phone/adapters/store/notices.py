"""Sent-as-SMS notices that came."""

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.notices import Notice


class Notices:
    """Notices, and the SMS that they were joined to."""

    def __init__(self, database: Database) -> None:
        self._notices = Table(database, "sms_notice", Notice)

    def put(self, notice: Notice) -> None:
        """Write down a notice, new or joined."""
        self._notices.put(notice)

    def get(self, line: bytes, number: str, message_id: bytes) -> Notice | None:
        """Return the notice about a message."""
        return self._notices.one("WHERE line = ? AND number = ? AND message_id = ?", line, number, message_id)

    def open(self, line: bytes, number: str) -> list[Notice]:
        """Return the notices of a number that are not joined to an SMS, oldest first."""
        return self._notices.many("WHERE line = ? AND number = ? AND joined = 0 ORDER BY at", line, number)

    def joined_to(self, line: bytes, number: str) -> set[int]:
        """Return the places of the SMS of a number that notices are joined to."""
        return {one.joined for one in self._notices.many("WHERE line = ? AND number = ? AND joined > 0", line, number)}
