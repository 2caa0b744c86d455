"""The fast engine, an extra: Hyperscan through `hyperscan`. The same answers as the usual one, in another order."""

from collections.abc import Sequence

import hyperscan


class HyperscanMatcher:
    """One database of literals and the memory that scanning it needs."""

    def __init__(self, patterns: Sequence[bytes]) -> None:
        self._sizes = [len(pattern) for pattern in patterns]
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            # Written as hex escapes: as literals they would end at their first zero byte.
            expressions=[b"".join(b"\\x%02x" % byte for byte in pattern) for pattern in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[0] * len(patterns),
        )
        self._scratch = hyperscan.Scratch(self._database)

    def find(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return (number of the pattern, start, end) for every occurrence."""
        found: list[tuple[int, int, int]] = []
        sizes = self._sizes

        def met(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((number, end - sizes[number], end))

        self._database.scan(data, match_event_handler=met, scratch=self._scratch)
        return found


class HyperscanEngine:
    """Makes databases."""

    def build(self, patterns: Sequence[bytes]) -> HyperscanMatcher:
        """Return a database of these patterns."""
        return HyperscanMatcher(patterns)
