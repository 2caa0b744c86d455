"""The system's clocks and randomness."""

import secrets
import time


class SystemClock:
    """The Clock port."""

    def wall(self) -> float:
        """Return Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some moment; never goes back."""
        return time.monotonic()


class SystemRandom:
    """The Random port."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes of the system."""
        return secrets.token_bytes(count)
