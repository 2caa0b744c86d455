"""The tables of mailboxes, nodes and owners. Nothing is updated on the hot path: rows come, and go.

`mail` and what belongs to it lie in hash partitions by device, so that no index grows with the whole and vacuum works
on a sixteenth at a time. A body stays in its row up to 8 KiB (a sealed envelope of 2 KiB fits three times into a page)
and is never compressed: it is ciphertext.
"""

from typing import Final

import asyncpg

from sayso.server.errors import ConfigError

VERSION: Final = 1
PARTITIONS: Final = 16
SEQ_BLOCK: Final = 2**20
"""Seqs are drawn by the block: a node that takes a device over draws a fresh one, above all that were given out."""

_TABLES: Final = """
CREATE TABLE sayso_schema (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL);
CREATE TABLE mail (
    device bytea NOT NULL, seq bigint NOT NULL, eid bytea NOT NULL, hh bytea NOT NULL,
    deposited double precision NOT NULL, expires double precision NOT NULL, size integer NOT NULL,
    granted boolean NOT NULL, handed boolean NOT NULL, generation bigint NOT NULL, wrap bytea NOT NULL,
    sealed bytea NOT NULL, PRIMARY KEY (device, seq)
) PARTITION BY HASH (device);
ALTER TABLE mail ALTER sealed SET STORAGE EXTERNAL;
CREATE INDEX mail_hh ON mail USING hash (hh);
CREATE TABLE handed (device bytea PRIMARY KEY, upto bigint NOT NULL);
CREATE TABLE doubt (
    device bytea NOT NULL, eid bytea NOT NULL, hh bytea NOT NULL, granted boolean NOT NULL,
    deposited double precision NOT NULL, expires double precision NOT NULL, refused_means integer NOT NULL,
    PRIMARY KEY (device, eid)
);
CREATE INDEX doubt_hh ON doubt (hh);
CREATE TABLE outcome (
    hh bytea PRIMARY KEY, state integer NOT NULL, granted boolean NOT NULL, deposited double precision NOT NULL,
    at double precision NOT NULL
);
CREATE INDEX outcome_at ON outcome (at);
CREATE SEQUENCE seq_block;
CREATE TABLE node (
    id integer PRIMARY KEY, beat timestamptz NOT NULL, fenced boolean NOT NULL DEFAULT false,
    generation bigint NOT NULL, bus boolean NOT NULL
);
CREATE SEQUENCE node_id AS integer;
CREATE TABLE owner (device bytea PRIMARY KEY, node integer NOT NULL);
CREATE INDEX owner_node ON owner (node);
CREATE TABLE running_time (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), running double precision NOT NULL, at timestamptz NOT NULL
);
CREATE TABLE rewrapped (one boolean PRIMARY KEY DEFAULT true CHECK (one), generation bigint NOT NULL);
CREATE TABLE migration (one boolean PRIMARY KEY DEFAULT true CHECK (one), done boolean NOT NULL);
CREATE TABLE set_build (built bigint PRIMARY KEY, document bytea NOT NULL);
CREATE TABLE set_blob (sha256 bytea PRIMARY KEY, blob bytea NOT NULL);
INSERT INTO rewrapped (generation) VALUES (0);
"""


async def make_schema(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Make the tables if they are not there, inside a transaction; of several processes one does it.

    Raises:
        ConfigError: a newer Sayso made them.
        asyncpg.PostgresError: the database failed.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('sayso schema ' || current_schema()))")
    if await connection.fetchval("SELECT to_regclass('sayso_schema') IS NULL"):
        await connection.execute(_TABLES)
        for remainder in range(PARTITIONS):
            await connection.execute(
                f"CREATE TABLE mail_{remainder} PARTITION OF mail FOR VALUES WITH (MODULUS {PARTITIONS}, "
                f"REMAINDER {remainder}) WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05)"
            )
        await connection.execute("INSERT INTO sayso_schema (version) VALUES ($1)", VERSION)
        return
    version = await connection.fetchval("SELECT version FROM sayso_schema")
    if version != VERSION:
        raise ConfigError("the mailboxes in PostgreSQL were made by a newer Sayso: start that one")


async def refuse_half_moved(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Refuse a database that a migration was copying into when it was interrupted. Raises ConfigError."""
    if await connection.fetchval("SELECT done FROM migration") is False:
        raise ConfigError("a migration into this database was interrupted: run `sayso server migrate` again first")
