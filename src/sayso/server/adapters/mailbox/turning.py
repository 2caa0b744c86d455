"""Re-wraps what still waits under the newest hour's key. Bodies stay as they are."""

import json
from collections.abc import Iterator
from typing import Final, TypeAlias

import apsw

from sayso.server.adapters.mailbox.sealing import ENVELOPE_ID_BYTES, NONCE_BYTES, WRAP_BYTES, WrapKeys
from sayso.server.adapters.mailbox.statements import fetch
from sayso.server.errors import CorruptError
from sayso.server.ports import Random

ROWS_MAX: Final = 1024
"""Wraps read or written by one statement: statements.py tells why they are few."""
_BLOB_BYTES: Final = ENVELOPE_ID_BYTES + WRAP_BYTES

Row: TypeAlias = tuple[int, int, bytes, bytes]
"""Seq, generation, envelope id, wrap."""

# One row that holds three lists: a row each would cost a switch of threads each.
_READ: Final = (
    "SELECT json_group_array(seq), json_group_array(generation), group_concat(hex(eid) || hex(wrap), '') FROM"
    " (SELECT seq, generation, eid, wrap FROM mail WHERE seq >= ? AND generation <> ? ORDER BY seq LIMIT ?)"
)
_WRITE: Final = (
    f"UPDATE mail SET generation = ?1, wrap = substr(?2, 1 + {WRAP_BYTES} * chosen.key, {WRAP_BYTES})"  # noqa: S608  numbers of ours
    " FROM json_each(?3) AS chosen WHERE mail.seq = chosen.value"
)


def rewrap(connection: apsw.Connection, keys: WrapKeys, random: Random) -> None:
    """Wrap every envelope's key under the newest hour's, inside a transaction.

    What cannot be opened stays as it is: after this hour nobody can open it.

    Raises:
        apsw.Error: the database failed.
    """
    for rows in _chunks(connection, keys.newest_generation):
        seqs: list[int] = []
        wraps: list[bytes] = []
        nonces = random.token_bytes(NONCE_BYTES * len(rows))
        for place, (seq, generation, envelope_id, wrap) in enumerate(rows):
            try:
                key = keys.unwrap(generation, wrap, seq=seq, envelope_id=envelope_id)
            except CorruptError:
                continue
            nonce = nonces[NONCE_BYTES * place : NONCE_BYTES * (place + 1)]
            seqs.append(seq)
            wraps.append(keys.wrap(key, nonce, seq=seq, envelope_id=envelope_id))
        connection.execute(_WRITE, (keys.newest_generation, b"".join(wraps), json.dumps(seqs)))


def forget_idle_watermarks(connection: apsw.Connection) -> None:
    """Forget the handed marks of devices for which nothing waits: `next_seq` is above them for good."""
    connection.execute("DELETE FROM handed WHERE device NOT IN (SELECT device FROM mail)")


def _chunks(connection: apsw.Connection, newest: int) -> Iterator[list[Row]]:
    low = 0
    while rows := _read(connection, low, newest):
        yield rows
        low = rows[-1][0] + 1


def _read(connection: apsw.Connection, low: int, newest: int) -> list[Row]:
    seqs_json, generations_json, text = fetch(connection, _READ, (low, newest, ROWS_MAX))[0]
    seqs: list[int] = json.loads(seqs_json)
    generations: list[int] = json.loads(generations_json)
    blob = bytes.fromhex(text or "")
    starts = range(0, len(blob), _BLOB_BYTES)
    return [
        (
            seq,
            generation,
            blob[start : start + ENVELOPE_ID_BYTES],
            blob[start + ENVELOPE_ID_BYTES : start + _BLOB_BYTES],
        )
        for seq, generation, start in zip(seqs, generations, starts, strict=True)
    ]
