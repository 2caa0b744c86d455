"""Mailboxes in SQLite (docs/explanation/storage.md, docs/adr/0004).

    store      EmbeddedMailboxStore: the ports MailboxStore and HourKeys; its two threads; what an error means
    database   opens the file, refuses what would not be durable, holds the schema
    writing    a batch as a handful of statements
    reading    load, window, outcome
    turning    re-wraps envelope keys under the next hour's key
    salvage    gets waiting envelopes off a damaged page at start
    sealing    an envelope under its own key, that key under the hour's
    faults     from SQLite's errors to ours

The relay calls `store` from its event loop. Batches go to one thread that owns the writing connection, reads to another
with a connection of its own, so that a slow fsync holds up neither the loop nor a phone that catches up.
"""
