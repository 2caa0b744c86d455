"""Many rows to a statement, all or nothing in a transaction."""

import apsw
import pytest

from sayso.server.adapters.mailbox.statements import ROWS_MAX, fetch, insert, transaction


def test_rows_of_more_than_one_statement_are_all_there() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (a, b)")
    rows = [(number, bytes([number % 256])) for number in range(3 * ROWS_MAX + 5)]
    insert(connection, "INSERT INTO t VALUES", rows)
    assert fetch(connection, "SELECT a, b FROM t ORDER BY a") == rows


def test_a_transaction_that_fails_leaves_nothing() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (a UNIQUE)")

    def fails() -> None:
        with transaction(connection):
            insert(connection, "INSERT INTO t VALUES", [(1,), (1,)])

    with pytest.raises(apsw.ConstraintError):
        fails()
    assert fetch(connection, "SELECT count(*) FROM t") == [(0,)]
    assert not connection.in_transaction
