"""What the phone decides: no I/O, no clock, no randomness of its own. Frozen values in, frozen values out.

    lines        a line: off, enrolling, on, leaving, paused; and its device, step by step through an enrolment
    lock         the registration lock: a line that waits for its number, or is told that another one does
    peers        what a line knows of another number: token, device, keys, grant, and whether it ever was in the cloud
    route        by which channel a text goes, or why it waits
    fallback     when a text goes by SMS after all, by its owner's policy
    notices      which SMS a sent-as-SMS notice means
    outgoing     the state machine of a text that goes out (design.md §5.4)
    outbox       a content on its way by cloud: ready, sealed, accepted; what each answer of the relay means for it
    incoming     what an opened envelope has to prove before a number is shown, and what then becomes of it
    sessions     which Olm session to send on, and when to open another
    restored     whether the store is an older copy of one that has been used since
    keys_upkeep  when keys are made, published, destroyed, and the certificate renewed
    texts        the row that a person sees: a message, in or out, or a word of the system in a thread
    sms/         what an SMS is made of: alphabets, headers, parts, what came
    modem_manager, termux, gammu   what each kind of modem says, read
    vcard        names and numbers out of address books
    codes        finds the code in the registrar's SMS
    reconnect    how long to wait before the next try

The layer `sayso.phone.line` drives all of it.
"""
