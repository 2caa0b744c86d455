"""A `sayso` command whose commit boundaries are watched, and which kills itself with SIGKILL at the armed one.

    python -m tests.integration.armed server run --data ./server ...

    SAYSO_TEST_WHO    what it is called in what is told
    SAYSO_TEST_TOLD   path of a Unix socket: hears of each boundary, a line each
    SAYSO_TEST_KILL   NAME:NTH:before|after, the boundary to die at
    SAYSO_TEST_AHEAD  a file with seconds by which the server's clock is ahead; read again, with a minute's
                      housekeeping, at SIGUSR1

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
