"""How long to wait before the next try to reach the server."""

from typing import Final

FIRST_S: Final = 1.0
MOST_S: Final = 300.0
_DOUBLINGS: Final = 9
"""More doublings change nothing: the cap is reached."""


def wait_s(failures: int, chance: float) -> float:
    """Return the seconds to wait: doubling from 1 s to 5 min, half of it by chance.

    The jitter keeps all phones of a server from coming back in the same second after it was down.

    Args:
        failures: tries that failed in a row, at least 1.
        chance: uniform in [0, 1).
    """
    ceiling = min(MOST_S, FIRST_S * 2.0 ** min(max(failures, 1) - 1, _DOUBLINGS))
    return ceiling * (0.5 + chance / 2)
