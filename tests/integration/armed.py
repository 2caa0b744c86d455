"""A `sayso` command whose commit boundaries are watched, and which kills itself with SIGKILL at the armed one.

    python -m tests.integration.armed server run --data ./server ...

    SAYSO_TEST_WHO    what it is called in what is told
    SAYSO_TEST_TOLD   path of a Unix socket: hears of each boundary, a line each
    SAYSO_TEST_KILL   NAME:NTH:before|after, the boundary to die at
    SAYSO_TEST_AHEAD  a file with the seconds by which the clock of server and phone is ahead; at SIGUSR1 a server
                      does a minute's work at once
    SAYSO_TEST_LIMITS JSON: limits of the server that are others than the protocol's
    SAYSO_TEST_DENY_PRAGMA  a pragma of SQLite's that has no effect

`python -m tests.integration.armed --nursery FD` starts such commands by forking (see nursery.py).
"""

import sys

# A server's worker process imports this module anew and needs nothing of it.
if __name__ == "__main__":
    from tests.integration.arming import run_armed, run_nursery

    if sys.argv[1:2] == ["--nursery"]:
        run_nursery(int(sys.argv[2]))
    else:
        run_armed(sys.argv[1:])
