"""The usual engine: an Aho-Corasick automaton in Rust (`ahocorasick_rs`), small and quick to build."""

from collections.abc import Sequence

from ahocorasick_rs import BytesAhoCorasick


class AhoCorasickMatcher:
    """One automaton."""

    def __init__(self, patterns: Sequence[bytes]) -> None:
        self._automaton = BytesAhoCorasick(list(patterns))

    def find(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return (number of the pattern, start, end) for every occurrence."""
        return self._automaton.find_matches_as_indexes(data, overlapping=True)


class AhoCorasickEngine:
    """Makes automata."""

    def build(self, patterns: Sequence[bytes]) -> AhoCorasickMatcher:
        """Return an automaton for these patterns."""
        return AhoCorasickMatcher(patterns)
