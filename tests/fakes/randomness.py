"""A Random that gives the same bytes in each run."""

from random import Random as Generator


class SeededRandom:
    """Bytes from a seed; for tests only."""

    def __init__(self, seed: int = 0) -> None:
        self._generator = Generator(seed)

    def token_bytes(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        return self._generator.randbytes(count)
