"""The machine's clock and randomness."""

import asyncio
import secrets
import time


class SystemClock:
    """The Clock port over the operating system."""

    def wall(self) -> float:
        """Unix seconds; may jump."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only grow while the process runs."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class SystemRandom:
    """The Random port over the operating system's generator."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return secrets.token_bytes(count)
