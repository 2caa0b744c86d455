"""The relay: takes deposits, delivers live or out of the mailbox, and answers for what it took.

    entries    one envelope's life in the relay, and the deposit that waits for an answer
    mailbox    one device's envelopes: live, waiting, in doubt; the window of 256
    books      all mailboxes, and every envelope by the hash of its handle
    ledger     changes on their way into the store, and what happens once they are durable
    deposits   what is wrong with a deposit, or that it is taken
    delivery   live, and out of the mailbox
    endings    how custody ends, and who is told
    inquiries  recall and ask
    moving     a mailbox goes to another process
    strangers  what must not tell whether a phone is on: answers leave on a grid
    outbox     what is queued for one connection: frames that leave together
    relay      the frames of a stream turned into the above

Nothing here waits or reads a clock: `now` is the server's running time in seconds, and what must be durable first is
put into a `Batch` whose fate comes back through `committed` or `failed`.

    deposit ──▶ live ──ack──▶ delivered                              never on disk (a stranger's: one outcome)
       │          └─250 ms, link lost─▶ queued (born handed)
       └────────▶ queued ─commit▶ stored ─mark─▶ handed ─sent, ack─▶ settled
       └─stranger─▶ held ─250 ms─▶ queued      │        └ recall, TTL ─▶ doubt ─device answers─▶ settled
                                               └ recall, TTL ─▶ settled
"""
