"""The system's clock and randomness."""

import os
import time


class SystemClock:
    """A Clock: `time.time` and `time.monotonic` (which stands still while the machine sleeps)."""

    def wall(self) -> float:
        """Unix seconds; may jump."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only grow while the process runs."""
        return time.monotonic()


class SystemRandom:
    """A Random: the kernel's generator."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes, fit for keys."""
        return os.urandom(count)
