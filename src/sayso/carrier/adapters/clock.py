"""The system's clock."""

import time


class SystemClock:
    """Unix time."""

    def now(self) -> float:
        """Return Unix time in seconds."""
        return time.time()
