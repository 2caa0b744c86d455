"""Mailboxes in SQLite (docs/explanation/storage.md, docs/adr/0004).

    store      EmbeddedMailboxStore: the ports MailboxStore and HourKeys; its two threads; what an error means
    database   opens the file, refuses what would not be durable, holds the schema
    statements how statements are run: few, with many rows each
    writing    a batch as such statements
    reading    load, window, outcome
    turning    re-wraps envelope keys under the next hour's key
    rescue     sets a damaged file aside, and goes on with what can be read of it
    pages      rows off the pages of a damaged file
    sealing    an envelope under its own key, that key under the hour's
    faults     from SQLite's errors to ours

The relay calls `store` from its event loop. Batches go to one thread that owns the writing connection, reads to another
with a connection of its own, so that a slow fsync holds up neither the loop nor a phone that catches up.
"""
