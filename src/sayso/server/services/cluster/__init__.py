"""Several processes as one server (docs/explanation/scale.md, docs/adr/0025).

    messages   what nodes say to each other
    channels   in order and exactly once, as long as both live; by whichever way the bus brings them
    holder     which mailboxes this node holds: takes them over, gives them away
    gather     many askers, one query for all of them
    router     deposits and questions, to the node that holds the mailbox, and the answers back
    routes     the deposits of one token that are under way
    control    what the control plane tells the relay, wherever the mailbox is
    node       keeps this process among the living, and stops it when it no longer is

    phone ─▶ stream ─▶ router ─▶ mailbox held here? ─ yes ─▶ relay (as in a server of one process)
                         ▲              └─ no ─▶ channel ─▶ the other node's router ─▶ its relay
                         └──────────────── answers ◀────────────────┘

A mailbox is held by one node, or by none, as PostgreSQL says. So everything about one device is decided by one relay.
"""
