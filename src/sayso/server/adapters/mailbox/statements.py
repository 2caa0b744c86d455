"""How statements are run on the mailbox database.

Never one statement per row: SQLite's binding gives the interpreter's lock away at each step, and beside a busy event
loop each costs a switch interval to get it back (91,000 rows a second become 768). So rows go in by many to a
statement, and out by lists in JSON.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import Any, Final, TypeAlias

import apsw

Value: TypeAlias = bytes | float | int
ROWS_MAX: Final = 128
"""Rows in one statement."""


def fetch(
    connection: apsw.Connection, sql: str, values: Sequence[bytes | float | int | str] = ()
) -> list[tuple[Any, ...]]:
    """Return all rows; their types are the schema's, except on damaged pages. Raises apsw.Error."""
    return connection.execute(sql, values).fetchall()


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """All of it or nothing; durable when it ends. A failed rollback leaves the connection `in_transaction`."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def insert(connection: apsw.Connection, verb: str, rows: Sequence[tuple[Value, ...]], clause: str = "") -> None:
    """Insert rows of one shape; `verb` is the statement up to VALUES, `clause` what follows them. Raises apsw.Error."""
    for start in range(0, len(rows), ROWS_MAX):
        chunk = rows[start : start + ROWS_MAX]
        connection.execute(_statement(verb, len(chunk[0]), len(chunk), clause), tuple(chain.from_iterable(chunk)))


@lru_cache(maxsize=8 * ROWS_MAX)
def _statement(verb: str, columns: int, rows: int, clause: str) -> str:
    row = "(" + ",".join("?" * columns) + ")"
    return f"{verb} {','.join([row] * rows)}{clause}"
