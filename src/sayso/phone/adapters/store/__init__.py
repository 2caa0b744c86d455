"""The phone's encrypted store: SQLite with ChaCha20-Poly1305 pages, through apsw-sqlite3mc.

    database   opens it, checks that it is durable, and gives the one way to write: a named transaction
    schema     the tables, and the list of migrations
    rows       dataclasses to rows and back
    lines      lines, devices, consents, own envelope keys
    locks      what lines know of registration locks
    peers      other numbers, contacts, Olm sessions
    texts      threads
    fallbacks  when texts go by SMS, as their owner chose
    notices    sent-as-SMS notices that came
    outbox     contents on their way, receipts that are due
    handed     SMS that a modem was given
    seen       what came already: envelopes, message ids, SMS
    odd        statement digests of peers that have still to be judged
    conversations  threads, one row each: how many are unread, which text is the last
    search     every text by what stands in it
    regard     who is blocked, and whose keys the owner has compared
    preferences  how the owner likes the web app, and its sessions
    journal    the gate's connections ("What has left this phone")
    store      all of it behind one name

Texts, numbers and keys are nowhere else on the phone's disk. Calls block for the length of an fsync, a millisecond or
so: a phone has one owner, and one commit thread less to reason about.
"""

from sayso.phone.adapters.store.store import Store

__all__ = ["Store"]
