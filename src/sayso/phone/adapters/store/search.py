"""Every text by what stands in it: trigrams (SQLite FTS5), and a scan for what is shorter than three signs.

Two Chinese characters are a word; trigrams cannot find them. A scan over 50,000 texts takes some tens of milliseconds.
"""

from typing import Final

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.texts import Text

_TRIGRAM: Final = 3
WORDS_AT_ONCE: Final = 16


class Search:
    """The search over all texts."""

    def __init__(self, database: Database) -> None:
        self._texts = Table(database, "text", Text)

    def texts(self, words: str, limit: int) -> list[Text]:
        """Return the newest texts in which every word stands, newest first; upper and lower case are the same.

        Args:
            words: separated by spaces; nothing in them is an operator.
            limit: how many at most.
        """
        wanted = words.split()[:WORDS_AT_ONCE]
        if not wanted:
            return []
        long = [word for word in wanted if len(word) >= _TRIGRAM]
        short = [word for word in wanted if len(word) < _TRIGRAM]
        clauses, values = ["direction != 'system'", "state != 'joined'"], []
        if long:
            clauses.append("id IN (SELECT rowid FROM text_words WHERE text_words MATCH ?)")
            values.append(" AND ".join(_quoted(word) for word in long))
        for word in short:
            clauses.append(r"text LIKE ? ESCAPE '\'")
            values.append(f"%{_escaped(word)}%")
        return self._texts.many(f"WHERE {' AND '.join(clauses)} ORDER BY at DESC, id DESC LIMIT ?", *values, limit)


def _quoted(word: str) -> str:
    """Write a word as an FTS5 string, in which nothing has a meaning."""
    return '"' + word.replace('"', '""').replace("\0", "") + '"'


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
