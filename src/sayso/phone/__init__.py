"""The phone side: a daemon that keeps lines, texts and consent, and is silent until its owner says so.

    core/        decides: outbox and inbox state machines, sessions, what an SMS or an envelope becomes
    ports        what core needs of the world: ratchet, modem, control plane, stream, clock
    adapters/    encrypted store, vodozemac, HTTP and stream through the gate, modems, commands
    line/        one line at a time: enrolment, stream, inbox, outbox, upkeep, leaving; and what its owner asks
    app          puts one phone together; `sayso phone run` starts it

Everything that goes out passes `sayso.consent.gate`; the modem and the commands come in over Unix sockets.
"""
