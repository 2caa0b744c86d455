"""Measurements of the real server; `make bench` runs them (docs/reference/benchmarks.md tells how to read them).

    __main__    the command line: which workloads, how often, where the figures go
    settings    how much of everything; `QUICK` for the smoke test
    accounts    enrolled lines, seeded into the directory while no server runs
    backing     PostgreSQL and NATS for a server of several processes: those that the tests start
    server      the server under test: a process of its own, started, killed, measured
    procfs      what /proc says of a process and its children; the meter around a measured window
    wire        frames as ready-made bytes, and answers read by their fixed layout: a driver that is not the limit
    clients     connections of the driver: a sender that keeps a window full, a recipient that acknowledges and counts
    reference   a fixed piece of work beside each run: how fast the machine is just now
    instructions  the server's work per message, counted under valgrind; a command of its own
    strace      which system calls touch a file while messages flow
    workloads/  one module for each kind of load
    results     medians, worst cases, targets
    report      the table for people
    soak        load and `kill -9`, for as long as you like

The driver is the process that you start; the server is its child. Each has a core to itself where there are two.
"""
