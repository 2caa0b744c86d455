"""Brings the rows of waiting envelopes over from a damaged table, so that one bad page does not stop the server.

A tree with a damaged page cannot be written to: a deletion next to it wants to merge with it. So the readable rows move
to a table of their own, and the damaged one stays behind under another name, for whoever wants to look.
"""

from collections.abc import Iterator
from typing import Any, Final

import apsw

from sayso.server.adapters.mailbox.database import MAIL_TABLE, fetch
from sayso.server.adapters.mailbox.faults import is_damage
from sayso.server.adapters.mailbox.sealing import WRAP_BYTES
from sayso.server.adapters.mailbox.writing import insert, transaction

_ID_BYTES: Final = 16


def salvage(connection: apsw.Connection) -> int:
    """Look at every row of `mail`; where pages are damaged, go on with the rows that are not.

    Returns:
        How many places were lost: seqs on damaged pages, each counted once although some may never have been in use.

    Raises:
        apsw.Error: the database failed otherwise, or is damaged elsewhere.
    """
    try:
        fetch(connection, "SELECT total(length(wrap)) FROM mail")
    except apsw.Error as error:
        if not is_damage(error):
            raise
    else:
        return 0
    # Read first, write then: after a read that fails inside a transaction SQLite lets nothing more be written in it.
    ((end,),) = fetch(connection, "SELECT next_seq FROM meta")
    lost = 0
    sound: list[tuple[Any, ...]] = []
    for rows in _readable_ranges(connection, 0, end):
        lost += rows is None
        sound += (row for row in rows or () if _is_sound(row))
    with transaction(connection):
        ((earlier,),) = fetch(connection, "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'mail_damaged_*'")
        connection.execute(f"ALTER TABLE mail RENAME TO mail_damaged_{earlier + 1}")
        connection.execute(MAIL_TABLE)
        insert(connection, "INSERT INTO mail VALUES", sound)
    return lost


def _readable_ranges(connection: apsw.Connection, start: int, end: int) -> Iterator[list[tuple[Any, ...]] | None]:
    """Read the rows with start <= seq < end, in order; None stands for a seq that cannot be read."""
    # A scan looks one row ahead, which may be on the damaged page; a look-up of one seq does not.
    condition = "seq = ?" if end - start <= 1 else "seq >= ? AND seq < ?"
    try:
        rows = fetch(
            connection,
            f"SELECT * FROM mail WHERE {condition} ORDER BY seq",  # noqa: S608  one of two of ours
            (start, end)[: condition.count("?")],
        )
    except apsw.Error as error:
        if not is_damage(error):
            raise
        if end - start <= 1:
            yield None
            return
        middle = (start + end) // 2
        yield from _readable_ranges(connection, start, middle)
        yield from _readable_ranges(connection, middle, end)
    else:
        yield rows


def _is_sound(row: tuple[Any, ...]) -> bool:
    """Whether a row can be one that was written: damage may leave a page readable and a value of another type."""
    seq, device, envelope_id, handle_hash, deposited, expires, size, granted, handed, generation, wrap = row
    return (
        all(isinstance(number, int) for number in (seq, size, granted, handed, generation))
        and all(isinstance(time, float) for time in (deposited, expires))
        and isinstance(handle_hash, bytes)
        and [len(blob) for blob in (device, envelope_id, wrap) if isinstance(blob, bytes)]
        == [_ID_BYTES, _ID_BYTES, WRAP_BYTES]
    )
