"""What the parts of Sayso agree on: pure, no I/O, no clock, no randomness of its own.

    numbers      phone numbers (E.164), and which of them may ever leave by cloud
    ids          the random ids and digests of design.md §3, as distinct types
    limits       every size, count and time that both sides must know, in one table
    signing      what a signature covers; Ed25519 through `cryptography`
    statement    the server's signed description of itself
    requests     HTTP requests signed by a profile of RFC 9421
    api          the bodies of the control plane
    frames       the frames of the stream; `stream` turns WebSocket messages into them and back
    tokens       from number to token by way of the VOPRF (RFC 9497)
    golomb       sorted numbers in few bits; `enrolled_set` and `set_manifest` make the set of enrolled lines of them
    pin          from the PIN of a registration lock to its verifier, by way of another VOPRF
    xwing        X-Wing keys on the wire, and HPKE (RFC 9180) with them
    certificate  the sender certificate
    keys         the keys a device publishes, each signed for its purpose
    content      what is inside an envelope, once the ratchet is open
    envelope     padding and sealing around the ratchet's message
    passphrase   bytes sealed under a passphrase (Argon2id)
    modem        what a phone and a simulated modem say to each other

Two libraries draw randomness of their own and offer no other way: HPKE's encapsulation and the VOPRF's blind.
"""
