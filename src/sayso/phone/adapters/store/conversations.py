"""Threads: one row for each line and number, kept by the store's triggers as texts come, are read and go."""

from dataclasses import dataclass

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.texts import Text


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Conversation:
    """One thread of one line. Its id says nothing about the number, so that it may stand in a URL."""

    id: int = 0
    line: bytes
    number: str
    unread: int = 0
    last: int | None = None
    """Place of its newest text; None while it has none."""
    last_at: float = 0.0


class Conversations:
    """The threads, and pages of them."""

    def __init__(self, database: Database) -> None:
        self._conversations = Table(database, "conversation", Conversation)
        self._texts = Table(database, "text", Text)
        self._database = database

    def newest(self, limit: int, *, before: float | None = None) -> list[Conversation]:
        """Return the threads that have texts, last used first; `before` is the `last_at` to go on from."""
        if before is None:
            return self._conversations.many("WHERE last IS NOT NULL ORDER BY last_at DESC, id DESC LIMIT ?", limit)
        return self._conversations.many(
            "WHERE last IS NOT NULL AND last_at < ? ORDER BY last_at DESC, id DESC LIMIT ?", before, limit
        )

    def get(self, conversation: int) -> Conversation | None:
        """Return a thread by its id."""
        return self._conversations.one("WHERE id = ?", conversation)

    def of(self, line: bytes, number: str) -> Conversation | None:
        """Return the thread of a line with a number."""
        return self._conversations.one("WHERE line = ? AND number = ?", line, number)

    def with_number(self, number: str) -> list[Conversation]:
        """Return the threads of all lines with a number."""
        return self._conversations.many("WHERE number = ? ORDER BY id", number)

    def begin(self, line: bytes, number: str) -> Conversation:
        """Return the thread of a line with a number; made if there is none, inside a transaction."""
        found = self.of(line, number)
        if found is not None:
            return found
        made = Conversation(line=line, number=number)
        self._conversations.add(made)
        return self.of(line, number) or made

    def drop(self, conversation: Conversation) -> None:
        """Forget a thread with all its texts, inside a transaction."""
        self._texts.delete("WHERE line = ? AND number = ?", conversation.line, conversation.number)
        self._conversations.delete("WHERE id = ?", conversation.id)

    def page(self, conversation: Conversation, limit: int, *, before: float | None = None) -> list[Text]:
        """Return the newest texts of a thread, oldest of them first; `before` is the position to go on from."""
        clause = "" if before is None else "AND position < ? "
        values = () if before is None else (before,)
        rows = self._texts.many(
            f"WHERE line = ? AND number = ? AND state != 'joined' {clause}ORDER BY position DESC, id DESC LIMIT ?",
            conversation.line,
            conversation.number,
            *values,
            limit,
        )
        return rows[::-1]

    def page_around(self, conversation: Conversation, position: float, limit: int) -> list[Text]:
        """Return the texts around a position, oldest first: half of them before it, half from it on."""
        after = self._texts.many(
            "WHERE line = ? AND number = ? AND state != 'joined' AND position >= ? ORDER BY position, id LIMIT ?",
            conversation.line,
            conversation.number,
            position,
            limit // 2,
        )
        return [*self.page(conversation, limit // 2, before=position), *after]

    def unread(self) -> int:
        """Count the unread texts of all threads whose number is not blocked."""
        rows = self._database.execute(
            "SELECT coalesce(sum(unread), 0) FROM conversation WHERE number NOT IN (SELECT number FROM blocked)"
        )
        return int(rows[0][0] or 0)
