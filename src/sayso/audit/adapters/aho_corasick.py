"""The usual engine: an Aho-Corasick automaton in Rust (`ahocorasick_rs`), small and quick to build."""

from collections.abc import Sequence

from ahocorasick_rs import BytesAhoCorasick, Implementation


class AhoCorasickMatcher:
    """One automaton."""

    def __init__(self, patterns: Sequence[bytes], *, large: bool = False) -> None:
        kind = Implementation.DFA if large else Implementation.ContiguousNFA
        self._automaton = BytesAhoCorasick(list(patterns), implementation=kind)

    def find(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return (number of the pattern, start, end) for every occurrence."""
        return self._automaton.find_matches_as_indexes(data, overlapping=True)


class AhoCorasickEngine:
    """Makes automata.

    Args:
        large: much is to be searched: a table that takes five times as long to build and is twice as fast.
    """

    def __init__(self, *, large: bool = False) -> None:
        self._large = large

    def build(self, patterns: Sequence[bytes]) -> AhoCorasickMatcher:
        """Return an automaton for these patterns."""
        return AhoCorasickMatcher(patterns, large=self._large)
