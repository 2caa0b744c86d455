"""The relay: takes deposits, delivers live or out of the mailbox, and answers for what it took.

    entries    one envelope's life in the relay, and the deposit that waits for an answer
    mailbox    one device's envelopes: live, waiting, in doubt; the window of 256
    ledger     changes on their way into the store, and what happens once they are durable
    strangers  answers that must not tell whether a phone is on: they leave on a grid
    relay      the frames of a stream turned into the above

Nothing here waits or reads a clock: `now` is the server's running time in seconds, and what must be durable first is
put into a `Batch` whose fate comes back through `committed` or `failed`.

    deposit ──▶ live ──ack──▶ delivered                              never on disk
       │          └─250 ms, link lost─▶ queued (born handed)
       └────────▶ queued ─commit▶ stored ─mark─▶ handed ─sent, ack─▶ settled
                                     │               └ recall, TTL ─▶ doubt ─device answers─▶ settled
                                     └ recall, TTL ─▶ settled
"""
