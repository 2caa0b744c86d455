"""A batch as a handful of statements (statements.py tells why they are few)."""

import json
from collections.abc import Sequence
from typing import Final

import apsw

from sayso.server.adapters.mailbox.faults import is_damage
from sayso.server.adapters.mailbox.sealing import KEY_BYTES, RANDOM_BYTES, WrapKeys, seal
from sayso.server.adapters.mailbox.statements import Value, fetch, insert
from sayso.server.core.model import Batch, Doubt, Put, StoredOutcome
from sayso.server.ports import Random


def write(
    connection: apsw.Connection, batch: Batch, *, keys: WrapKeys, random: Random, delete_bodies: bool = True
) -> None:
    """Write a batch, inside a transaction, in the order of its fields.

    Args:
        connection: to write to.
        batch: what to write.
        keys: wrap the keys of new envelopes.
        random: for their keys and nonces.
        delete_bodies: False where a damaged page stands in the way; without its wrap nobody can open a body.

    Raises:
        apsw.Error: the database failed.
    """
    if batch.put:
        _put(connection, batch.put, keys=keys, random=random)
    if batch.handed:
        rows = [(device, upto) for device, upto in batch.handed.items()]
        insert(connection, "INSERT INTO handed VALUES", rows, _KEEP_HIGHEST)
    _delete_envelopes(connection, leaving(batch), bodies=delete_bodies)
    _outcomes(connection, [outcome for _, outcome in batch.settled])
    if batch.doubted:
        insert(connection, "INSERT OR REPLACE INTO doubt VALUES", [_doubt_row(doubt) for _, doubt in batch.doubted])
    if batch.resolved:
        pairs = json.dumps([(device.hex(), envelope_id.hex()) for device, envelope_id, _ in batch.resolved])
        connection.execute(_RESOLVE, (pairs,))
    _outcomes(connection, [outcome for _, _, outcome in batch.resolved])
    _outcomes(connection, batch.outcomes)
    if batch.collected:
        connection.execute(_COLLECT, (json.dumps([handle_hash.hex() for handle_hash in batch.collected]),))
    if batch.forget_before is not None:
        _forget(connection, batch.forget_before, newest_generation=keys.newest_generation, bodies=delete_bodies)
    _note(connection, batch)


_KEEP_HIGHEST: Final = " ON CONFLICT (device) DO UPDATE SET upto = max(upto, excluded.upto)"
_RESOLVE: Final = (
    "DELETE FROM doubt WHERE (device, eid) IN (SELECT unhex(value ->> 0), unhex(value ->> 1) FROM json_each(?))"
)
_COLLECT: Final = "DELETE FROM outcome WHERE hh IN (SELECT unhex(value) FROM json_each(?))"


def leaving(batch: Batch) -> list[int]:
    """Return the seqs of the envelopes that a batch deletes."""
    return [seq for seq, _ in batch.settled] + [seq for seq, _ in batch.doubted]


def delete_sound_bodies(connection: apsw.Connection, seqs: Sequence[int]) -> None:
    """Delete bodies one by one, each in a transaction of its own; those on damaged pages stay where they are.

    In one transaction it cannot be done: after a page that cannot be read SQLite lets nothing more be written in it.

    Raises:
        apsw.Error: the database failed otherwise.
    """
    for seq in seqs:
        try:
            connection.execute("DELETE FROM body WHERE seq = ?", (seq,))
        except apsw.Error as error:
            if not is_damage(error):
                raise


def _delete_envelopes(connection: apsw.Connection, seqs: Sequence[int], *, bodies: bool) -> None:
    if not seqs:
        return
    chosen = json.dumps(seqs)
    connection.execute("DELETE FROM mail WHERE seq IN (SELECT value FROM json_each(?))", (chosen,))
    if bodies:
        connection.execute("DELETE FROM body WHERE seq IN (SELECT value FROM json_each(?))", (chosen,))


def _forget(connection: apsw.Connection, before: float, *, newest_generation: int, bodies: bool) -> None:
    """Forget old outcomes, and envelopes whose hour key is lost: the relay does not know of these, nobody else will."""
    connection.execute("DELETE FROM outcome WHERE at < ?", (before,))
    lost = fetch(
        connection,
        "SELECT json_group_array(seq) FROM mail WHERE expires < ? AND generation <> ?",
        (before, newest_generation),
    )
    _delete_envelopes(connection, json.loads(lost[0][0]), bodies=bodies)


def _put(connection: apsw.Connection, puts: Sequence[Put], *, keys: WrapKeys, random: Random) -> None:
    drawn = random.token_bytes(RANDOM_BYTES * len(puts))
    mail: list[tuple[Value, ...]] = []
    bodies: list[tuple[Value, ...]] = []
    for place, put in enumerate(puts):
        waiting = put.waiting
        offset = place * RANDOM_BYTES
        key = drawn[offset : offset + KEY_BYTES]
        nonce = drawn[offset + KEY_BYTES : offset + RANDOM_BYTES]
        seq, device, envelope_id = waiting.seq, waiting.device, waiting.envelope_id
        bodies.append((seq, seal(put.envelope, key, device=device, envelope_id=envelope_id, seq=seq)))
        mail.append(
            (
                seq,
                device,
                envelope_id,
                waiting.handle_hash,
                waiting.deposited,
                waiting.expires,
                waiting.size,
                waiting.granted,
                waiting.handed,
                keys.newest_generation,
                keys.wrap(key, nonce, seq=seq, envelope_id=envelope_id),
            )
        )
    insert(connection, "INSERT INTO mail VALUES", mail)
    insert(connection, "INSERT INTO body VALUES", bodies)


def _outcomes(connection: apsw.Connection, outcomes: Sequence[StoredOutcome]) -> None:
    rows = [(o.handle_hash, int(o.state), o.granted, o.deposited, o.at) for o in outcomes]
    insert(connection, "INSERT OR REPLACE INTO outcome VALUES", rows)


def _doubt_row(doubt: Doubt) -> tuple[Value, ...]:
    return (
        doubt.device,
        doubt.envelope_id,
        doubt.handle_hash,
        doubt.granted,
        doubt.deposited,
        doubt.expires,
        int(doubt.refused_means),
    )


def _note(connection: apsw.Connection, batch: Batch) -> None:
    """Keep the next seq and the latest running time, so that neither ever goes back when rows are deleted."""
    seqs = [put.waiting.seq for put in batch.put] + list(batch.handed.values())
    times = [put.waiting.deposited for put in batch.put]
    for outcomes in ((o for _, o in batch.settled), (o for _, _, o in batch.resolved), batch.outcomes):
        times += [outcome.at for outcome in outcomes]
    if seqs or times:
        connection.execute(
            "UPDATE meta SET next_seq = max(next_seq, ?), latest = max(latest, ?)",
            (max(seqs, default=0) + 1, max(times, default=0.0)),
        )
