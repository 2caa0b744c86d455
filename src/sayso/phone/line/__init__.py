"""One line at work: brings ports and core together. Above the adapters, of which it uses the store alone.

    service      one line: its state, what its owner can do with it, and what runs while it is off, enrolling, on
    enrolment    opt-in, step by step (design.md §5.1)
    leaving      opt-out (§5.6), and an enrolment that the server ended
    online       connects, reconnects, reads frames; starts what follows while the stream is open
    inbox        an envelope: opened, checked, stored in one transaction, then acknowledged
    dispatch     contents that go out: in order, sealed durably, deposited, answered
    sealing      ratchet, seal and handle of one content, in one transaction
    claims       a peer's token and keys
    upkeep       own keys, grant, certificate, statement
    statements   the server's statement, checked and kept
    texting      the modem: SMS both ways, and the SIM that the line is bound to
    world        what all of these are given

Everything runs in one event loop, and nothing awaits inside a transaction: what is read, decided and written between
two awaits belongs together.
"""
