"""One line at work: brings ports and core together. Above the adapters, of which it uses the store alone.

    owner        the owner's commands, and what the owner is shown
    service      one line: its state, what its owner can do with it, and what runs while it is off, enrolling, on
    enrolment    opt-in, step by step (design.md §5.1)
    waiting      a line that waits for a number under which another device is enrolled
    lock         the lock of a line that is on: its PIN, and a device that waits for its number
    lock_desk    both of these, on the owner's word and by themselves
    receipts     the owner's proofs of consent
    agreeing     a policy that changed: the owner is asked anew
    remedy       an update that changed a default: no line stays on without a current consent
    restored     a store that is an older copy: its keys are used no more
    leaving      opt-out (§5.6), and an enrolment that the server ended
    last_recall  what still waits in others' mailboxes at opt-out: offered for recall first
    online       connects, reconnects, reads frames; starts what follows while the stream is open
    inbox        an envelope: opened, checked, stored in one transaction, then acknowledged
    outgoing     texts of the owner's: written down, given a channel, moved through their states
    dispatch     contents that go out: in order, sealed durably, deposited, answered
    sealing      ratchet, seal and handle of one content, in one transaction
    claims       a peer's token and keys
    discovery    the contacts' tokens, in batches, by the clock
    enrolled_set the set of enrolled lines: fetched by the clock; what it says of contacts
    upkeep       own keys, grant, certificate, statement
    epochs       the line's way to another epoch, without a code
    certificates the line's own certificate, checked
    statements   the server's statement, checked and kept
    texting      the modem: SMS that go out
    incoming_sms SMS that come in: stored once, then deleted from the modem
    sim_watch    the SIM that the line is bound to
    joining      an SMS that a sent-as-SMS notice names
    patience     what a text waits for, and what happens when that takes too long
    shown        policies, waiting and the next text's way in the owner's words
    chance       a fair chance from the Random port
    world        what all of these are given

Everything runs in one event loop, and nothing awaits inside a transaction: what is read, decided and written between
two awaits belongs together.
"""
