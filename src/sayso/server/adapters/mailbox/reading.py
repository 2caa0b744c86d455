"""What is read: everything once at start, envelopes by their seqs, an outcome by its handle's hash.

A damaged page of bodies costs the envelopes that lie on it and no others; rescue.py sees to the rows about them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import apsw

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnvelopeId, HandleHash
from sayso.server.adapters.mailbox.faults import is_damage
from sayso.server.adapters.mailbox.sealing import WrapKeys, open_body
from sayso.server.adapters.mailbox.statements import fetch
from sayso.server.core.model import Doubt, Held, StoredOutcome, Waiting
from sayso.server.errors import CorruptError

ENVELOPES_MAX: Final = 64
"""Envelopes read by one statement."""
_COLUMNS: Final = 4


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
        chunk = seqs[start : start + ENVELOPES_MAX]
        for seq, row in zip(chunk, _rows(connection, chunk), strict=True):
            envelope_id, generation, wrap, sealed = row
            if not (isinstance(envelope_id, bytes) and isinstance(wrap, bytes) and isinstance(sealed, bytes)):
                continue
            try:
                key = keys.unwrap(generation, wrap, seq=seq, envelope_id=envelope_id)
                envelopes.append((seq, open_body(sealed, key, device=device, envelope_id=envelope_id, seq=seq)))
            except CorruptError:
                continue
    return envelopes


def _rows(connection: apsw.Connection, seqs: Sequence[int]) -> list[tuple[Any, ...]]:
    """Read the rows of some envelopes as one long row: one statement, one step (statements.py tells why)."""
    try:
        values = fetch(connection, _select(len(seqs)), tuple(seqs))[0]
    except apsw.Error as error:
        if not is_damage(error):
            raise
        if len(seqs) == 1:
            return [(None,) * _COLUMNS]
        return [row for seq in seqs for row in _rows(connection, [seq])]
    return [values[place : place + _COLUMNS] for place in range(0, len(values), _COLUMNS)]


@lru_cache(maxsize=ENVELOPES_MAX)
def _select(count: int) -> str:
    one = (
        "(SELECT eid FROM mail WHERE seq=?{0}),(SELECT generation FROM mail WHERE seq=?{0}),"
        "(SELECT wrap FROM mail WHERE seq=?{0}),(SELECT sealed FROM body WHERE seq=?{0})"
    )
    return "SELECT " + ",".join(one.format(place) for place in range(1, count + 1))


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
