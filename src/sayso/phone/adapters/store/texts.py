"""Threads: what was written, by whom, and how it stands."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.outgoing import UNDER_WAY, WAITING, WITH_MODEM, WITHOUT_OUTCOME, State
from sayso.phone.core.texts import Direction, InState, Text, Word

_BY_ID: Final = "WHERE id = ?"


class Texts:
    """The rows that a person sees."""

    def __init__(self, database: Database) -> None:
        self._texts = Table(database, "text", Text)
        self._database = database

    def add(self, text: Text) -> Text:
        """Write down a new row at the end of its thread, or, for a late one, in its place by the sender's counter."""
        placed = replace(text, position=self._position(text))
        return replace(placed, id=self._texts.add(placed))

    def put(self, text: Text) -> None:
        """Write down a row's changes; in place, so that what follows the rows (threads, search) follows the change."""
        self._texts.change(text, "id")

    def drop(self, text_id: int) -> None:
        """Forget a row."""
        self._texts.delete(_BY_ID, text_id)

    def get(self, text_id: int) -> Text | None:
        """Return a row by its place."""
        return self._texts.one(_BY_ID, text_id)

    def find(self, line: bytes, number: str, direction: Direction, message_id: bytes) -> Text | None:
        """Return a row by all that makes a message one."""
        return self._texts.one(
            "WHERE line = ? AND number = ? AND direction = ? AND message_id = ?", line, number, direction, message_id
        )

    def outgoing(self, line: bytes, number: str, message_id: bytes) -> Text | None:
        """Return a text of ours by its message id; only from the thread with this number."""
        return self._texts.one(
            "WHERE line = ? AND number = ? AND direction = 'out' AND message_id = ?", line, number, message_id
        )

    def by_message_id(self, message_id: bytes) -> Text | None:
        """Return a text of ours by its message id alone, for the owner's commands."""
        return self._texts.one("WHERE direction = 'out' AND message_id = ?", message_id)

    def by_sms_ref(self, ref: int) -> Text | None:
        """Return the text that was given to the modem under a reference."""
        return self._texts.one("WHERE sms_ref = ?", ref)

    def queued(self, line: bytes) -> list[Text]:
        """Return the texts that have no channel yet, in order."""
        return self._texts.many("WHERE line = ? AND direction = 'out' AND state = ? ORDER BY id", line, State.QUEUED)

    def under_way(self, line: bytes) -> list[Text]:
        """Return the texts that the server has, or may have."""
        return self._out(line, UNDER_WAY)

    def waiting(self, line: bytes) -> list[Text]:
        """Return the texts whose patience runs, or that wait for their owner, in order."""
        return self._out(line, WAITING)

    def with_modem(self, line: bytes) -> list[Text]:
        """Return the texts whose SMS has no final state."""
        return self._out(line, WITH_MODEM)

    def recalling(self, line: bytes) -> list[Text]:
        """Return the texts that are to be recalled, in order."""
        return self._out(line, {State.RECALLING})

    def recalled(self, line: bytes) -> list[Text]:
        """Return the texts that are to be recalled, or whose recipient's device has still to say, in order."""
        return self._out(line, {State.RECALLING, State.IN_DOUBT})

    def last_line(self, number: str) -> bytes | None:
        """Return the line that a conversation is on: the one that last wrote there, or was last written to."""
        row = self._texts.one("WHERE number = ? AND direction IN ('in', 'out') ORDER BY position DESC", number)
        return None if row is None else row.line

    def without_outcome(self, line: bytes) -> int:
        """Count the texts of ours that have no outcome yet."""
        marks = ", ".join("?" * len(WITHOUT_OUTCOME))
        sql = f"SELECT count(*) FROM text WHERE line = ? AND direction = 'out' AND state IN ({marks})"  # noqa: S608  question marks only
        return int(self._database.execute(sql, (line, *WITHOUT_OUTCOME))[0][0] or 0)

    def newest(self, *, line: bytes | None, number: str | None, limit: int) -> list[Text]:
        """Return the newest rows, oldest of them first."""
        where: list[str] = []
        values: list[bytes | str] = []
        if line is not None:
            where.append("line = ?")
            values.append(line)
        if number is not None:
            where.append("number = ?")
            values.append(number)
        where.append(f"state != '{InState.JOINED}'")
        clause = f"WHERE {' AND '.join(where)} "
        rows = self._texts.many(f"{clause}ORDER BY position DESC, id DESC LIMIT ?", *values, limit)
        return rows[::-1]

    def came_by_cloud(self, line: bytes, number: str, message_id: bytes) -> Text | None:
        """Return a message that came by cloud."""
        return self._texts.one(
            "WHERE line = ? AND number = ? AND direction = 'in' AND message_id = ? AND channel = 'cloud'",
            line,
            number,
            message_id,
        )

    def newest_sms(self, line: bytes, number: str, limit: int) -> list[Text]:
        """Return the newest SMS that came from a number, oldest of them first."""
        rows = self._texts.many(
            "WHERE line = ? AND number = ? AND direction = 'in' AND channel = 'sms' ORDER BY position DESC LIMIT ?",
            line,
            number,
            limit,
        )
        return rows[::-1]

    def unread(self, line: bytes, number: str) -> list[Text]:
        """Return what came in a thread and has not been looked at."""
        return self._texts.many(
            "WHERE line = ? AND number = ? AND direction IN ('in', 'system') AND state = ? ORDER BY id",
            line,
            number,
            InState.NEW,
        )

    def _out(self, line: bytes, states: Collection[State]) -> list[Text]:
        marks = ", ".join("?" * len(states))
        return self._texts.many(
            f"WHERE line = ? AND direction = 'out' AND state IN ({marks}) ORDER BY id", line, *states
        )

    def _position(self, text: Text) -> float:
        last = float(self._database.execute("SELECT coalesce(max(position), 0) FROM text")[0][0] or 0)
        if text.direction is not Direction.IN or text.counter == 0:
            return last + 1
        # A refused deposit may be overtaken by the next one; in the thread it still stands where it was written.
        # Another phone under the same number counts from one again: what the old one wrote says nothing of its order.
        later = self._database.execute(
            "SELECT min(position) FROM text WHERE line = ?1 AND number = ?2 AND direction = 'in' AND counter > ?3"
            " AND position > (SELECT coalesce(max(position), 0) FROM text"
            " WHERE line = ?1 AND number = ?2 AND direction = 'system' AND reason = ?4)",
            (text.line, text.number, text.counter, Word.KEY_CHANGED),
        )[0][0]
        if later is None:
            return last + 1
        before = self._database.execute(
            "SELECT coalesce(max(position), 0) FROM text WHERE line = ? AND number = ? AND position < ?",
            (text.line, text.number, later),
        )[0][0]
        return (float(before or 0) + float(later)) / 2
