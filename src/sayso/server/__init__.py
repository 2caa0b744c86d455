"""The server: a relay that cannot read, a directory that cannot list, a registrar that forgets.

    core/        decides: relay (mailboxes, live delivery, recall), lines, running clock, hour keys, enrolment rules
    ports        what core needs of the world: stores, clock, keyring, SMS, links
    adapters/    embedded mailbox store, directory (SQLAlchemy), keyrings, stream (picows), control plane (Litestar),
                 SMS gateway, VOPRF worker processes
    codes        opens the way that codes take, and loads no other
    app          puts one server together; `sayso server run` starts it

A deposit comes in at adapters/stream, is decided in core/relay, goes live to a link or into a batch of the mailbox
store; the control plane changes lines and tells the relay; the relay never asks the directory while a message flows.
"""
