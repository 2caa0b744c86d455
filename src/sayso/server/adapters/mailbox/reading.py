"""What is read: everything once at start, envelopes by their seqs, an outcome by its handle's hash.

A damaged page of bodies costs the envelopes that lie on it and no others; rescue.py sees to the rows about them.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import apsw

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.server.adapters.mailbox.faults import is_damage
from sayso.server.adapters.mailbox.sealing import ENVELOPE_ID_BYTES, WRAP_BYTES, WrapKeys, open_body
from sayso.server.adapters.mailbox.statements import fetch
from sayso.server.core.model import Doubt, Held, StoredOutcome, Waiting
from sayso.server.errors import CorruptError

ENVELOPES_MAX: Final = 256
"""Envelopes read by one statement: a device's window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a database holds, and what of it cannot be used."""

    held: Held
    latest: float
    """The latest running time that was ever committed."""
    set_aside: int
    """Envelopes whose hour's key is lost."""


def read_all(connection: apsw.Connection, keys: WrapKeys) -> Found:
    """Read everything but the bodies.

    Raises:
        apsw.Error: the database cannot be read.
    """
    next_seq, latest = fetch(connection, "SELECT next_seq, latest FROM meta")[0]
    handed: dict[bytes, int] = dict(fetch(connection, "SELECT device, upto FROM handed"))
    waiting: list[Waiting] = []
    set_aside = 0
    for *row, generation in fetch(connection, _MAIL):
        if keys.holds(generation):
            waiting.append(_waiting(row, handed))
        else:
            set_aside += 1
    doubts = [_doubt(*row) for row in fetch(connection, _DOUBTS)]
    held = Held(waiting=waiting, doubts=doubts, next_seq=next_seq)
    return Found(held=held, latest=latest, set_aside=set_aside)


def _waiting(row: list[Any], handed: dict[bytes, int]) -> Waiting:
    seq, device, envelope_id, handle_hash, deposited, expires, size, granted, born_handed = row
    return Waiting(
        seq=seq,
        device=device,
        envelope_id=envelope_id,
        handle_hash=handle_hash,
        deposited=deposited,
        expires=expires,
        size=size,
        granted=bool(granted),
        handed=bool(born_handed) or seq <= handed.get(device, 0),
    )


_MAIL: Final = (
    "SELECT seq, device, eid, hh, deposited, expires, size, granted, handed, generation FROM mail ORDER BY seq"
)
_DOUBTS: Final = "SELECT device, eid, hh, granted, deposited, expires, refused_means FROM doubt"


def _doubt(
    device: bytes, envelope_id: bytes, handle_hash: bytes, granted: int, deposited: float, expires: float, means: int
) -> Doubt:
    return Doubt(
        device=DeviceId(device),
        envelope_id=EnvelopeId(envelope_id),
        handle_hash=HandleHash(handle_hash),
        granted=bool(granted),
        deposited=deposited,
        expires=expires,
        refused_means=OutcomeState(means),
    )


def read_envelopes(
    connection: apsw.Connection, keys: WrapKeys, device: DeviceId, seqs: Sequence[int]
) -> list[tuple[int, bytes]]:
    """Return the envelopes that are there and can be opened, in the order asked for.

    Raises:
        apsw.Error: the database cannot be read.
    """
    envelopes = []
    for start in range(0, len(seqs), ENVELOPES_MAX):
        chunk = list(seqs[start : start + ENVELOPES_MAX])
        found = {row.seq: row for row in _rows(connection, chunk)}
        for row in filter(None, map(found.get, chunk)):
            try:
                key = keys.unwrap(row.generation, row.wrap, seq=row.seq, envelope_id=row.envelope_id)
                body = open_body(row.sealed, key, device=device, envelope_id=row.envelope_id, seq=row.seq)
            except CorruptError:
                continue
            envelopes.append((row.seq, body))
    return envelopes


class _Row(NamedTuple):
    """One envelope as it lies there."""

    seq: int
    generation: int
    envelope_id: bytes
    wrap: bytes
    sealed: memoryview


# One row that holds all of them: a row each would cost a switch of threads each (statements.py). What `group_concat`
# joins are the bytes as they are; the lengths say where to cut them. Of a damaged row these may be anything that fits:
# opening it tells.
_ENVELOPES: Final = (
    "SELECT json_group_array(seq), json_group_array(generation), json_group_array(octet_length(sealed)),"  # noqa: S608  numbers of ours
    " CAST(group_concat(eid || wrap || sealed, '') AS BLOB) FROM"
    " (SELECT mail.seq AS seq, CAST(generation AS INTEGER) AS generation, eid, wrap, sealed"
    "  FROM json_each(?) AS chosen CROSS JOIN mail ON mail.seq = chosen.value CROSS JOIN body ON body.seq = mail.seq"
    f"  WHERE octet_length(eid) = {ENVELOPE_ID_BYTES} AND octet_length(wrap) = {WRAP_BYTES} AND sealed IS NOT NULL)"
)


def _rows(connection: apsw.Connection, seqs: Sequence[int]) -> list[_Row]:
    """Read the rows of some envelopes: one statement, one step."""
    try:
        found = fetch(connection, _ENVELOPES, (json.dumps(seqs),))[0]
    except apsw.Error as error:
        if not is_damage(error):
            raise
        return [] if len(seqs) == 1 else [row for seq in seqs for row in _rows(connection, [seq])]
    return list(_cut(*found))


def _cut(seqs: str, generations: str, lengths: str, joined: bytes | None) -> Iterator[_Row]:
    blob = joined or b""
    view = memoryview(blob)
    at = 0
    for seq, generation, length in zip(json.loads(seqs), json.loads(generations), json.loads(lengths), strict=True):
        wrap = at + ENVELOPE_ID_BYTES
        sealed = wrap + WRAP_BYTES
        yield _Row(seq, generation, blob[at:wrap], blob[wrap:sealed], view[sealed : sealed + length])
        at = sealed + length


def read_outcomes(connection: apsw.Connection, after: bytes, at_most: int) -> list[StoredOutcome]:
    """Read outcomes in the order of their handles' hashes, from behind `after`. Raises apsw.Error."""
    rows = fetch(
        connection,
        "SELECT hh, state, granted, deposited, at FROM outcome WHERE hh > ? ORDER BY hh LIMIT ?",
        (after, at_most),
    )
    return [
        StoredOutcome(
            handle_hash=HandleHash(digest), state=OutcomeState(state), granted=bool(granted), deposited=deposited, at=at
        )
        for digest, state, granted, deposited, at in rows
    ]


def read_outcome(connection: apsw.Connection, handle_hash: HandleHash) -> StoredOutcome | None:
    """Look up an outcome. Raises apsw.Error."""
    rows = fetch(connection, "SELECT state, granted, deposited, at FROM outcome WHERE hh = ?", (handle_hash,))
    for state, granted, deposited, at in rows:
        return StoredOutcome(
            handle_hash=handle_hash, state=OutcomeState(state), granted=bool(granted), deposited=deposited, at=at
        )
    return None
